"""A second look at the raw bytes while DuckDB reads: what it takes in silence is caught here.

DuckDB 2.0.0 and 1.5.6 were seen (2026-11-22) to take a cut .zst, a .gz with a wrong checksum (1.5:
also a cut one), NUL bytes in CSV, and a JSON array that ends after a comma, all without an error.
The look costs no pass of its own: it runs beside the scan on pages that are in memory anyway.
"""

import threading
from collections.abc import Iterable, Iterator

from audsync.errors import SourceError
from audsync.segments.bytestream import CHUNK_BYTES, Compression, chunks
from audsync.segments.listing import Format, SourceFile

_SPACE = b" \t\r\n"


def sweep(files: Iterable[SourceFile], stop: threading.Event) -> tuple[SourceFile, ...]:
    """Look at every file whose format or packing calls for it.

    Args:
        files: what to look at, in turn.
        stop: set by the caller who lost interest; the answer is then worth nothing.

    Returns:
        CSV files whose quotes do not pair up: most have an unclosed quote, some an inch sign.

    Raises:
        SourceError: a file is damaged or ends too early.
    """
    unpaired = []
    for file in files:
        if file.format is Format.CSV:
            if _sweep_csv(file, stop):
                unpaired.append(file)
        elif file.format is Format.JSON:
            _sweep_json(file, stop)
        elif file.compression is not Compression.NONE:
            for _ in _chunks(file, stop):
                pass
    return tuple(unpaired)


def _sweep_csv(file: SourceFile, stop: threading.Event) -> bool:
    quotes = position = 0
    for chunk in _chunks(file, stop):
        nul = chunk.find(b"\0")
        if nul >= 0:
            raise SourceError(
                f"{file} has a NUL byte at byte {position + nul}, as torn and overwritten "
                "files have; export it again",
                details={"path": str(file), "byte": position + nul},
            )
        quotes += chunk.count(b'"')
        position += len(chunk)
    return quotes % 2 == 1


def _sweep_json(file: SourceFile, stop: threading.Event) -> None:
    """An array must have its closing bracket; records one after another need none."""
    first = last = b""
    size = 0
    if file.compression is Compression.NONE:
        with file.path.open("rb") as stream:
            first = stream.read(CHUNK_BYTES).lstrip(b"\xef\xbb\xbf" + _SPACE)[:1]
            size = stream.seek(0, 2)
            stream.seek(max(0, size - CHUNK_BYTES))
            last = stream.read(CHUNK_BYTES).rstrip(_SPACE)[-1:]
    else:
        for chunk in _chunks(file, stop):
            first = first or chunk.lstrip(b"\xef\xbb\xbf" + _SPACE)[:1]
            last = chunk.rstrip(_SPACE)[-1:] or last
            size += len(chunk)
    if first == b"[" and last != b"]" and not stop.is_set():
        raise SourceError(
            f"{file} ends at byte {size} without the closing bracket of its array: it was cut "
            "short; export it again",
            details={"path": str(file), "byte": size},
        )


def _chunks(file: SourceFile, stop: threading.Event) -> Iterator[bytes]:
    try:
        for chunk in chunks(file.path, file.compression):
            if stop.is_set():
                return
            yield chunk
    except OSError as error:
        raise damaged(file, error) from None


def damaged(file: SourceFile, error: OSError) -> SourceError:
    """The error for bytes that cannot be had; Arrow and the system quote none of them."""
    size = file.stamp[2]
    reason = error.strerror or str(error).partition("\n")[0]
    return SourceError(
        f"{file} cannot be read to its end ({size} bytes on disk): {reason}; copy or export "
        "it again",
        details={"path": str(file), "byte": size},
    )
