"""From DuckDB's failure to an error a person can act on: file, line or byte, and remedy.

DuckDB's text may quote rows: it is looked into for the kind of failure, and never passed on.
"""

# ruff: noqa: S608 - SQL is the craft here: names and texts go through `engine`, `where` is proved

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace

import duckdb

from audsync.errors import SourceError
from audsync.segments import structure
from audsync.segments.cells import TOO_MANY
from audsync.segments.condition import Condition, refused
from audsync.segments.contract import FileQuery
from audsync.segments.engine import open_engine
from audsync.segments.kinds import NESTED, TEXT, is_number, nested
from audsync.segments.listing import Format, SourceFile
from audsync.segments.selection import MAX_CELL_BYTES, TOO_LONG, Part, faults, prepared
from audsync.segments.sweep import damaged


def explain_file(
    file: SourceFile, failure: Exception, *, delimiter: str, encoding: str
) -> SourceError:
    """What is wrong with a file that could not even be looked into."""
    return (
        _changed(file)
        or _structure_fault(file, delimiter=delimiter, encoding=encoding)
        or _unknown(str(file), failure)
    )


def explain(
    query: FileQuery, parts: Sequence[Part], condition: Condition | None, failure: Exception
) -> SourceError:
    """What is wrong with a source whose reading broke off.

    Each file is gone through again, so this may take longer than the reading did.
    """
    each = [(part, file) for part in parts for file in part.files]
    for _, file in each:
        if error := _changed(file):
            return error
    if isinstance(failure, duckdb.OutOfMemoryException):
        return SourceError(
            f"Reading {query.path} needs more than {query.memory_bytes >> 20} MiB of memory, or"
            " more disk than it may take; raise `state.memory_limit`, or `state.spill_limit` where"
            " it is set",
            details={"path": query.path},
        )
    is_about_rows = any(mark in str(failure) for mark in (TOO_LONG, NESTED, TOO_MANY))
    for part, file in each:
        error = (
            None
            if is_about_rows
            else _structure_fault(file, delimiter=part.layout.delimiter, encoding=query.encoding)
        )
        if error := error or _row_fault(query, part, file, condition):
            return error
    return _unknown(query.path, failure)


def misfit(
    query: FileQuery, parts: Sequence[Part], condition: Condition, reason: str
) -> SourceError:
    """The error for a `where` that does not go with the types of its columns."""
    types = parts[0].types
    found = ", ".join(f"`{name}` is {types[name]}" for name in condition.columns)
    odd = next((place for part in parts for place in _odd_values(query, part, condition)), "")
    return refused(f"does not fit the source{reason}; here {found or 'it uses no column'}{odd}")


def changed(file: SourceFile) -> SourceError:
    """The error for a file that was replaced or written to during the reading."""
    return SourceError(
        f"{file} was changed while it was read, so what was read may be a mix of two states; "
        "let the export finish (write to another name, then rename) and run again",
        details={"path": str(file)},
    )


def line_of(file: SourceFile, part: Part, row: int) -> str:
    """Where data row `row` (from 1) stands, in words."""
    if file.format is Format.CSV:
        return f"line {structure.csv_line(file, part.layout.delimiter, row)}"
    if file.format is Format.JSONL:
        return f"line {structure.json_line(file, row)}"
    return f"record {row}"


def first_row(
    query: FileQuery, rows: str, files: Sequence[SourceFile], predicate: str
) -> int | None:
    """The number (from 1) of the first row of `rows` for which the predicate is true."""
    paths = [file.path for file in files]
    with closing(
        open_engine(paths, memory_bytes=query.memory_bytes, spill=query.spill, in_order=True)
    ) as connection:
        found = connection.sql(
            f"SELECT number FROM (SELECT row_number() OVER () AS number, {predicate} AS is_it "
            f"FROM {rows}) WHERE is_it LIMIT 1"
        ).fetchall()
    return int(found[0][0]) if found else None


def _changed(file: SourceFile) -> SourceError | None:
    return changed(file) if file.has_changed() else None


def _structure_fault(file: SourceFile, *, delimiter: str, encoding: str) -> SourceError | None:
    try:
        return structure.find_fault(file, delimiter=delimiter, encoding=encoding)
    except OSError as error:
        return damaged(file, error)


def _odd_values(query: FileQuery, part: Part, condition: Condition) -> Iterator[str]:
    """Where a column of `where` that is text has its first value that is no number."""
    for column in condition.columns:
        source = part.layout.type_of(column)
        if part.types[column] != TEXT or source not in {TEXT, "JSON"}:
            continue
        predicate = f"NOT {is_number(part.layout.cell(column), source)}"
        for file in part.files:
            row = first_row(query, part.layout.scan_of([file], [column]), [file], predicate)
            if row is not None:
                yield (
                    f" (no number at {line_of(file, part, row)} of {file}): write "
                    f"try_cast({column} AS DOUBLE), which takes such values for null"
                )


def _row_fault(
    query: FileQuery, part: Part, file: SourceFile, condition: Condition | None
) -> SourceError | None:
    alone = replace(part, files=(file,))
    for rows, predicate, words in _suspicions(query, alone, condition):
        try:
            row = first_row(query, rows, alone.files, predicate)
        except duckdb.Error:
            continue
        if row is not None:
            where = line_of(file, part, row)
            return SourceError(
                f"{file}, {where}: {words}",
                details={"path": str(file), "row": row},
            )
    return None


def _suspicions(
    query: FileQuery, part: Part, condition: Condition | None
) -> Iterator[tuple[str, str, str]]:
    """Rows to search, what to search for, and what to say when it is found."""
    needed = (*query.mapped, *query.traits)
    scan = part.layout.scan_of(part.files, tuple(dict.fromkeys(needed)))
    for column, mark, predicate in faults(query, part):
        if mark == TOO_LONG:
            words = f"the cell in `{column}` is longer than {MAX_CELL_BYTES} bytes; shorten it"
        else:
            words = nested(column)
        yield scan, predicate, words
    for predicate, words in part.suspicions:
        yield part.layout.rows_of(part.files), predicate, words
    if condition:
        yield (
            prepared(query, part, condition),
            f"TRY(coalesce({condition.sql}, false)) IS NULL",
            "`where` fails on a value of this row; write try_cast(column AS type) there",
        )


def _unknown(path: str, failure: Exception) -> SourceError:
    return SourceError(
        f"{path} cannot be read ({type(failure).__name__}), and the files look well formed; try a "
        "fresh export, and if it stays, report it with a sample that holds no real data",
        details={"path": path, "failure": type(failure).__name__},
    )
