"""Tables written one after the other as one CSV, JSON, JSON Lines or Parquet document."""

import gzip
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from polars import selectors

PACKINGS = {".gz": "gzip", ".zst": "zstd"}
"""File ending -> how the stream is packed."""
_GZIP_LEVEL = 2
"""Hashes hardly shrink: Arrow's level, 9, takes a fiftieth less room and three times the time."""

# https://owasp.org/www-community/attacks/CSV_Injection, read 2026-11-22. The last four are the wide
# = + - @ of East Asian keyboards, which Excel takes for the narrow ones.
_FORMULA = "^([=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20])"
_OPENING, _BETWEEN, _CLOSING = b"[\n", b",\n", b"\n]\n"


class Sink(Protocol):
    """Where bytes go."""

    def write(self, data: bytes | memoryview, /) -> int:
        """Write all of `data`."""
        ...


class Writer(Protocol):
    """Takes tables of equal columns; the first makes the header or schema."""

    def write(self, table: pa.Table) -> None:
        """Write the rows of one more table."""
        ...

    def end(self) -> None:
        """Write what closes the document."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvStyle:
    """What a CSV may want that other forms do not."""

    header: tuple[str, ...] | None = None
    """The first line, where a name may stand twice; empty: none; None: the tables' names."""
    is_excel_safe: bool = False
    """Texts that a spreadsheet would take for a formula begin with an apostrophe."""


_PLAIN_CSV = CsvStyle()


@contextmanager
def writer(
    sink: Sink, *, form: str, packing: str | None = None, csv: CsvStyle = _PLAIN_CSV
) -> Iterator[Writer]:
    """A writer of `form`: csv, json, jsonl or parquet; the document ends when the block ends well.

    CSV is UTF-8 with a header line, quoted after RFC 4180; null is an empty cell and the empty
    text is `""`. JSON has one object a row, with numbers and booleans as such, several values as
    lists, and times in ISO 8601. Parquet keeps the tables' own types.
    """
    stream = _packed(sink, packing)
    made: Writer = _Csv(stream, csv) if form == "csv" else _WRITERS[form](stream)
    yield made
    made.end()
    stream.close()


def _packed(sink: Sink, packing: str | None) -> Any:  # noqa: ANN401 - pyarrow has no types
    stream = pa.PythonFile(sink, mode="w")
    if packing == "gzip":
        # Without time and name, one source gives one file.
        return gzip.GzipFile(
            filename="", mode="wb", fileobj=stream, compresslevel=_GZIP_LEVEL, mtime=0
        )
    return pa.CompressedOutputStream(stream, packing) if packing else stream


class _Csv:
    def __init__(self, stream: Any, style: CsvStyle) -> None:  # noqa: ANN401 - pyarrow has no types
        self._stream = stream
        self._style = style
        self._is_first = True

    def write(self, table: pa.Table) -> None:
        buffer = io.BytesIO()
        if self._is_first:
            self._write_header(buffer, table.column_names)
        self._safe(_frame(table)).write_csv(buffer, include_header=False)
        self._stream.write(buffer.getbuffer())
        self._is_first = False

    def _write_header(self, buffer: io.BytesIO, names: Sequence[str]) -> None:
        header = names if self._style.header is None else self._style.header
        # A row of names, not names of columns: those may not be the same twice.
        row = pl.DataFrame([pl.Series(str(place), [name]) for place, name in enumerate(header)])
        if row.width:
            self._safe(row).write_csv(buffer, include_header=False)

    def _safe(self, frame: pl.DataFrame) -> pl.DataFrame:
        if not self._style.is_excel_safe:
            return frame
        return frame.with_columns(selectors.string().str.replace(_FORMULA, "'${1}"))

    def end(self) -> None:
        """Nothing closes a CSV."""


class _JsonLines:
    def __init__(self, stream: Any) -> None:  # noqa: ANN401 - pyarrow has no types
        self._stream = stream

    def write(self, table: pa.Table) -> None:
        self._stream.write(_json_lines(table))

    def end(self) -> None:
        """Nothing closes JSON Lines."""


class _Json:
    def __init__(self, stream: Any) -> None:  # noqa: ANN401 - pyarrow has no types
        self._stream = stream
        self._next = _OPENING

    def write(self, table: pa.Table) -> None:
        if table.num_rows:
            # A line break inside a text is escaped: those that are left part the rows.
            objects = _json_lines(table).removesuffix(b"\n").replace(b"\n", _BETWEEN)
            self._stream.write(self._next + objects)
            self._next = _BETWEEN

    def end(self) -> None:
        self._stream.write(b"[]\n" if self._next is _OPENING else _CLOSING)


class _Parquet:
    def __init__(self, stream: Any) -> None:  # noqa: ANN401 - pyarrow has no types
        self._stream = stream
        self._writer: pq.ParquetWriter | None = None

    def write(self, table: pa.Table) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._stream, table.schema, compression="zstd")
        if table.num_rows:
            self._writer.write_table(table)

    def end(self) -> None:
        assert self._writer is not None, "whoever has no rows writes an empty table"
        self._writer.close()


_WRITERS: Mapping[str, Callable[[Any], Writer]] = {
    "json": _Json,
    "jsonl": _JsonLines,
    "parquet": _Parquet,
}


def _json_lines(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    frame = _frame(table).with_columns(selectors.decimal().cast(pl.Float64))
    frame.write_ndjson(buffer)
    return buffer.getvalue()


def _frame(table: pa.Table) -> pl.DataFrame:
    times = selectors.datetime() | selectors.duration()
    return pl.DataFrame(pl.from_arrow(table)).with_columns(times.dt.to_string("iso:strict"))
