"""After a failure: where exactly a text file breaks the rules of its format.

DuckDB's own messages quote rows, so none is shown; these scanners go through the file again,
slowly, with bounded memory, and name line or byte without a word of what stands there.
"""

import codecs
import csv
import io
from collections.abc import Iterator
from typing import Self

from audsync.errors import SourceError
from audsync.segments.bytestream import chunks, open_bytes
from audsync.segments.listing import Format, SourceFile
from audsync.segments.records import json_fault

MAX_LINE_CHARS = 2_000_000
"""DuckDB's own limit for one CSV record, in bytes."""
_PARQUET_MAGIC = b"PAR1"


def find_fault(file: SourceFile, *, delimiter: str, encoding: str) -> SourceError | None:
    """The first thing that is wrong with the file itself; None where it is well formed.

    Raises:
        OSError: it cannot be read at all, or its packing is damaged.
    """
    if file.format is Format.PARQUET:
        return _parquet_fault(file)
    for _ in chunks(file.path, file.compression):
        pass  # a cut packing looks like a broken row to whoever reads rows
    if file.format is Format.CSV:
        return csv_fault(file, delimiter) or (
            utf8_fault(file) if encoding == "utf-8" else _latin1_fault(file)
        )
    return utf8_fault(file) or json_fault(file)


def csv_fault(file: SourceFile, delimiter: str) -> SourceError | None:
    """The first record of another width, stray quote, odd line ending or endless cell."""
    with _csv_lines(file) as lines:
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        width: int | None = None
        ending = ""
        while True:
            start = reader.line_num + 1
            try:
                row = next(reader)
            except StopIteration:
                return None
            except csv.Error as error:
                return _at_line(file, start, _csv_reason(str(error), reader.line_num - start))
            width, ending = width or len(row), ending or lines.ending
            fault = _record_fault(row, width) or _ending_fault(lines.ending, ending)
            if fault:
                return _at_line(file, start, fault)


def csv_line(file: SourceFile, delimiter: str, row: int) -> int:
    """The line on which data row `row` (from 1) begins."""
    with _csv_lines(file) as lines:
        reader = csv.reader(lines, delimiter=delimiter)
        start, seen = 1, -1
        for record in reader:
            seen += bool(record)
            if seen == row:
                return start
            start = reader.line_num + 1
    return start


def json_line(file: SourceFile, row: int) -> int:
    """The line of JSON Lines that holds record `row` (from 1)."""
    seen = 0
    with open_bytes(file.path, file.compression) as stream:
        for number, line in enumerate(stream, start=1):
            seen += bool(line.strip())
            if seen == row:
                return number
    return row


def utf8_fault(file: SourceFile) -> SourceError | None:
    """The first byte that is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    position, lines = 0, 1
    for chunk in _with_end(file):
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            lines += chunk.count(b"\n", 0, max(0, error.start - pending))
            byte = position - pending + error.start
            return SourceError(
                f"{file}, line {lines}: byte {byte} is not UTF-8; set `encoding: latin-1` if "
                "the file is that, or convert it, for instance with iconv -t UTF-8",
                details={"path": str(file), "line": lines, "byte": byte},
            )
        position += len(chunk)
        lines += chunk.count(b"\n")
    return None


class _Lines:
    """Lines as `csv.reader` wants them, keeping how the last one ended."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self._stream = stream
        self.ending = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def __iter__(self) -> Iterator[str]:
        while line := self._stream.readline(MAX_LINE_CHARS):
            self.ending = line[len(line.rstrip("\r\n")) :]
            if not self.ending and len(line) == MAX_LINE_CHARS:
                raise csv.Error("line too long")
            yield line


def _csv_lines(file: SourceFile) -> _Lines:
    # Latin-1 takes every byte, and the signs that matter here are the same in UTF-8.
    stream = open_bytes(file.path, file.compression)
    return _Lines(io.TextIOWrapper(stream, encoding="latin-1", newline=""))


def _csv_reason(message: str, lines_in: int) -> str:
    is_long = "larger than" in message or "too long" in message
    if "end of data" in message or (is_long and lines_in > 0):
        return "a cell opens with a quote that is never closed; close or double the quote"
    if is_long:
        return f"a cell is too long to be read (limit {csv.field_size_limit()} bytes); shorten it"
    return "a quote stands inside a quoted cell; write it twice to keep it"


def _record_fault(row: list[str], width: int) -> str:
    is_trailing = len(row) == width + 1 and not row[-1]  # DuckDB takes one comma at the end
    if not row or len(row) == width or is_trailing:
        return ""
    return (
        f"the row has {len(row)} cells where the header has {width}; "
        "quote cells that hold the delimiter, or repair the row"
    )


def _ending_fault(ending: str, first: str) -> str:
    if not ending or ending == first:
        return ""
    return "the line ends otherwise than the first line; use LF or CR LF in the whole file"


def _latin1_fault(file: SourceFile) -> SourceError | None:
    """The first byte that Latin-1 gives no letter to: most often the file is Windows-1252."""
    position, lines = 0, 1
    for chunk in chunks(file.path, file.compression):
        for offset, byte in enumerate(chunk):
            if 0x80 <= byte < 0xA0:  # noqa: PLR2004 - the control characters of Latin-1
                lines += chunk.count(b"\n", 0, offset)
                return SourceError(
                    f"{file}, line {lines}: byte {position + offset} is not Latin-1, rather "
                    "Windows-1252; convert the file, for instance with iconv -f CP1252 -t UTF-8",
                    details={"path": str(file), "line": lines, "byte": position + offset},
                )
        position += len(chunk)
        lines += chunk.count(b"\n")
    return None


def _parquet_fault(file: SourceFile) -> SourceError | None:
    with file.path.open("rb") as stream:
        stream.seek(max(0, file.stamp[2] - len(_PARQUET_MAGIC)))
        if stream.read() == _PARQUET_MAGIC:
            return None
    return SourceError(
        f"{file} ends at byte {file.stamp[2]} without Parquet's footer: it was cut short; "
        "export it again",
        details={"path": str(file), "byte": file.stamp[2]},
    )


def _with_end(file: SourceFile) -> Iterator[bytes]:
    yield from chunks(file.path, file.compression)
    yield b""


def _at_line(file: SourceFile, line: int, reason: str) -> SourceError:
    return SourceError(
        f"{file}, line {line}: {reason}",
        details={"path": str(file), "line": line},
    )
