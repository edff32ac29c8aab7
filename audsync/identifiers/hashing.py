"""SHA-256 of whole columns, and the keyed link of a profile.

DuckDB hashes: it uses the processor's own instructions on all cores and lets go of the
interpreter. One in-memory database a process, one cursor a thread; nothing is ever stored in it.
"""

import threading
from functools import cache

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

_LINK_HEX = 16
"""8 of the 32 bytes."""

_threads = threading.local()
_opening = threading.Lock()


def digests(text: pl.Series) -> pa.Array:
    """The SHA-256 of each text as 32 bytes; null for null."""
    return _answer("select unhex(sha256(text)) from cells", text)


def hex_digests(text: pl.Series) -> pl.Series:
    """The SHA-256 of each text in lower-case hex; null for null."""
    return pl.Series(pl.from_arrow(_answer("select sha256(text) from cells", text)))


def links(text: pl.Series) -> pa.Array:
    """The first 8 bytes of each text's SHA-256 as one number, the first byte the highest."""
    query = f"select unhex(substr(sha256(text), 1, {_LINK_HEX})) from cells"  # noqa: S608 - a number of our own only
    parts = _answer(query, text)
    is_null = parts.is_null().to_numpy(zero_copy_only=False)
    eights = parts.drop_null().cast(pa.binary(_LINK_HEX // 2))
    numbers = np.zeros(len(parts), dtype=np.uint64)
    numbers[~is_null] = np.frombuffer(eights.buffers()[1] or b"", dtype=">u8", count=len(eights))
    return pa.array(numbers, mask=is_null)


def _answer(query: str, text: pl.Series) -> pa.Array:
    """The one column that the query makes of `cells.text`, in the order of the texts."""
    cursor = _cursor()
    cells = text.alias("text").to_frame().to_arrow(compat_level=pl.CompatLevel.newest())
    cursor.register("cells", cells)
    try:
        column = cursor.sql(query).to_arrow_table().column(0)
    finally:
        cursor.unregister("cells")
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


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
