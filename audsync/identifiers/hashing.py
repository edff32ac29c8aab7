"""SHA-256 of whole columns, and the keyed link of a profile.

DuckDB hashes: it uses the processor's own instructions on all cores and lets go of the
interpreter. One in-memory database a process, one cursor a thread; nothing is ever stored in it.
"""

import threading
from functools import cache

import duckdb
import polars as pl
import pyarrow as pa

from audsync.identifiers.reasons import Reason

RAW, HASHED, HEX = 0, 1, 2
"""How a text becomes a value: as it is, by its SHA-256, as the hash it spells."""

_LINK_HEX = 16
"""8 of the 32 bytes."""

_threads = threading.local()
_opening = threading.Lock()


def wire_values(cells: pl.DataFrame, *, is_distinct: bool) -> pa.RecordBatch:
    """The values as they travel.

    Args:
        cells: columns `profile` uint64, `kind` uint8, `text`, `reason` uint8, and `form` uint8:
            RAW, HASHED or HEX.
        is_distinct: give equal accepted values of one profile once.

    Returns:
        columns `profile`, `kind`, `value` binary (null when rejected), `reason`; in no order.
    """
    good = f"reason = {int(Reason.ACCEPTED)}"
    query = f"""
        select {"distinct" if is_distinct else ""} profile, kind,
            case form when {HASHED} then unhex(sha256(text)) when {HEX} then unhex(text)
            else encode(text) end as value,
            reason
        from cells where {good}
        union all
        select profile, kind, null::blob as value, reason from cells where not {good}
    """  # noqa: S608 - numbers of our own only
    return _query(query, cells)


def hex_digests(text: pl.Series) -> pl.Series:
    """The SHA-256 of each text in lower-case hex; null for null."""
    answer = _query("select sha256(text) as hash from cells", pl.DataFrame({"text": text}))
    return pl.Series(pl.from_arrow(answer.column("hash")))


def links(keys: pl.Series) -> pa.Array:
    """The first 8 bytes of each text's SHA-256 as one number, the first byte the highest."""
    query = f"""select ('0x' || substr(sha256(text), 1, {_LINK_HEX}))::ubigint as link from cells"""  # noqa: S608 - a number of our own only
    return _query(query, pl.DataFrame({"text": keys})).column("link")


def _query(query: str, cells: pl.DataFrame) -> pa.RecordBatch:
    """The answer as one batch; rows keep the order of `cells` where the query has one."""
    cursor = _cursor()
    cursor.register("cells", cells.to_arrow())
    try:
        table = cursor.sql(query).to_arrow_table().combine_chunks()
    finally:
        cursor.unregister("cells")
    return pa.RecordBatch.from_arrays(
        [_one_chunk(column) for column in table.columns], schema=table.schema
    )


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def _cursor() -> duckdb.DuckDBPyConnection:
    """This thread's own: DuckDB's connections must not be shared between threads."""
    cursor: duckdb.DuckDBPyConnection | None = getattr(_threads, "cursor", None)
    if cursor is None:
        with _opening:
            cursor = _database().cursor()
        _threads.cursor = cursor
    return cursor


@cache
def _database() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"autoinstall_known_extensions": False})
