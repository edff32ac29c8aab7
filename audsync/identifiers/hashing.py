"""SHA-256 of whole columns, and the keyed link of a profile.

DuckDB hashes: it lets go of the interpreter, and no other dependency hashes a column at all. It
gives hexadecimal text; the bytes are made here, eight digits at once in one 64-bit word, in a
tenth of the time that its own `unhex` takes. One in-memory database a process, one cursor a
thread; nothing is ever stored in it.
"""

import hashlib
import threading
from functools import cache

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

DIGEST_BYTES = 32
_HEX_CHARS = 2 * DIGEST_BYTES
_LINK_HEX = 16
"""8 of the 32 bytes."""

_FEW = 256
"""Up to so many texts, hashing one by one is quicker than a query."""
_BLOCK_BYTES = 1 << 17
"""What is turned into bytes at once: it stays in the processor's cache."""

Bytes = npt.NDArray[np.uint8]

_threads = threading.local()
_opening = threading.Lock()


def digests(text: pl.Series) -> Bytes:
    """The SHA-256 of each text as a row of 32 bytes; `text` holds no nulls."""
    if len(text) <= _FEW:
        joined = b"".join(hashlib.sha256(each.encode()).digest() for each in text)
        return np.frombuffer(joined, dtype=np.uint8).reshape(-1, DIGEST_BYTES)
    return unhex(_hex(_answer(text))).reshape(-1, DIGEST_BYTES)


def spelt(text: pl.Series) -> Bytes:
    """The 32 bytes that each text of 64 hexadecimal digits spells; `text` holds no nulls."""
    hashes = text.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    return unhex(_hex(hashes)).reshape(-1, DIGEST_BYTES)


def hex_digests(text: pl.Series) -> pl.Series:
    """The SHA-256 of each text in lower-case hex; null for null."""
    return pl.Series(pl.from_arrow(_answer(text)))


def links(text: pl.Series) -> pa.Array:
    """The first 8 bytes of each text's SHA-256 as one number, the first byte the highest."""
    parts = _answer(text)
    is_null = parts.is_null().to_numpy(zero_copy_only=False)
    starts = np.ascontiguousarray(
        _hex(parts.drop_null()).reshape(-1, _HEX_CHARS)[:, :_LINK_HEX]
    ).reshape(-1)
    numbers = np.zeros(len(parts), dtype=np.uint64)
    numbers[~is_null] = unhex(starts).view(">u8")
    return pa.array(numbers, mask=is_null)


def unhex(digits: Bytes) -> Bytes:
    """The bytes that hexadecimal digits spell.

    Args:
        digits: ASCII digits of either case, eight or a multiple of eight.
    """
    words = digits.view("<u8")
    found = np.empty(len(words), dtype="<u4")
    step = _BLOCK_BYTES // words.itemsize
    for start in range(0, len(words), step):
        found[start : start + step] = _four_bytes(words[start : start + step])
    return found.view(np.uint8)


def _four_bytes(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Eight digits in each word become four bytes in its lower half, all lanes at once."""
    is_letter = (words >> np.uint64(6)) & np.uint64(0x0101_0101_0101_0101)
    nibbles = (words & np.uint64(0x0F0F_0F0F_0F0F_0F0F)) + is_letter * np.uint64(9)
    pairs = ((nibbles << np.uint64(4)) | (nibbles >> np.uint64(8))) & np.uint64(
        0x00FF_00FF_00FF_00FF
    )
    halves = (pairs | (pairs >> np.uint64(8))) & np.uint64(0x0000_FFFF_0000_FFFF)
    return (halves | (halves >> np.uint64(16))) & np.uint64(0xFFFF_FFFF)


def _hex(hashes: pa.Array) -> Bytes:
    """The digits of all hashes in one row; none of them is null."""
    data = hashes.buffers()[2]
    start, size = hashes.offset * _HEX_CHARS, len(hashes) * _HEX_CHARS
    if not size:
        return np.empty(0, dtype=np.uint8)
    return np.frombuffer(data, dtype=np.uint8, count=size, offset=start)


def _answer(text: pl.Series) -> pa.Array:
    """The SHA-256 of each text in hex, in the order of the texts; null for null."""
    cursor = _cursor()
    cells = text.alias("text").to_frame().to_arrow(compat_level=pl.CompatLevel.newest())
    cursor.register("cells", cells)
    try:
        column = cursor.sql("select sha256(text) from cells").to_arrow_table().column(0)
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
