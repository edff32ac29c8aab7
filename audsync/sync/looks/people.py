"""How many different people passed by, counted exactly and out of core."""

# ruff: noqa: S608 - SQL here is our own text and a path we made

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from audsync.sync.tables import duck
from audsync.sync.tables.hashes import Hashes, distinct

_SCHEMA = pa.schema([("profile", pa.uint64())])
_IN_MEMORY = 4_000_000
"""Links held at once: 32 MB; more go to a file."""


class People:
    """Distinct profile links; `work` is a private folder that the caller removes."""

    def __init__(self, work: Path, *, memory_bytes: int) -> None:
        self._path = work / "people.parquet"
        self._work = work
        self._memory_bytes = memory_bytes
        self._held: list[Hashes] = []
        self._held_rows = 0
        self._writer: pq.ParquetWriter | None = None

    def add(self, profile: Hashes) -> None:
        """Note the profiles of a batch."""
        self._held.append(profile)
        self._held_rows += len(profile)
        if self._held_rows > _IN_MEMORY:
            self._flush()

    def count(self) -> int:
        """How many different ones there were; call it once, at the end.

        Raises:
            StateError: the disk is full.
        """
        if self._writer is None:
            return len(distinct(np.concatenate([np.empty(0, dtype=np.uint64), *self._held])))
        self._flush()
        self._writer.close()
        with duck.session(self._work, memory_bytes=self._memory_bytes) as con:
            return duck.count(
                con,
                f"select count(distinct profile) from read_parquet({duck.text(self._path)})",
            )

    def _flush(self) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._path, _SCHEMA, compression="none", use_dictionary=False
            )
        links = np.concatenate([np.empty(0, dtype=np.uint64), *self._held])
        self._writer.write_table(pa.table([pa.array(links)], schema=_SCHEMA))
        self._held, self._held_rows = [], 0
