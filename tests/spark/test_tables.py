"""A table of the cluster's catalog comes to what the same rows come to in files."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audsync.domain import Platform
from audsync.errors import SourceError
from audsync.identifiers.kernel import PrepareSpec
from audsync.segments.contract import FileQuery, Query, TableQuery
from audsync.snapshots.folder import SPILL, AudienceFolder
from audsync.sync.desired import prepare_segment
from audsync.sync.spark import results, tables
from audsync.sync.spark.session import connect
from audsync.sync.wanted.parts import Cluster, Reading
from tests.spark.server import Server
from tests.spark.test_agreement import SEEDS, Line, Place, lines
from tests.spark.test_cluster import has_parts

_ODD = {
    "id": pa.array([1, 2, 3, 4], pa.int64()),
    "email": pa.array([b"ann@example.com", None, b"eve@example.com", b""], pa.binary()),
    "mails": pa.array([["b@x.example", "c@x.example"], [], None, ["d@x.example", None]]),
    "phone": pa.array([14155552671.0, float("nan"), 4915112345678.0, 1.5]),
    "crm": pa.array([Decimal("7.00"), Decimal("8.50"), None, Decimal("0.00")], pa.decimal128(9, 2)),
    "a.b": pa.array(["yes", "no", "yes", None]),
    "born": pa.array([date(1990, 1, 2), None, date(2000, 2, 29), date(1970, 1, 1)]),
    "seen": pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * 4, pa.timestamp("us", "UTC")),
    "told": pa.array([datetime(2026, 1, 1, 12)] * 4, pa.timestamp("us")),  # noqa: DTZ001 - without
    "is_on": pa.array([True, False, None, True]),
}


def spark_of(cluster: Cluster) -> Any:  # noqa: ANN401 - Spark's own session, of which tests want all
    """What makes tables."""
    return connect(cluster)._spark  # noqa: SLF001 - audsync itself makes none


def save(cluster: Cluster, files: Path, name: str) -> str:
    """The files as a table of three parts or so."""
    spark = spark_of(cluster)
    spark.read.parquet(files.as_uri()).repartition(3).write.mode("overwrite").saveAsTable(name)
    return name


@pytest.mark.parametrize("seed", [*range(0, SEEDS, 4)])
def test_a_table_is_prepared_like_its_files(seed: int, tmp_path: Path, cluster: Cluster) -> None:
    place = Place(root=tmp_path, seed=seed)
    place.write()
    table = save(cluster, place.source, f"people_{seed}")
    here, there = place.prepare("here", None), place.prepare("there", cluster, table=table)
    assert lines(there) == lines(here)
    assert there[0].counts == here[0].counts
    assert there[0].list_sizes == here[0].list_sizes


def prepared(root: Path, query: Query, cluster: Cluster | None) -> tuple[Any, Any]:
    folder = AudienceFolder(root, "a" if cluster else "b")
    work = folder.open_work()
    reading = Reading(
        query=replace(query, spill=work / SPILL),
        suppress=[],
        spec=PrepareSpec(platform=Platform.META, region="US"),
        salt="salt",
        folder=folder,
        work=work,
        memory_bytes=200 << 20,
        advance=lambda _rows: None,
        cluster=cluster,
    )
    return lines((prepare_segment(reading, None), folder))


def odd(root: Path) -> dict[str, Any]:
    """A file of every type, and what a query of it has beside its place."""
    pq.write_table(pa.table(_ODD), root / "odd.parquet")
    texts = ("born", "seen", "told", "is_on")
    return {
        "columns": {
            "profile_id": ("id",),
            "email": ("email", "mails"),
            "phone": ("phone",),
            "consent": ("a.b",),
            "external_id": ("crm", *texts),
        },
        "where": None,
        "traits": ("born", "seen"),
        "salt": "salt",
        "memory_bytes": 200 << 20,
        "spill": root,
    }


def test_every_type_means_what_it_means_in_a_file(tmp_path: Path, cluster: Cluster) -> None:
    shared = odd(tmp_path)
    table = save(cluster, tmp_path / "odd.parquet", "odd")
    file = FileQuery(path=str(tmp_path / "odd.parquet"), format=None, **shared)
    here: tuple[Any, Any] = prepared(tmp_path, file, None)
    there = prepared(tmp_path, TableQuery(table=table, **shared), cluster)
    assert there == here
    assert sum(here[0].values()) > 10


def test_a_view_decides_who_is_in_it(tmp_path: Path, cluster: Cluster) -> None:
    shared = odd(tmp_path)
    save(cluster, tmp_path / "odd.parquet", "odd")
    spark = spark_of(cluster)
    spark.sql("create or replace view few as select * from odd where id <> 1")
    for where, count in (("id % 3 <> 0", 2), ("1 = 0", 0)):
        query = TableQuery(table="few", **{**shared, "where": where})
        rows: dict[Line, int] = prepared(tmp_path, query, cluster)[1]
        assert sum(rows.values()) == count


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"table": "nowhere"}, "TABLE_OR_VIEW_NOT_FOUND"),
        ({"where": "id = ="}, "PARSE_SYNTAX_ERROR"),
        ({"columns": {"profile_id": ("ID",), "email": ("email",)}}, "no column `ID`.*`id`"),
        ({"columns": {"profile_id": ("mails",), "email": ("email",)}}, "odd .part"),
    ],
)
def test_what_a_table_lacks_is_told(
    change: dict[str, Any], words: str, tmp_path: Path, cluster: Cluster
) -> None:
    shared = odd(tmp_path)
    save(cluster, tmp_path / "odd.parquet", "odd")
    with pytest.raises(SourceError, match=words):
        prepared(tmp_path, TableQuery(**{"table": "odd", **shared, **change}), cluster)


def test_a_table_that_does_not_come_whole_is_not_used(
    tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(root=tmp_path, seed=4)
    place.write()
    table = save(cluster, place.source, "people_4")
    every = results.read_back

    def without_a_file(folder: Path) -> object:
        next(folder.glob("part-*.parquet")).unlink()
        return every(folder)

    monkeypatch.setattr(results, "read_back", without_a_file)
    with pytest.raises(SourceError, match="Nothing of it was used"):
        place.prepare("there", cluster, table=table)


def test_an_executor_that_is_killed_changes_nothing(
    tmp_path: Path, cluster: Cluster, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(root=tmp_path, seed=12)
    place.write(files=8, rows=4000)
    spark = spark_of(cluster)
    frame = spark.read.parquet(place.source.as_uri()).repartition(8)
    frame.write.mode("overwrite").option("maxRecordsPerFile", 500).saveAsTable("many")
    spark.conf.set("spark.sql.files.maxPartitionBytes", 8192)
    here = place.prepare("here", None)
    before = set(server.executors())
    killed: list[int] = []

    def kill() -> None:
        if not killed and has_parts(tmp_path / "there"):
            killed.append(min(before))
            server.kill(killed[0])

    monkeypatch.setattr("audsync.sync.spark.session._LOOK_S", 0.01)
    there = place.prepare("there", cluster, watch=kill, table="many")
    assert killed
    assert lines(there) == lines(here)


def test_doctor_finds_the_table(tmp_path: Path, cluster: Cluster) -> None:
    shared = odd(tmp_path)
    table = save(cluster, tmp_path / "odd.parquet", "odd")
    assert tables.look(cluster, TableQuery(table=table, **shared)) == "odd: 10 columns"
