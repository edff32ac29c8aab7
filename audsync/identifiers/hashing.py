"""SHA-256 of whole columns, and the keyed link of a profile.

DuckDB hashes: it lets go of the interpreter, and no other dependency hashes a column at all. It
gives hexadecimal text; the bytes are made here, eight digits at once in one 64-bit word, in a
tenth of the time that its own `unhex` takes. One in-memory database a process, one cursor a
thread; nothing is ever stored in it.
"""

import hashlib
import threading
from collections.abc import Iterator
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
_PART_ROWS = 32_768
_BLOCK_BYTES = 1 << 18
"""What is turned into bytes at once: it stays in the processor's cache."""

Bytes = npt.NDArray[np.uint8]

_threads = threading.local()
_opening = threading.Lock()


def digests(text: pl.Series, out: Bytes) -> None:
    """Write the SHA-256 of each text.

    Args:
        text: without nulls.
        out: one row a text, of 32 bytes.
    """
    if len(text) <= _FEW:
        joined = b"".join(hashlib.sha256(each.encode()).digest() for each in text)
        out[:] = np.frombuffer(joined, dtype=np.uint8).reshape(-1, DIGEST_BYTES)
        return
    start = 0
    for part in _answers(text):
        unhex(_hex(part), out[start : start + len(part)].reshape(-1))
        start += len(part)


def spelt(text: pl.Series, out: Bytes) -> None:
    """Write the 32 bytes that each text of 64 hexadecimal digits spells, as `digests` does."""
    hashes = text.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    unhex(_hex(hashes), out.reshape(-1))


def hex_digests(text: pl.Series) -> pl.Series:
    """The SHA-256 of each text in lower-case hex; null for null."""
    return pl.Series(pl.from_arrow(_whole(text)))


def links(text: pl.Series) -> pa.Array:
    """The first 8 bytes of each text's SHA-256 as one number, the first byte the highest."""
    parts = _whole(text)
    is_null = parts.is_null().to_numpy(zero_copy_only=False)
    hashes = _hex(parts.drop_null()).reshape(-1, _HEX_CHARS)
    starts = np.empty((len(hashes), _LINK_HEX // 2), dtype=np.uint8)
    unhex(np.ascontiguousarray(hashes[:, :_LINK_HEX]).reshape(-1), starts.reshape(-1))
    numbers = np.zeros(len(parts), dtype=np.uint64)
    numbers[~is_null] = starts.reshape(-1).view(">u8")
    return pa.array(numbers, mask=is_null)


def unhex(digits: Bytes, out: Bytes) -> None:
    """Write the bytes that hexadecimal digits spell.

    Args:
        digits: ASCII digits of either case; as many as fill 64-bit words.
        out: half as long.
    """
    words, pairs = digits.view("<u8"), out.view("<u1")
    step = _BLOCK_BYTES // words.itemsize
    scratch = np.empty(min(step, len(words)), dtype="<u8")
    for start in range(0, len(words), step):
        some = words[start : start + step]
        nibbles = scratch[: len(some)]
        # A letter has bit 6 set, and stands for nine more than its lower bits.
        np.right_shift(some, np.uint64(6), out=nibbles)
        nibbles &= np.uint64(0x0101_0101_0101_0101)
        nibbles *= np.uint64(9)
        nibbles += some
        nibbles &= np.uint64(0x0F0F_0F0F_0F0F_0F0F)
        # Of two nibbles, the first in the lower byte: 16 times the first and the second, on top.
        both = nibbles.view("<u2")
        both *= np.uint16(0x1001)
        both >>= np.uint16(8)
        pairs[4 * start : 4 * start + len(both)] = both


def _hex(hashes: pa.Array) -> Bytes:
    """The digits of all hashes in one row; none of them is null."""
    data = hashes.buffers()[2]
    start, size = hashes.offset * _HEX_CHARS, len(hashes) * _HEX_CHARS
    if not size:
        return np.empty(0, dtype=np.uint8)
    return np.frombuffer(data, dtype=np.uint8, count=size, offset=start)


def _whole(text: pl.Series) -> pa.Array:
    return pa.concat_arrays([pa.array([], pa.string()), *_answers(text)])


def _answers(text: pl.Series) -> Iterator[pa.Array]:
    """The SHA-256 of each text in hex, in the order of the texts; null for null.

    In parts: their memory is taken again for the next ones, and stays in the processor's cache.
    """
    cursor = _cursor()
    cells = text.alias("text").to_frame().to_arrow(compat_level=pl.CompatLevel.newest())
    cursor.register("cells", cells)
    try:
        hashes = cursor.sql("select sha256(text) from cells").to_arrow_reader(_PART_ROWS)
        yield from (part.column(0) for part in hashes)
    finally:
        cursor.unregister("cells")


def _cursor() -> duckdb.DuckDBPyConnection:
    """This thread's own: DuckDB's connections must not be shared between threads."""
    cursor: duckdb.DuckDBPyConnection | None = getattr(_threads, "cursor", None)
    if cursor is None:
        with _opening:
            cursor = _database().cursor()
            cursor.execute("set enable_progress_bar = false")
        _threads.cursor = cursor
    return cursor


@cache
def _database() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"autoinstall_known_extensions": False})
