"""Old and new parts put together: one file of values, a profile's together, and one of rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import tee
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from audsync.snapshots import parquet
from audsync.sync import duck
from audsync.sync.known import (
    ROWS,
    Hashes,
    Known,
    State,
    distinct,
    is_in,
    repeated,
)

_NEAR_SHARE = 0.3
"""Where more profiles than this share may differ, looking at all of them is cheaper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What there is: new values and rows; old ones and which of these rows were seen again."""

    new_identifiers: Path
    new_rows: Path
    old_identifiers: Path | None
    old_rows: Path | None
    known: Known | None
    suppressed: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """Finished files in the work folder. `touched`: profiles that may differ from the old ones."""

    identifiers: Path
    rows: Path
    touched: Path | None


def compose(parts: Parts, *, work: Path, memory_bytes: int) -> Composed:
    """Put the parts together.

    A profile with several rows has the union of their values, once each. A profile of which any
    identifier is suppressed keeps its rows, marked, and loses its values.
    """
    seen, gone = parts.new_rows, np.empty(0, dtype=np.uint64)
    if parts.old_rows is not None:
        seen = work / "seen-rows.parquet"
        gone = _write_rows(seen, _seen_rows(parts))
    shared = repeated(seen, memory_bytes=memory_bytes // 4)
    composer = _Composer(parts, work, memory_bytes, gone=gone, shared=shared)
    suppressed = composer.write_identifiers()
    rows = seen
    if len(shared) or len(suppressed):
        rows = work / "rows.parquet"
        _write_marked(seen, rows, shared=shared, suppressed=suppressed)
    if parts.old_rows is None:
        return Composed(identifiers=composer.identifiers, rows=rows, touched=None)
    touched = distinct(np.concatenate([gone, _profiles(parts.new_rows), shared, suppressed]))
    if len(touched) > _NEAR_SHARE * parquet.rows_in(rows):
        return Composed(identifiers=composer.identifiers, rows=rows, touched=None)
    near = work / "touched.parquet"
    write_profiles(touched, near)
    return Composed(identifiers=composer.identifiers, rows=rows, touched=near)


def write_profiles(profiles: Hashes, path: Path) -> None:
    """A file of profiles: one column, `profile`."""
    table = pa.table({"profile": pa.array(profiles, pa.uint64())})
    with parquet.writer(path, table.schema) as file:
        file.write_table(table)


class _Composer:
    """Writes the file of values."""

    def __init__(
        self, parts: Parts, work: Path, memory_bytes: int, *, gone: Hashes, shared: Hashes
    ) -> None:
        self.identifiers = parts.new_identifiers
        self._parts = parts
        self._work = work
        self._memory_bytes = memory_bytes
        self._gone = gone
        self._shared = shared

    def write_identifiers(self) -> Hashes:
        """Write it, unless the new values alone are already all; returns suppressed profiles."""
        parts = self._parts
        if not (parts.old_identifiers or parts.suppressed or len(self._shared)):
            return np.empty(0, dtype=np.uint64)
        self.identifiers = self._work / "identifiers.parquet"
        shared_only = self._shared[~is_in(self._shared, self._gone)]
        with duck.session(self._work, memory_bytes=self._memory_bytes) as con:
            for name, profiles in (
                ("dropped", distinct(np.concatenate([self._gone, self._shared]))),
                ("shared", self._shared),
                ("shared_old", shared_only),
            ):
                con.register(f"{name}_profiles", pa.table({"profile": pa.array(profiles)}))
            old = _source(con, parts.old_identifiers)
            new = _source(con, parts.new_identifiers)
            together = f"""
                select * from (select * from {old} anti join dropped_profiles using (profile)
                  union all
                  select * from {new} anti join shared_profiles using (profile))
                union all
                select * from (select distinct * from (
                  select * from {old} semi join shared_old_profiles using (profile)
                  union all
                  select * from {new} semi join shared_profiles using (profile))
                  order by profile, kind, value)
                """
            suppressed = np.empty(0, dtype=np.uint64)
            if parts.suppressed:
                query = (
                    f"select distinct t.profile from ({together}) t semi join (select kind, value"
                    f" from {_source(con, parts.suppressed)} where reason = 0 and kind < 16) s"
                    " on t.kind = s.kind and t.value = s.value order by 1"
                )
                suppressed = con.sql(query).fetchnumpy()["profile"].astype(np.uint64)
                con.register("suppressed", pa.table({"profile": pa.array(suppressed)}))
                together = f"select t.* from ({together}) t anti join suppressed using (profile)"
            duck.write(con, together, self.identifiers)
        return suppressed


def _source(con: duckdb.DuckDBPyConnection, path: Path | None) -> str:
    if path is None:
        return f"({duck.EMPTY_IDENTIFIERS})"
    return f"(select profile, kind, value, reason from {duck.source(con, path)})"


def _seen_rows(parts: Parts) -> Iterator[tuple[pa.RecordBatch, Hashes]]:
    """This run's rows, known ones first, and with each batch the profiles of old rows not seen."""
    none = np.empty(0, dtype=np.uint64)
    if parts.old_rows is not None and parts.known is not None:
        mine, its = tee(parquet.batches(parts.old_rows))
        seen = parts.known.times(batch["fingerprint"].to_numpy() for batch in its)
        for batch, times in zip(mine, seen, strict=True):
            place = np.repeat(np.arange(len(times)), times)
            kept = batch if (times == 1).all() else batch.take(pa.array(place))
            yield kept, batch["profile"].to_numpy()[times == 0]
    for batch in parquet.batches(parts.new_rows):
        yield batch, none


def _write_rows(path: Path, batches: Iterator[tuple[pa.RecordBatch, Hashes]]) -> Hashes:
    gone = [np.empty(0, dtype=np.uint64)]
    with parquet.writer(path, ROWS) as writer:
        for batch, absent in batches:
            writer.write_batch(batch)
            gone.append(absent)
    return distinct(np.concatenate(gone))


def _write_marked(seen: Path, rows: Path, *, shared: Hashes, suppressed: Hashes) -> None:
    """The rows with their marks set for this run; `seen` has none of them yet."""
    with parquet.writer(rows, ROWS) as writer:
        for batch in parquet.batches(seen):
            profile = batch["profile"].to_numpy()
            state = batch["state"].to_numpy().copy()
            was_asked = state != int(State.NO_CONSENT)
            state[is_in(profile, suppressed) & was_asked] = int(State.SUPPRESSED)
            writer.write_batch(
                pa.record_batch(
                    [
                        batch["fingerprint"],
                        batch["profile"],
                        pa.array(state),
                        pa.array(is_in(profile, shared)),
                    ],
                    schema=ROWS,
                )
            )


def _profiles(rows: Path) -> Hashes:
    profiles: Hashes = parquet.read(rows, ["profile"])["profile"].to_numpy()
    return profiles
