"""The columns of each file, and the SQL that scans files of one layout.

CSV headers are read here and not by DuckDB, whose sniffer renames, trims and guesses.
"""

# ruff: noqa: S608 - SQL is the craft here: names and texts go through `engine`, `where` is proved

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

import duckdb

from audsync.errors import SourceError
from audsync.segments import paths as ways_in
from audsync.segments.bytestream import head
from audsync.segments.contract import FileQuery, Query
from audsync.segments.engine import name_literal, path_literal, text_literal
from audsync.segments.listing import Format, SourceFile

ENCODINGS = ("utf-8", "latin-1")
_DELIMITERS = (",", ";", "\t", "|")
_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
_PARQUET_MAGIC = b"PAR1"
_SPACE = b" \t\r\n"
_SNIFFED_RECORDS = 20_480
ROW_NUMBER = "file_row_number"
"""The column in which DuckDB numbers a Parquet file's rows, where it is asked to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """SQL that gives each value of a list a column of its own."""

    reads: tuple[str, ...]
    """Columns of the file that are read."""
    cells: str
    """Their cells, by the names that the query has for them."""
    values: str
    """The values, from those cells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the rows of a file are laid out; files of equal layouts are scanned together."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    """DuckDB's types: the file's own in Parquet, VARCHAR in CSV, JSON in JSON."""
    scan: str
    """`read_…({files}, options)`: DuckDB's table function with a place for the list of files."""
    delimiter: str = ","
    """Of CSV; elsewhere without meaning."""
    ways: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Columns that are ways into others: the column they lead into, and SQL for the value."""
    apart: Apart | None = None
    """How lists are taken apart; None where there are none."""

    def cell(self, column: str) -> str:
        """The SQL name of a column in the scan."""
        if column in self.ways:
            return self.ways[column][1]
        position = self.columns.index(column)
        return f"c{position}" if self.scan.startswith("read_csv") else name_literal(column)

    def type_of(self, column: str) -> str:
        """DuckDB's type of a column."""
        return self.types[self.columns.index(column)]

    def within(self, first: int, stop: int) -> "Layout":
        """The same for the rows from `first` to before `stop` of a file alone; of Parquet only."""
        scan = self.scan.removesuffix(")") + f", {ROW_NUMBER} = true)"
        rows = f"{ROW_NUMBER} >= {first} AND {ROW_NUMBER} < {stop}"
        return replace(self, scan=f"(SELECT * EXCLUDE ({ROW_NUMBER}) FROM {scan} WHERE {rows})")

    def scan_of(self, files: Iterable[SourceFile], needed: Sequence[str]) -> str:
        """The table function over `files`, for a query that uses the `needed` columns."""
        if self.apart is not None:
            return f"(SELECT *, {self.apart.values} FROM {self.rows_of(files)})"
        return self._scan(
            files,
            dict.fromkeys(self.ways[name][0] if name in self.ways else name for name in needed),
        )

    def rows_of(self, files: Iterable[SourceFile]) -> str:
        """The rows of `files` before their lists are taken apart."""
        assert self.apart is not None, "only lists are taken apart"
        return f"(SELECT {self.apart.cells} FROM {self._scan(files, self.apart.reads)})"

    def _scan(self, files: Iterable[SourceFile], roots: Iterable[str]) -> str:
        paths = ", ".join(path_literal(file.path) for file in files)
        wanted = ", ".join(f"{text_literal(name)}: 'JSON'" for name in roots)
        return self.scan.replace("{files}", f"[{paths}]").replace("{needed}", f"{{{wanted}}}")


def read_layout(
    connection: duckdb.DuckDBPyConnection, file: SourceFile, query: FileQuery, needed: Sequence[str]
) -> Layout:
    """The layout of one file.

    Raises:
        SourceError: the file is not what it should be, or lacks one of the `needed` columns.
        OSError, duckdb.Error: it is damaged.
    """
    beginning = head(file.path, file.compression)
    _check_beginning(file, beginning)
    if file.format is Format.CSV:
        layout = _csv_layout(file, query, beginning, needed)
    elif file.format is Format.PARQUET:
        layout = _parquet_layout(connection, file, needed)
    else:
        layout = _json_layout(connection, file, beginning, needed)
    _check_columns(file, layout.columns, query, needed)
    return layout


