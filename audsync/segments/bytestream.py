"""The bytes of a source file, decompressed: for headers, for proofs of completeness, for diagnosis.

Memory is bounded by the size of one read.
"""

import io
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa

CHUNK_BYTES = 1 << 20
_HEAD_BYTES = 16
_MAGIC = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"))


class Compression(StrEnum):
    """How a file is packed, in DuckDB's and Arrow's words."""

    NONE = "uncompressed"
    GZIP = "gzip"
    ZSTD = "zstd"


def compression_of(path: Path) -> Compression:
    """What the file's first bytes say, whatever it is called.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return Compression(name)
    return Compression.NONE


def open_bytes(path: Path, compression: Compression) -> BinaryIO:
    """The file's decompressed bytes.

    Raises:
        OSError: here or on any read: it cannot be opened, is damaged, or ends too early.
    """
    if compression is Compression.NONE:
        return path.open("rb")
    packed = pa.CompressedInputStream(pa.OSFile(str(path)), compression.value)
    return io.BufferedReader(cast("io.RawIOBase", packed), CHUNK_BYTES)


def chunks(path: Path, compression: Compression) -> Iterator[bytes]:
    """The file's decompressed bytes, at most CHUNK_BYTES at a time.

    Raises:
        OSError: it cannot be opened, is damaged, or ends too early.
    """
    with open_bytes(path, compression) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk


def head(path: Path, compression: Compression) -> bytes:
    """The first CHUNK_BYTES decompressed bytes, fewer if the file has no more.

    Raises:
        OSError: as for `chunks`.
    """
    with open_bytes(path, compression) as stream:
        return stream.read(CHUNK_BYTES)
