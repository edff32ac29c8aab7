"""The engine of one machine with its real folder, as a history wants it."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from audsync.snapshots.folder import AudienceFolder
from audsync.sync.local import LocalEngine
from tests.sim.people import Crowd
from tests.sim.set_rows import Link

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

    def __init__(self, root: Path) -> None:
        self._folder = AudienceFolder(root, "sim")
        self._work = self._folder.open_work()
        self.engine = LocalEngine(self._folder, self._work, memory_bytes=0)

    def keep_segment(self, crowd: Crowd) -> tuple[str, str]:
        return (
            self._keep(crowd.cells(), _CELLS, "identifiers"),
            self._keep(crowd.rows(), _ROWS, "rows"),
        )

    def keep_profiles(self, profiles: set[int]) -> str:
        """A file of profiles that may have changed."""
        rows = [(profile,) for profile in sorted(profiles)]
        return self._keep(rows, pa.schema([("profile", pa.uint64())]), "touched")

    def links(self, name: str | None) -> set[Link]:
        if name is None:
            return set()
        rows = pq.read_table(self._folder.path(name)).to_pylist()
        return {
            (row["profile"], row["kind"], row["value"]) for row in rows if not row.get("reason")
        }

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
        pq.write_table(pa.table(arrays, schema=schema), unfinished)
        return self._folder.keep(unfinished, role)
