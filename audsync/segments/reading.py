"""The one door to every kind of source: what the callers read, whatever stands in the config."""

from collections.abc import Callable, Generator, Iterator

import pyarrow as pa

from audsync.errors import SourceError
from audsync.segments import files
from audsync.segments.contract import FileQuery, Query, SqlQuery, TableQuery

Source = Callable[[Query], Iterator[pa.RecordBatch]]
"""What reads a source as `read` does."""


def read(query: Query) -> Generator[pa.RecordBatch, None, None]:
    """The rows of the source, as `files.read` describes them.

    Raises:
        SourceError: at once, or from any step of the iteration, the last one included.
        ConfigError: a database's URL, query or driver is not what it should be.
    """
    if isinstance(query, SqlQuery):
        # Databases and their drivers are loaded only where a segment wants them.
        from audsync.segments import sql  # noqa: PLC0415

        return sql.read(query)
    return files.read(_of_files(query))


def columns_of(query: Query) -> list[str]:
    """The columns of the source, in its order; the query's own need not be there.

    Raises:
        SourceError, ConfigError: as for `read`.
    """
    if isinstance(query, SqlQuery):
        from audsync.segments import sql  # noqa: PLC0415 - as above

        return sql.columns_of(query)
    return files.columns_of(_of_files(query))


def look(query: Query) -> str:
    """What is there, in words, once everything that is mapped was found; no row is read.

    Raises:
        SourceError, ConfigError: as for `read`.
    """
    if isinstance(query, SqlQuery):
        from audsync.segments import sql  # noqa: PLC0415 - as above

        return f"{sql.look(query)}, {len(query.mapped)} columns"
    source = _of_files(query)
    found = files.look(source)
    return (
        f"{source.path}: {found} {'file' if found == 1 else 'files'}, {len(query.mapped)} columns"
    )


def _of_files(query: Query) -> FileQuery:
    if isinstance(query, TableQuery):
        raise SourceError(
            f"{query.table} is a table of a Spark cluster, which reads it there for a sync; it"
            " cannot be read on this machine. To check or export these people, give the segment"
            " files or a database as its source.",
            details={"table": query.table},
        )
    assert isinstance(query, FileQuery), "there are three kinds of query"
    return query
