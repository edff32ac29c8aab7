"""What people did, beside their rows: the newest events of each, joined out of core.

Rows and events are tables of one private DuckDB, joined by keyed hashes of profile ids. It holds
the rows as they are to be written, which may be plain text: what it spills is encrypted.
"""

# ruff: noqa: S608 - SQL here is our own text; names of columns are quoted

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
from polars import selectors

from audsync.errors import SourceError
from audsync.segments.contract import Query
from audsync.segments.engine import name_literal
from audsync.segments.reading import read
from audsync.sync.tables import duck
from audsync.sync.tables.hashes import Hashes
from audsync.sync.wanted.inspection import profiles

_ROW, _PROFILE, _NUMBER, _RANK = "audsync:row", "audsync:profile", "audsync:number", "audsync:rank"
_PIECE_ROWS = 50_000
_PLACE = "events"
_CHOSEN = (
    f"select people.{name_literal(_ROW)}, newest.* exclude ({name_literal(_PROFILE)})"
    f" from people join newest using ({name_literal(_PROFILE)})"
    f" order by {name_literal(_ROW)}, {name_literal(_RANK)}"
)
"""The events to write, in the order of the rows they go to."""


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
    written: Iterable[tuple[Hashes, pa.Table]], wanted: Events, *, work: Path, memory_bytes: int
) -> Iterator[tuple[pa.Table, pa.Array]]:
    """The rows of a file, in their order, each with its person's events, newest first.

    Args:
        written: rows as they are to be written, and whose they are; read once, to the end, before
            the first is given back.
        wanted: the events.
        work: a private folder that the caller removes.
        memory_bytes: what to keep within; more goes to disk.

    Returns:
        pieces of the rows, and for each row a list of structs: the time as ISO 8601 text in UTC,
        other times and texts as text, numbers and booleans as such.

    Raises:
        SourceError: a source cannot be read, or a time is none.
        StateError: the disk is full.
    """
    # A folder of its own: two DuckDBs, ours and the one that reads, may not share a spill.
    place = work / _PLACE
    place.mkdir()
    with duck.session(place, memory_bytes=memory_bytes, is_private=True) as con:
        con.execute("set TimeZone = 'UTC'")
        if not _fill(con, "people", _numbered(written)):
            return
        _fill(con, "happened", _happened(wanted))
        _check_times(con, wanted)
        # One statement a step: sorting beside joining beside numbering takes thrice the memory.
        con.execute(f"create temp table newest as {_newest(wanted)}")
        con.execute("drop table happened")
        con.execute(f"create temp table chosen as {_CHOSEN}")
        con.execute("drop table newest")
        yield from _joined(con, wanted)


def _fill(con: duckdb.DuckDBPyConnection, name: str, tables: Iterable[pa.Table]) -> bool:
    """Put the tables into one; false where there is none."""
    is_there = False
    for table in tables:
        con.register("piece", table)
        con.execute(
            f"insert into {name} from piece"
            if is_there
            else f"create temp table {name} as from piece"
        )
        con.unregister("piece")
        is_there = True
    return is_there


def _numbered(written: Iterable[tuple[Hashes, pa.Table]]) -> Iterator[pa.Table]:
    first = 0
    for links, table in written:
        numbers = np.arange(first, first + len(links), dtype=np.int64)
        yield table.append_column(_ROW, pa.array(numbers)).append_column(_PROFILE, pa.array(links))
        first += len(links)


def _happened(wanted: Events) -> Iterator[pa.Table]:
    """Events that are somebody's, numbered as they come."""
    first = 0
    for batch in read(wanted.query):
        table = pa.table(
            {
                _NUMBER: np.arange(first, first + batch.num_rows, dtype=np.int64),
                _PROFILE: profiles(batch, wanted.query.salt),
                **{name: batch[f"trait.{name}"] for name in wanted.shown},
            }
        )
        first += batch.num_rows
        yield table.filter(batch["profile_id"].is_valid())
    if not first:
        texts = dict.fromkeys(wanted.shown, pa.string())
        yield pa.schema(
            [(_NUMBER, pa.int64()), (_PROFILE, pa.uint64()), *texts.items()]
        ).empty_table()


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


def _newest(wanted: Events) -> str:
    """SQL for the events to write, and which of a person's each is: the newest is the first."""
    profile, number, rank = map(name_literal, (_PROFILE, _NUMBER, _RANK))
    shown = ", ".join(
        f"strftime({_time(name)}, '%Y-%m-%dT%H:%M:%S.%fZ') as {name_literal(name)}"
        if name == wanted.at
        else name_literal(name)
        for name in wanted.shown
    )
    since = f" and {_time(wanted.at)} >= date '{wanted.since}'" if wanted.since else ""
    return (
        f"select {profile}, {shown}, row_number() over (partition by {profile}"
        f" order by {_time(wanted.at)} desc, {number} desc) as {rank}"
        f" from happened semi join people using ({profile})"
        f" where {_time(wanted.at)} is not null{since} qualify {rank} <= {wanted.most}"
    )


def _joined(con: duckdb.DuckDBPyConnection, wanted: Events) -> Iterator[tuple[pa.Table, pa.Array]]:
    row, rank = name_literal(_ROW), name_literal(_RANK)
    ((count,),) = con.sql("select count(*) from people").fetchall()
    for first in range(0, count, _PIECE_ROWS):
        within = f"{row} >= {first} and {row} < {first + _PIECE_ROWS}"
        rows = con.sql(f"from people where {within} order by {row}").to_arrow_table()
        found = con.sql(f"from chosen where {within} order by {row}, {rank}").to_arrow_table()
        events = _listed(pl.DataFrame(pl.from_arrow(found)), rows[_ROW], wanted)
        yield rows.drop_columns([_ROW, _PROFILE]), events


def _listed(found: pl.DataFrame, rows: pa.ChunkedArray, wanted: Events) -> pa.Array:
    """Each row's events as one list."""
    plain = found.with_columns(
        selectors.temporal().dt.to_string("iso:strict"), selectors.decimal().cast(pl.Float64)
    )
    lists = plain.group_by(_ROW, maintain_order=True).agg(pl.struct(wanted.shown).alias(_PLACE))
    numbers = pl.DataFrame({_ROW: pl.Series(pl.from_arrow(rows))})
    joined = numbers.join(lists, on=_ROW, how="left", maintain_order="left")[_PLACE]
    return joined.fill_null(pl.Series([[]], dtype=joined.dtype).first()).to_arrow()
