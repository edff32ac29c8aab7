"""The engine of one machine with its real folder, as a history wants it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from audsync.snapshots.folder import AudienceFolder
from audsync.sync.change.local import LocalEngine
from audsync.sync.contract import Desired, Patch, StateFiles
from tests.sim.people import Crowd
from tests.sim.set_rows import Cell, Link

_CELLS = pa.schema(
    [("profile", pa.uint64()), ("kind", pa.uint8()), ("value", pa.binary()), ("reason", pa.uint8())]
)
_ROWS = pa.schema(
    [
        ("fingerprint", pa.uint64()),
        ("profile", pa.uint64()),
        ("state", pa.uint8()),
        ("is_shared", pa.bool_()),
    ]
)


class LocalBench:
    """Parquet files in `root`, DuckDB for the sets."""

    row_group_rows: int | None = None
    """None: all rows in one group."""

    def __init__(self, root: Path) -> None:
        self._folder = AudienceFolder(root, "sim")
        self._work = self._folder.open_work()
        self.engine = LocalEngine(self._folder, self._work, memory_bytes=0)

    def keep_segment(self, crowd: Crowd) -> tuple[str, str]:
        return (
            self._keep(crowd.cells(), _CELLS, "identifiers"),
            self._keep(crowd.rows(), _ROWS, "rows"),
        )

    def keep_patched(self, files: StateFiles, crowd: Crowd, outdated: set[int]) -> Desired:
        """The same segment as a patch of the confirmed one, in which also `outdated` are new."""
        assert files.identifiers is not None
        of_old, of_new = _by_profile(self._cells(files.identifiers)), _by_profile(crowd.cells())
        everybody = of_old.keys() | of_new.keys()
        changed = {one for one in everybody if of_old.get(one) != of_new.get(one)} | outdated
        cells = [cell for cell in crowd.cells() if cell[0] in changed]
        rows = [row for row in crowd.rows() if row[1] in changed]
        return Desired(
            identifiers=files.identifiers,
            rows=self._keep(crowd.rows(), _ROWS, "rows"),
            patch=Patch(
                outdated=self.keep_profiles(changed) if changed else None,
                later_identifiers=self._keep(cells, _CELLS, "later_identifiers") if cells else None,
                later_rows=self._keep(rows, _ROWS, "later_rows") if rows else None,
            ),
            counts=crowd.counts(),
        )

    def keep_profiles(self, profiles: set[int]) -> str:
        """A file of profiles that may have changed."""
        rows = [(profile,) for profile in sorted(profiles)]
        return self._keep(rows, pa.schema([("profile", pa.uint64())]), "touched")

    def links(self, name: str | None) -> set[Link]:
        return {cell[:3] for cell in self._cells(name) if not cell[3]}

    def confirmed(self, files: StateFiles) -> set[Link]:
        """The links of the confirmed segment, its patch included."""
        return self._together(files.identifiers, files.patch)

    def wanted(self, files: StateFiles) -> set[Link]:
        """The same of the open plan's segment."""
        return self._together(files.next_identifiers, files.next_patch)

    def _together(self, name: str | None, patch: Patch) -> set[Link]:
        rows = pq.read_table(self._folder.path(patch.outdated)) if patch.outdated else None
        outdated = set(rows["profile"].to_pylist()) if rows else set()
        large = {link for link in self.links(name) if link[0] not in outdated}
        return large | self.links(patch.later_identifiers)

    def _cells(self, name: str | None) -> list[Cell]:
        rows = pq.read_table(self._folder.path(name)).to_pylist() if name else []
        return [(row["profile"], row["kind"], row["value"], row.get("reason", 0)) for row in rows]

    def rounds(self, name: str | None) -> dict[Link, int]:
        """What is to be said again, and how often."""
        rows = pq.read_table(self._folder.path(name)).to_pylist() if name else []
        return {(row["profile"], row["kind"], row["value"]): row["rounds"] for row in rows}

    def sweep(self, live: set[str]) -> None:
        self._folder.sweep(live)

    def has(self, name: str) -> bool:
        self._folder.verify(name)
        return True

    def _keep(self, rows: Sequence[Sequence[object]], schema: pa.Schema, role: str) -> str:
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
        arrays = [
            pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)
        ]
        unfinished = self._work / f"prepared-{role}.parquet"
        table = pa.table(arrays, schema=schema)
        pq.write_table(table, unfinished, row_group_size=self.row_group_rows)
        return self._folder.keep(unfinished, role)


def _by_profile(cells: Iterable[Cell]) -> dict[int, set[Cell]]:
    found: dict[int, set[Cell]] = defaultdict(set)
    for cell in cells:
        found[cell[0]].add(cell)
    return found
