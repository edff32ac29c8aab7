"""What people did, beside their rows: the newest events of each, sorted on disk, read as a stream.

Two readings of the segment: one to know whose events are wanted, one to write them. No identifier
is written down between them, only keyed hashes of profile ids. Should the source have changed in
between, an event could get to somebody else: the hashes are compared, and then it is an error.
"""

# ruff: noqa: S608 - SQL here is our own text; names of columns are quoted

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from polars import selectors

from audsync.errors import SourceError
from audsync.segments.contract import Query
from audsync.segments.engine import name_literal
from audsync.segments.reading import read
from audsync.sync import duck
from audsync.sync.exports.people import Admission, Rows
from audsync.sync.inspection import profiles

_ROW, _PROFILE, _NUMBER, _RANK = "audsync:row", "audsync:profile", "audsync:number", "audsync:rank"
_BATCH_ROWS = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """Which events are wanted."""

    query: Query
    """With the segment's own salt, `at` and `columns` among its traits, and `in_order`."""
    at: str
    columns: tuple[str, ...]
    most: int
    """Of one person; the newest count."""
    since: date | None
    """Only those of this day (UTC) or later."""

    @property
    def shown(self) -> tuple[str, ...]:
        """What is written of an event."""
        return tuple(dict.fromkeys((self.at, *self.columns)))


def with_events(
    admission: Admission, wanted: Events, *, work: Path, memory_bytes: int
) -> Iterator[Rows]:
    """The rows that may be sent, each with its profile's events, newest first.

    `Rows.events` is a list of structs: the time as ISO 8601 text in UTC, texts and times as text,
    numbers and booleans as such.

    Raises:
        SourceError: a source cannot be read, has changed meanwhile, or a time is none.
        StateError: the disk is full.
    """
    # A folder of its own: two DuckDBs, ours and that of the second reading, may not share a spill.
    work = work / "events"
    work.mkdir()
    asked, happened = work / "asked.parquet", work / "happened.parquet"
    _write(asked, _asked(admission))
    _write(happened, _happened(wanted))
    with duck.session(work, memory_bytes=memory_bytes) as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute(f"create view asked as from read_parquet({duck.text(asked)})")
        con.execute(f"create view happened as from read_parquet({duck.text(happened)})")
        _check_times(con, wanted)
        reader = con.sql(_selected(wanted)).to_arrow_reader(_BATCH_ROWS)
        yield from _joined(admission, _Ahead(reader), wanted)


def _asked(admission: Admission) -> Iterator[pa.Table]:
    """Number of each row and whose it is."""
    first = 0
    yield pa.table({_ROW: pa.array([], pa.int64()), _PROFILE: pa.array([], pa.uint64())})
    for rows in admission.rows():
        numbers = np.arange(first, first + len(rows.links), dtype=np.int64)
        yield pa.table({_ROW: numbers, _PROFILE: rows.links})
        first += len(rows.links)


def _happened(wanted: Events) -> Iterator[pa.Table]:
    """Events that are somebody's, numbered as they come."""
    first = 0
    for batch in read(wanted.query):
        columns = {name: batch[f"trait.{name}"] for name in wanted.shown}
        table = pa.table(
            {
                _NUMBER: np.arange(first, first + batch.num_rows, dtype=np.int64),
                _PROFILE: profiles(batch, wanted.query.salt),
                **columns,
            }
        )
        first += batch.num_rows
        yield table.filter(batch["profile_id"].is_valid())
    if not first:
        texts = dict.fromkeys(wanted.shown, pa.string())
        schema = pa.schema({_NUMBER: pa.int64(), _PROFILE: pa.uint64(), **texts}.items())
        yield schema.empty_table()


def _write(path: Path, tables: Iterable[pa.Table]) -> None:
    with ExitStack() as stack:
        writer: pq.ParquetWriter | None = None
        for table in tables:
            writer = writer or stack.enter_context(pq.ParquetWriter(path, table.schema))
            writer.write_table(table)


