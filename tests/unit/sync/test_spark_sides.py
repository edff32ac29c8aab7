"""A difference whose large files are looked through elsewhere comes to the plan of this machine.

Elsewhere is this process: what Spark itself does is looked at in `tests/spark`.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pytest

from audsync.errors import SourceError
from audsync.snapshots import parquet
from audsync.sync.change.sides import Both, Sides
from audsync.sync.spark import results, scans
from audsync.sync.spark import sides as far
from audsync.sync.spark.lines import Part
from audsync.sync.spark.session import Job
from audsync.sync.spark.sides import ClusterSides, Comparing
from audsync.sync.tables import duck
from audsync.sync.tables.layers import Layers
from audsync.sync.wanted.compose import write_profiles
from audsync.sync.wanted.digest import IDENTIFIERS
from audsync.sync.wanted.parts import Cluster
from audsync.vault.keys import Key, KeyRing
from tests.sim.far_bench import FarBench
from tests.sim.history import play
from tests.sim.people import first_crowd, next_crowd
from tests.sim.test_engines_agree import Twins
from tests.sim.ways import way_of
from tests.unit.sync.pretend_cluster import PretendCluster

LIVES = int(os.environ.get("AUDSYNC_LIVES", "6"))
_TOP = 2**64 - 1
_NOWHERE = Cluster(remote="sc://nowhere", compares=True)
Cell = tuple[int, int, bytes, int]


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> PretendCluster:
    cluster = PretendCluster()
    monkeypatch.setattr(far, "connect", lambda _cluster: cluster)
    monkeypatch.setattr(far, "WORTH_LINES", 0)
    monkeypatch.setattr(scans, "STRETCH_LINES", 12)
    return cluster


def _file(path: Path, cells: list[Cell]) -> Layers:
    """A state file of three lines a row group."""
    with parquet.writer(path, IDENTIFIERS) as file:
        for first in range(0, len(cells), 3):
            columns = zip(*cells[first : first + 3], strict=True)
            arrays = [
                pa.array(column, field.type)
                for column, field in zip(columns, IDENTIFIERS, strict=True)
            ]
            file.write_batch(pa.record_batch(arrays, schema=IDENTIFIERS))
    return Layers(identifiers=path)


def _both(folder: Path) -> Both:
    before = [(one, 1, b"%d" % one, 0) for one in range(20)]
    before += [(_TOP, 1, b"top", 0), (_TOP - 1, 1, b"stays", 0), (2**63, 2, b"", 0)]
    after = [cell for cell in before if cell[0] not in {3, _TOP}]
    after += [(4, 2, b"more", 0), (5, 2, b"not taken", 7), (2**63 + 1, 1, b"comes", 0)]
    return Both(
        confirmed=_file(folder / "c.parquet", before), wanted=_file(folder / "d.parquet", after)
    )


def _comparing(work: Path) -> Comparing:
    return Comparing(cluster=_NOWHERE, work=work, memory_bytes=0, check=lambda: None)


@pytest.mark.parametrize("seed", range(LIVES))
@pytest.mark.usefixtures("pretended")
def test_a_cluster_comes_to_the_same_plan(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    twins = Twins(FarBench(tmp_path, _NOWHERE), random, way_of(seed))
    crowd = first_crowd(random, is_linked=False, size=random.randrange(1, 25))
    for _ in range(4):
        twins.live(crowd)
        crowd = next_crowd(random, crowd, is_linked=False)


@pytest.mark.parametrize("seed", range(LIVES))
@pytest.mark.usefixtures("pretended")
def test_a_history_ends_exact_wherever_differences_are_made(seed: int, tmp_path: Path) -> None:
    play(seed, FarBench(tmp_path, _NOWHERE))


def test_profiles_of_64_bits_are_found(tmp_path: Path, pretended: PretendCluster) -> None:
    with duck.session(tmp_path, memory_bytes=0) as con:
        sides = _comparing(tmp_path).sides(con, _both(tmp_path))
        assert isinstance(sides, ClusterSides)
        found = con.execute(f"select profile from {sides.differing()}").fetchall()
        assert {profile for (profile,) in found} == {3, 4, _TOP, 2**63 + 1}
    (job,) = pretended.jobs
    assert job.shares > 2, "a file of several row groups is several tasks"
    assert job.then is not None


def test_lines_are_found_by_what_they_hold(tmp_path: Path, pretended: PretendCluster) -> None:
    both = _both(tmp_path)
    with duck.session(tmp_path, memory_bytes=0) as con:
        sides = _comparing(tmp_path).sides(con, both)
        con.execute("create temp table asked as select 1::utinyint as kind, 'top'::blob as value")
        con.execute("create temp table nothing as select * from asked where false")
        sides.pick("like", c="asked", d="nothing", by="kind, value")
        assert con.execute("select * from c_like").fetchall() == [(_TOP, 1, b"top")]
        assert con.execute("select * from d_like").fetchall() == []
    assert all(job.then is None for job in pretended.jobs)


def test_what_is_refused_counts_on_neither_side(tmp_path: Path, pretended: PretendCluster) -> None:
    refused = tmp_path / "refused.parquet"
    both = replace(_both(tmp_path), unconfirmed=refused, unwanted=refused)
    with duck.session(tmp_path, memory_bytes=0) as con:
        query = "select 1::ubigint as profile, 1::utinyint as kind, 'stays'::blob as value"
        duck.write(con, query, refused)
        sides = _comparing(tmp_path).sides(con, both)
        sides.mask(refused)
        assert con.execute("select * from masked").fetchall() == [(_TOP - 1, 1, b"stays")]
        con.execute("create temp table near as select distinct profile from masked")
        sides.pick("near", c="near", d="near", by="profile")
        assert duck.count(con, "select count(*) from c_near") == 0
    assert [job.shares for job in pretended.jobs] == [2, 4]


@pytest.mark.parametrize("side", ["confirmed", "wanted"])
@pytest.mark.usefixtures("pretended")
def test_a_patch_of_either_side_counts(side: str, tmp_path: Path) -> None:
    later = _file(tmp_path / "later.parquet", [(8, 1, b"other", 0), (8, 2, b"no", 5)])
    patched = replace(
        getattr(_both(tmp_path), side),
        outdated=write_profiles(np.array([8, 9], np.uint64), tmp_path / "outdated.parquet"),
        later_identifiers=later.identifiers,
    )
    both = replace(_both(tmp_path), **{side: patched})
    found = []
    for make in (Sides, _comparing(tmp_path).sides):
        with duck.session(tmp_path, memory_bytes=0) as con:
            sides = make(con, both)
            near = f"select distinct profile from {sides.differing()}"
            con.execute(f"create temp table near as {near}")
            con.execute("create temp table asked as select kind, value from d where profile > 4")
            sides.pick("near", c="near", d="near", by="profile")
            sides.pick("like", c="asked", d="asked", by="kind, value")
            tables = ("near", "c_near", "d_near", "c_like", "d_like")
            rows = (con.execute(f"select * from {name} order by all") for name in tables)
            found.append([each.fetchall() for each in rows])
    assert found[0] == found[1]
    assert {8, 9} < {profile for (profile,) in found[0][0]}


def test_where_much_is_looked_for_this_machine_looks(
    tmp_path: Path, pretended: PretendCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(far, "MOST_ASKED", 1)
    with duck.session(tmp_path, memory_bytes=0) as con:
        sides = _comparing(tmp_path).sides(con, _both(tmp_path))
        con.execute("create temp table near as select 3::ubigint as profile union all select 4")
        sides.pick("near", c="near", d="near", by="profile")
        assert duck.count(con, "select count(*) from c_near") == 2
    assert pretended.jobs == []


def test_what_is_small_sealed_or_shared_stays_here(
    tmp_path: Path, pretended: PretendCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = Key(b"k" * 32)
    monkeypatch.setattr("audsync.snapshots.cipher._held.ring", lambda: KeyRing([key]))
    sealed = _file(tmp_path / f"refused-1.{key.id}.parquet", [(1, 1, b"no", 0)])
    both = _both(tmp_path)
    for other in (
        replace(both, unconfirmed=sealed.identifiers),
        replace(both, confirmed=None),
        replace(both, confirmed=both.wanted),
    ):
        with duck.session(tmp_path, memory_bytes=0) as con:
            assert type(_comparing(tmp_path).sides(con, other)) is Sides
    monkeypatch.setattr(far, "WORTH_LINES", 1000)
    with duck.session(tmp_path, memory_bytes=0) as con:
        assert type(_comparing(tmp_path).sides(con, both)) is Sides
    assert pretended.jobs == []


def _differing(folder: Path) -> None:
    with duck.session(folder, memory_bytes=0) as con:
        _comparing(folder).sides(con, _both(folder)).differing()


def test_a_file_that_is_another_one_elsewhere_is_told_of(
    tmp_path: Path, pretended: PretendCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = pretended.write

    def grown(job: Job, *, folder: Path, watch: Callable[[], None]) -> None:
        with (tmp_path / "d.parquet").open("ab") as file:
            file.write(b"!")
        write(job, folder=folder, watch=watch)

    monkeypatch.setattr(pretended, "write", grown)
    with pytest.raises(SourceError, match="sees another file there"):
        _differing(tmp_path)


@pytest.mark.parametrize("part", [Part.LISTED, Part.RECEIPT, Part.SETTLED])
@pytest.mark.parametrize("times", [0, 2])
@pytest.mark.usefixtures("pretended")
def test_what_is_missing_or_there_twice_is_missed(
    part: Part, times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = results.read_back
    left = [True]

    def with_one_changed(folder: Path) -> Iterator[pa.RecordBatch]:
        for batch in every(folder):
            found = batch["part"].to_pylist()
            place = found.index(int(part)) if left and int(part) in found else None
            if place is None:
                yield batch
                continue
            left.pop()
            rows = [*range(place), *[place] * times, *range(place + 1, batch.num_rows)]
            yield batch.take(pa.array(rows, pa.int64()))

    monkeypatch.setattr(results, "read_back", with_one_changed)
    with pytest.raises(SourceError, match="Nothing of it was used"):
        _differing(tmp_path)
    assert not left


def test_another_version_there_is_told_of(
    tmp_path: Path, pretended: PretendCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = pretended.write

    def elsewhere(job: Job, *, folder: Path, watch: Callable[[], None]) -> None:
        with monkeypatch.context() as there:
            there.setattr(scans, "FOOTING", "audsync 0, duckdb 0")
            write(job, folder=folder, watch=watch)

    monkeypatch.setattr(pretended, "write", elsewhere)
    with pytest.raises(SourceError, match="Install the same versions"):
        _differing(tmp_path)
