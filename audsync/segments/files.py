"""The file source: one pass over the files, as Arrow batches, in bounded memory.

A reading that ends without an error has seen every row of every file as they stood at its start.
Nothing else counts as read: a caller must take all batches before it believes any.
"""

import itertools
import threading
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pyarrow as pa

from audsync.objects.address import is_object
from audsync.objects.stores import ObjectAccess
from audsync.segments import diagnosis, fetching, kinds, structure
from audsync.segments.condition import Condition, parse_condition, type_fault
from audsync.segments.contract import FileQuery
from audsync.segments.engine import open_engine, path_literal
from audsync.segments.layout import ROW_NUMBER, Layout, read_layout
from audsync.segments.listing import Format, SourceFile, check_age, find_files, seen_from_here
from audsync.segments.lists import taken_apart
from audsync.segments.selection import Part, statement
from audsync.segments.sweep import sweep

SHARE_ROWS = 1_000_000
"""Of a Parquet file that is shared out: some seconds of preparing, and several row groups."""
_FAILURES = (duckdb.Error, pa.ArrowException, OSError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A file of a reading, or some rows of it, and all that it takes to read it on any host."""

    query: FileQuery
    part: Part
    condition: Condition | None


_Group = tuple[Layout, tuple[SourceFile, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """A query made ready: files found, columns checked, types known.

    Whoever takes it closes its connection, which can see the files and nothing else.
    """

    connection: duckdb.DuckDBPyConnection
    query: FileQuery
    parts: tuple[Part, ...]
    condition: Condition | None
    sql: str

    @property
    def files(self) -> tuple[SourceFile, ...]:
        return tuple(file for part in self.parts for file in part.files)


def read(query: FileQuery) -> Generator[pa.RecordBatch, None, None]:
    """The rows of the source.

    Returns:
        batches of at most `query.batch_rows` rows with the columns `fingerprint` uint64 (of the
        salt and all mapped cells: the same row has the same one under the same DuckDB),
        `profile_id` string (blank is null), `has_consent` bool (and `has_consent.{platform}` where
        a label of that name is mapped), `{label}.{n}` string for each other mapped column, or
        `MAX_VALUES` of them where it holds lists (n counts from 0; blanks are kept, but an empty
        cell of a CSV is null), and `trait.{name}` with the file's own type, or, for CSV and JSON,
        that of `kinds`.

    Raises:
        SourceError: at once, or from any step of the iteration, the last one included.
    """
    return _stream(_prepare(query))


def shares(query: FileQuery) -> tuple[Share, ...]:
    """The reading in pieces, in their order: together they have the very rows that `read` has.

    A piece is a file; of Parquet at most `SHARE_ROWS` rows. The files must be no objects, and lie
    under the same paths wherever a share is read.

    Raises:
        SourceError: as for `read`.
    """
    reading = _prepare(query)
    with closing(reading.connection) as connection:
        return tuple(
            Share(
                query=replace(reading.query, access=ObjectAccess()),
                part=replace(part, files=(file,), layout=layout),
                condition=reading.condition,
            )
            for part in reading.parts
            for file in part.files
            for layout in _cut(connection, file, part.layout)
        )


def _cut(
    connection: duckdb.DuckDBPyConnection, file: SourceFile, layout: Layout
) -> tuple[Layout, ...]:
    """The layout for each piece of a file."""
    if file.format is not Format.PARQUET or ROW_NUMBER in map(str.lower, layout.columns):
        return (layout,)
    counted = f"SELECT num_rows FROM parquet_file_metadata({path_literal(file.path)})"  # noqa: S608
    ((rows,),) = connection.sql(counted).fetchall()
    if rows <= SHARE_ROWS:
        return (layout,)
    return tuple(layout.within(first, first + SHARE_ROWS) for first in range(0, rows, SHARE_ROWS))


def read_share(share: Share, *, spill: Path) -> Generator[pa.RecordBatch, None, None]:
    """The rows of a share, as `read` describes them.

    Args:
        share: of a reading on this host or another.
        spill: a private folder on this one.

    Raises:
        SourceError: as for `read`; also if the file is not the one that was found.
    """
    here = tuple(map(seen_from_here, share.part.files))
    query, part = replace(share.query, spill=spill), replace(share.part, files=here)
    reading = _Reading(
        connection=_open(query, here),
        query=query,
        parts=(part,),
        condition=share.condition,
        sql=statement(query, (part,), share.condition),
    )
    return _stream(reading)


def columns_of(query: FileQuery) -> list[str]:
    """The columns of the source's first file, in its order; the query's own need not be there.

    Raises:
        SourceError: there is no such file, or its beginning cannot be read.
    """
    files = found(query, most=1)
    with closing(_open(query, files)) as connection:
        return list(_layout(connection, files[0], query, needed=()).columns)


def look(query: FileQuery) -> int:
    """How many files there are, once every mapped column was found; no row is read.

    Objects would have to be fetched as wholes: of several only the first is looked into.

    Raises:
        SourceError: a file or a column is missing, or the files are too old.
    """
    # Whether `where` fits shows only in a pass over all rows.
    bare = replace(query, where=None, traits=())
    if not is_object(query.path):
        return _count(bare, most=None)
    _count(bare, most=1)
    return len(fetching.find_objects(query))


def _count(query: FileQuery, most: int | None) -> int:
    reading = _prepare(query, most)
    reading.connection.close()
    return len(reading.files)


def found(query: FileQuery, most: int | None = None) -> tuple[SourceFile, ...]:
    """The files behind the query's path, copies where they are objects; at most the first few.

    Raises:
        SourceError: there are none, or they are too old.
    """
    if query.only is not None:
        return query.only[:most]
    if is_object(query.path):
        return fetching.fetch_files(query, most)
    files = find_files(query.path, query.format)
    check_age({str(file): file.written_at for file in files}, query.not_before)
    return files[:most]


def _prepare(query: FileQuery, most: int | None = None) -> _Reading:
    files = found(query, most)
    with ExitStack() as failing:
        connection = failing.enter_context(closing(_open(query, files)))
        reading = _looked_into(connection, query, files)
        failing.pop_all()
    return reading


def _looked_into(
    connection: duckdb.DuckDBPyConnection, query: FileQuery, files: Sequence[SourceFile]
) -> _Reading:
    condition = parse_condition(connection, query.where)
    used = tuple(dict.fromkeys((*query.traits, *(condition.columns if condition else ()))))
    needed = tuple(dict.fromkeys((*query.mapped, *used)))
    layouts = [_layout(connection, file, query, needed) for file in files]
    groups = [
        (layout, tuple(file for _, file in pairs))
        for layout, pairs in itertools.groupby(
            zip(layouts, files, strict=True), key=lambda pair: pair[0]
        )
    ]
    parts = _with_types(connection, query, groups, used)
    if condition:
        _check_condition(connection, query, parts, condition)
    query, parts = taken_apart(query, parts, needed)
    return _Reading(
        connection=connection,
        query=query,
        parts=parts,
        condition=condition,
        sql=statement(query, parts, condition),
    )


def _stream(reading: _Reading) -> Generator[pa.RecordBatch, None, None]:
    stop = threading.Event()
    failure: Exception | None = None
    is_whole = False
    with ThreadPoolExecutor(1, "audsync-sweep") as pool:
        swept = pool.submit(sweep, reading.files, stop)
        try:
            yield from _scan(reading)
            is_whole = True
        except _FAILURES as error:
            failure = error.with_traceback(None)
        finally:
            if not is_whole:
                stop.set()
    # Raised out here, the error does not carry DuckDB's along, whose text may quote a row.
    if failure is not None:
        raise diagnosis.explain(reading.query, reading.parts, reading.condition, failure)
    _prove_whole(reading, unpaired=swept.result())


def _scan(reading: _Reading) -> Generator[pa.RecordBatch, None, None]:
    with closing(reading.connection) as connection:
        yield from connection.sql(reading.sql).to_arrow_reader(reading.query.batch_rows)


def _prove_whole(reading: _Reading, *, unpaired: Sequence[SourceFile]) -> None:
    delimiters = {file: part.layout.delimiter for part in reading.parts for file in part.files}
    for file in unpaired:
        if fault := structure.csv_fault(file, delimiters[file]):
            raise fault
    for file in reading.files:
        if file.has_changed():
            raise diagnosis.changed(file)


def _with_types(
    connection: duckdb.DuckDBPyConnection,
    query: FileQuery,
    groups: Sequence[_Group],
    used: tuple[str, ...],
) -> tuple[Part, ...]:
    """The groups with the types of the `used` columns: Parquet's own, or what all values share."""
    if groups[0][1][0].format is Format.PARQUET or not used:
        return tuple(
            Part(files=files, layout=layout, types={name: layout.type_of(name) for name in used})
            for layout, files in groups
        )
    scans = [
        (
            str(files[0]) if len(files) == 1 else query.path,
            layout.scan_of(files, used),
            {name: (layout.cell(name), layout.type_of(name)) for name in used},
        )
        for layout, files in groups
    ]
    try:
        types = kinds.infer_types(connection, scans)
    except _FAILURES as error:
        failure = error.with_traceback(None)
    else:
        return tuple(Part(files=files, layout=layout, types=types) for layout, files in groups)
    parts = [Part(files=files, layout=layout, types={}) for layout, files in groups]
    raise diagnosis.explain(query, parts, None, failure)


def _check_condition(
    connection: duckdb.DuckDBPyConnection,
    query: FileQuery,
    parts: Sequence[Part],
    condition: Condition,
) -> None:
    for part in parts:
        types = {name: part.types[name] for name in condition.columns}
        reason = type_fault(connection, condition, types)
        if reason is not None:
            raise diagnosis.misfit(query, parts, condition, reason)


def _layout(
    connection: duckdb.DuckDBPyConnection, file: SourceFile, query: FileQuery, needed: Sequence[str]
) -> Layout:
    try:
        return read_layout(connection, file, query, needed)
    except _FAILURES as error:
        failure = error.with_traceback(None)
    raise diagnosis.explain_file(
        file, failure, delimiter=query.delimiter or ",", encoding=query.encoding
    )


def _open(query: FileQuery, files: Sequence[SourceFile]) -> duckdb.DuckDBPyConnection:
    return open_engine(
        [file.path for file in files],
        memory_bytes=query.memory_bytes,
        spill=query.spill,
        in_order=query.in_order,
    )