def _check_beginning(file: SourceFile, beginning: bytes) -> None:
    is_parquet = beginning.startswith(_PARQUET_MAGIC)
    if is_parquet != (file.format is Format.PARQUET):
        holds = "holds Parquet" if is_parquet else "does not begin as Parquet does"
        raise _refused(file, f"{holds}, but is to be read as {file.format}; correct `format`", 0)
    if beginning.startswith(_UTF16_BOMS):
        raise _refused(file, "is UTF-16; convert it, for instance with iconv -t UTF-8", 0)


def _csv_layout(
    file: SourceFile, query: FileQuery, beginning: bytes, needed: Sequence[str]
) -> Layout:
    if query.encoding not in ENCODINGS:
        raise SourceError(
            f"`encoding: {query.encoding}` cannot be read; {' and '.join(ENCODINGS)} can; convert "
            "the file, for instance with iconv -t UTF-8",
        )
    text = _header_text(file, beginning, query.encoding)
    delimiters = _DELIMITERS if query.delimiter is None else (query.delimiter,)
    headers = {delimiter: _header(text, delimiter) for delimiter in delimiters}
    delimiter = max(
        delimiters, key=lambda sign: (len({*needed} & {*headers[sign]}), len(headers[sign]))
    )
    columns = headers[delimiter]
    if not any(columns):
        raise _refused(file, "has an empty first line where the header should be", 0)
    cells = ", ".join(f"c{position}: 'VARCHAR'" for position in range(len(columns)))
    # auto_detect off: every value stays the text it is. strict_mode: a stray quote or a row of
    # another width is an error, not a guess. No `new_line` and no `parallel`: with either set,
    # DuckDB 1.5 and 2.0 lose rows in silence (seen 2026-11-22).
    scan = (
        f"read_csv({{files}}, columns = {{{cells}}}, auto_detect = false, header = true, "
        f"delim = {text_literal(delimiter)}, quote = '\"', escape = '\"', comment = '', "
        f"strict_mode = true, encoding = '{query.encoding}', "
        f"compression = '{file.compression.value}', hive_partitioning = false)"
    )
    return Layout(
        columns=columns, types=("VARCHAR",) * len(columns), scan=scan, delimiter=delimiter
    )


def _header_text(file: SourceFile, beginning: bytes, encoding: str) -> str:
    data = beginning.removeprefix(_BOM)
    nul = data.find(b"\0")
    if nul >= 0:
        at = nul + len(beginning) - len(data)
        raise _refused(file, "has a NUL byte, as UTF-16 and torn files have; export it again", at)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        start = error.start
    if 0 <= data.find(b"\n") < start:  # the header is sound, and the rows are for the scan
        return data[:start].decode(encoding)
    at = start + len(beginning) - len(data)
    raise _refused(file, f"is not {encoding}; set `encoding` or convert the file", at)


def _header(text: str, delimiter: str) -> tuple[str, ...]:
    try:
        return tuple(next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), ()))
    except csv.Error:
        return ()


def _parquet_layout(
    connection: duckdb.DuckDBPyConnection, file: SourceFile, needed: Sequence[str]
) -> Layout:
    scan = "read_parquet({files}, binary_as_string = true, hive_partitioning = false)"
    path = path_literal(file.path)
    described = connection.sql(f"DESCRIBE FROM {scan.replace('{files}', path)}").fetchall()
    layout = Layout(
        columns=tuple(row[0] for row in described),
        types=tuple(row[1] for row in described),
        scan=scan,
    )
    for name, way in _ways(needed, layout.columns):
        cell = ways_in.in_struct(way)
        try:
            found = connection.sql(f"DESCRIBE SELECT {cell} FROM {scan.replace('{files}', path)}")
            type_ = str(found.fetchall()[0][1])
        except duckdb.BinderException:
            continue  # there is no such value, which is told where all columns are checked
        layout = _extended(layout, name, way.root, cell, type_)
    return layout