def _time(name: str) -> str:
    """SQL for a time in UTC; null where it is none."""
    return f"try_cast(try_cast({name_literal(name)} as timestamptz) as timestamp)"


def _check_times(con: duckdb.DuckDBPyConnection, wanted: Events) -> None:
    at = name_literal(wanted.at)
    ((odd,),) = con.sql(
        f"select count(*) from happened where trim(cast({at} as varchar)) <> ''"
        f" and {_time(wanted.at)} is null"
    ).fetchall()
    if odd:
        raise SourceError(
            f"{odd:,} events have something else than a time in `{wanted.at}`, which"
            " `events.at` names; have it hold times such as 2026-01-31T12:00:00Z",
            details={"column": wanted.at, "rows": odd},
        )


def _selected(wanted: Events) -> str:
    """SQL for the events to write, in the order of the rows they go to, newest first."""
    profile, number, row, rank = map(name_literal, (_PROFILE, _NUMBER, _ROW, _RANK))
    shown = ", ".join(
        f"strftime({_time(name)}, '%Y-%m-%dT%H:%M:%S.%fZ') as {name_literal(name)}"
        if name == wanted.at
        else name_literal(name)
        for name in wanted.shown
    )
    since = f" and {_time(wanted.at)} >= date '{wanted.since}'" if wanted.since else ""
    newest = (
        f"select {profile}, {shown}, row_number() over (partition by {profile}"
        f" order by {_time(wanted.at)} desc, {number} desc) as {rank}"
        f" from happened semi join asked using ({profile})"
        f" where {_time(wanted.at)} is not null{since}"
    )
    return (
        f"select {row}, newest.* from asked join ({newest} qualify {rank} <= {wanted.most})"
        f" newest using ({profile}) order by {row}, {rank}"
    )


class _Ahead:
    """A sorted stream of events that is read as far as it is wanted."""

    def __init__(self, reader: pa.RecordBatchReader) -> None:
        self._reader = reader
        self._held = pl.DataFrame(pl.from_arrow(reader.schema.empty_table()))

    def until(self, stop: int) -> pl.DataFrame:
        """Those of rows before `stop` that were not handed out yet."""
        parts = [self._held]
        while not len(parts[-1]) or parts[-1][_ROW][-1] < stop:
            batch = next(self._reader, None)
            if batch is None:
                break
            parts.append(pl.DataFrame(pl.from_arrow(batch)))
        frame = pl.concat(parts)
        taken = frame.filter(pl.col(_ROW) < stop)
        self._held = frame.slice(len(taken))
        return taken


def _joined(admission: Admission, ahead: _Ahead, wanted: Events) -> Iterator[Rows]:
    first = 0
    for rows in admission.rows():
        stop = first + len(rows.links)
        frame = ahead.until(stop)
        places = frame[_ROW].to_numpy() - first
        if (places < 0).any() or (rows.links[places] != frame[_PROFILE].to_numpy()).any():
            raise _changed()
        yield replace(rows, events=_listed(frame, first, stop, wanted))
        first = stop
    if len(ahead.until(np.iinfo(np.int64).max)):
        raise _changed()


def _listed(frame: pl.DataFrame, first: int, stop: int, wanted: Events) -> pa.Array:
    """Each row's events as one list."""
    plain = frame.with_columns(
        selectors.temporal().dt.to_string("iso:strict"), selectors.decimal().cast(pl.Float64)
    )
    lists = plain.group_by(_ROW, maintain_order=True).agg(pl.struct(wanted.shown).alias("events"))
    rows = pl.DataFrame({_ROW: pl.Series(range(first, stop), dtype=pl.Int64)})
    joined = rows.join(lists, on=_ROW, how="left", maintain_order="left")["events"]
    empty = pl.Series([[]], dtype=joined.dtype)
    return joined.fill_null(empty.first()).to_arrow()


def _changed() -> SourceError:
    return SourceError(
        "The segment's source was changed while it was exported with its events, which takes two"
        " readings; let the change end, then run again"
    )
