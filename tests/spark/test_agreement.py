"""What a cluster prepares is what this machine prepares, to the last line."""

import csv
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audsync.domain import Platform
from audsync.identifiers.kernel import PrepareSpec
from audsync.segments import files as source
from audsync.segments.contract import FileQuery, TableQuery
from audsync.snapshots.folder import SPILL, AudienceFolder
from audsync.sync.contract import Desired
from audsync.sync.desired import prepare_segment
from audsync.sync.wanted.holdout import Holdout
from audsync.sync.wanted.parts import Cluster, Reading

SEEDS = 20
_COLUMNS = ["id", "email", "mail2", "phone", "country", "first", "consent", "spent"]
_CELLS = {
    "email": ["", "  ", "junk", "a@b", "ö@exämple.de", "shared@home.example", "N/A", "x" * 3000],
    "mail2": ["", "Upper.Case+tag@GoogleMail.com ", "e3b0c44298fc1c149afbf4c8996fb924" * 2],
    "phone": ["", "0", "+49 (0)30 1234567", "030/1234567", "☎ 1", "+14155552671", "nan"],
    "country": ["", "DE", "de", "Germany", "XX", "🇩🇪"],
    "first": ["", "Zoë", "O'Neil", "null", "李", "\u202eevil"],
    "consent": ["yes", "1", "no", "", "TRUE"],
}
Line = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A segment of hostile rows, and where it is prepared."""

    root: Path
    seed: int

    @property
    def source(self) -> Path:
        return self.root / "people"

    def write(self, files: int = 3, rows: int = 60) -> None:
        """Files of the format that the seed picks, each with fewer than so many rows."""
        random = Random(self.seed)
        self.source.mkdir()
        sizes = {0: [0], 1: [0, 3]}.get(self.seed, [random.randrange(rows) for _ in range(files)])
        for number, size in enumerate(sizes):
            people = [self._row(random) for _ in range(size)]
            if self.seed % 2:
                self._write_csv(self.source / f"part-{number}.csv", people)
            else:
                types = [(name, pa.string()) for name in _COLUMNS[:-1]] + [("spent", pa.float64())]
                table = pa.Table.from_pylist(people, schema=pa.schema(types))
                pq.write_table(table, self.source / f"part-{number}.parquet")
        (self.root / "out.csv").write_text("email\nshared@home.example\nstranger@example.com\n")

    def _row(self, random: Random) -> dict[str, object]:
        row: dict[str, object] = {
            "id": random.choice(["", f"p{random.randrange(40)}", f"p{random.randrange(4000)}"]),
            "spent": random.choice([0.0, 1.5, 700.25]),
        }
        for name, odd in _CELLS.items():
            row[name] = random.choice(odd)
        if self.seed != 2 and random.random() < 0.6:
            row["email"] = f"Person{random.randrange(80)}@example.com"
        if self.seed == 2:  # not one row of this seed can be sent
            row |= {"email": "junk", "mail2": "junk", "phone": "12"}
        if random.random() < 0.1:
            row["email"] = None
        return row

    def _write_csv(self, path: Path, rows: list[dict[str, object]]) -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, _COLUMNS)
            writer.writeheader()
            writer.writerows(rows)

    def prepare(
        self,
        name: str,
        cluster: Cluster | None,
        *,
        watch: Callable[[], None] = lambda: None,
        platform: Any = None,  # noqa: ANN401 - one test names a platform that there is not
        table: str | None = None,
    ) -> tuple[Desired, AudienceFolder]:
        folder = AudienceFolder(self.root / name, "a")
        work = folder.open_work()
        mapped = {"email": ("email", "mail2"), "phone": ("phone",), "country": ("country",)}
        shared: Any = {
            "columns": {
                "profile_id": ("id",),
                "first_name": ("first",),
                "consent": ("consent",),
                **mapped,
            },
            "where": "spent > 1" if self.seed % 3 else None,
            "traits": (),
            "salt": "salt",
            "memory_bytes": 200 << 20,
            "spill": work / SPILL,
        }
        query = (
            TableQuery(table=table, **shared)
            if table
            else FileQuery(path=str(self.source), format=None, **shared)
        )
        listed = FileQuery(
            path=str(self.root / "out.csv"),
            format=None,
            columns={"email": ("email",)},
            where=None,
            traits=(),
            salt="salt",
            memory_bytes=200 << 20,
            spill=work / SPILL,
        )
        takers: list[Any] = list(Platform)
        reading = Reading(
            query=query,
            suppress=[listed] if self.seed % 4 == 0 else [],
            spec=PrepareSpec(platform=platform or takers[self.seed % len(takers)], region="DE"),
            salt="salt",
            folder=folder,
            work=work,
            memory_bytes=200 << 20,
            advance=lambda _rows: watch(),
            holdouts=[Holdout(name="test", percent=20)] if self.seed % 5 == 0 else [],
            cluster=cluster,
        )
        return prepare_segment(reading, None), folder


def lines(found: tuple[Desired, AudienceFolder]) -> tuple[Counter[Line], Counter[Line]]:
    """All lines of both files."""
    desired, folder = found
    files = (desired.identifiers, desired.rows)
    tables = [pq.read_table(folder.path(name)).to_pylist() for name in files]
    identifiers, rows = (Counter(tuple(line.values()) for line in table) for table in tables)
    return identifiers, rows


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_cluster_prepares_what_this_machine_prepares(
    seed: int, tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Files of Parquet are cut into pieces, too.
    monkeypatch.setattr(source, "SHARE_ROWS", 25)
    place = Place(root=tmp_path, seed=seed)
    place.write()
    here, there = place.prepare("here", None), place.prepare("there", cluster)
    assert lines(there) == lines(here)
    assert there[0].counts == here[0].counts
    assert there[0].sizes == here[0].sizes
    assert there[0].list_sizes == here[0].list_sizes
    assert not list((tmp_path / "there").rglob("audsync-spark-*"))