def _json_layout(
    connection: duckdb.DuckDBPyConnection,
    file: SourceFile,
    beginning: bytes,
    needed: Sequence[str],
) -> Layout:
    style = json_style(file, beginning)
    options = (
        f"format = '{style}', records = true, compression = '{file.compression.value}', "
        "hive_partitioning = false"
    )
    path = path_literal(file.path)
    if beginning.removeprefix(_BOM).translate(None, _SPACE) in {b"", b"[]"}:
        columns = list(dict.fromkeys(needed))  # no record: nothing speaks against any column
    else:
        described = connection.sql(
            f"DESCRIBE FROM read_json({path}, {options}, maximum_depth = 1, "
            f"map_inference_threshold = -1, sample_size = {_SNIFFED_RECORDS})"
        ).fetchall()
        columns = [row[0] for row in described]
    # A key that few records have may not be among the first: look for it to the end.
    for name in dict.fromkeys(needed):
        way = ways_in.parse(name)
        for key in (name, way.root) if way else (name,):
            if {key, name}.isdisjoint(columns) and _has_key(connection, path, options, key):
                columns.append(key)
    layout = Layout(
        columns=tuple(columns),
        types=("JSON",) * len(columns),
        scan=f"read_json({{files}}, {options}, columns = {{needed}})",
    )
    for name, way in _ways(needed, columns):
        cell, type_ = ways_in.in_json(way)
        within = ways_in.in_json(ways_in.above_all(way))[0]
        if _has_value(connection, path, options, way.root, within):
            layout = _extended(layout, name, way.root, cell, type_)
    return layout


def _ways(needed: Sequence[str], columns: Sequence[str]) -> Iterator[tuple[str, ways_in.Path]]:
    """The names that are ways into columns that are there, and no column's own name."""
    for name in dict.fromkeys(needed):
        way = ways_in.parse(name)
        if name not in columns and way is not None and way.root in columns:
            yield name, way


def _extended(layout: Layout, name: str, root: str, cell: str, type_: str) -> Layout:
    return replace(
        layout,
        columns=(*layout.columns, name),
        types=(*layout.types, type_),
        ways={**layout.ways, name: (root, cell)},
    )


def json_style(file: SourceFile, beginning: bytes) -> str:
    """DuckDB's word for how the records are strung together.

    A `.json` that does not begin with a bracket holds records one after another, as BigQuery and
    Spark write them. DuckDB takes a byte order mark only where lines do not matter.
    """
    body = beginning.removeprefix(_BOM).lstrip(_SPACE)
    if file.format is Format.JSON and body.startswith(b"["):
        return "array"
    if file.format is Format.JSON or beginning.startswith(_BOM):
        return "unstructured"
    return "newline_delimited"


def _has_key(connection: duckdb.DuckDBPyConnection, path: str, options: str, name: str) -> bool:
    return _has_value(connection, path, options, name, name_literal(name))


def _has_value(
    connection: duckdb.DuckDBPyConnection, path: str, options: str, root: str, cell: str
) -> bool:
    found = connection.sql(
        f"SELECT 1 FROM read_json({path}, {options}, columns = {{{text_literal(root)}: 'JSON'}}) "
        f"WHERE {cell} IS NOT NULL LIMIT 1"
    ).fetchall()
    return bool(found)


def _check_columns(
    file: SourceFile, columns: Sequence[str], query: FileQuery, needed: Sequence[str]
) -> None:
    twice = sorted(name for name, count in Counter(columns).items() if count > 1)
    if twice:
        names = ", ".join(f"`{name}`" for name in twice)
        raise _refused(file, f"has more than one column {names}; name each one once", 0)
    for name in needed:
        if name not in columns:
            raise missing_column(str(file), name, columns, query)
        twins = [other for other in columns if other.lower() == name.lower() and other != name]
        if twins:
            reason = (
                f"has columns `{name}` and `{twins[0]}`, which SQL cannot tell apart; rename one"
            )
            raise _refused(file, reason, 0)


def missing_column(place: str, name: str, columns: Sequence[str], query: Query) -> SourceError:
    """The error for a source that lacks a column which the segment names.

    Args:
        place: the file or database, for people.
        name: the column.
        columns: what is there instead.
        query: says which key of the segment names it.
    """
    nearest = nearest_name(name, columns)
    hint = f"the nearest is `{nearest}`" if nearest else f"it has {len(columns)} others"
    keys = [f"columns.{label}" for label, names in query.columns.items() if name in names]
    keys += ["traits"] if name in query.traits else []
    key = " and ".join(f"`{key}`" for key in keys) or "`where`"
    return SourceError(
        f"{place} has no column `{name}`, which {key} names; {hint}; correct the segment or the "
        "source",
        details={"path": place, "column": name, "nearest": nearest},
    )


def nearest_name(name: str, columns: Sequence[str]) -> str | None:
    """The column that was most likely meant."""
    plain = {column.strip().lower(): column for column in reversed(columns)}
    close = get_close_matches(name.strip().lower(), plain, n=1, cutoff=0.5)
    return plain[close[0]] if close else None


def _refused(file: SourceFile, reason: str, byte: int) -> SourceError:
    return SourceError(
        f"{file} (byte {byte}) {reason}",
        details={"path": str(file), "byte": byte},
    )
