"""From a database's rows to what every source yields: the same texts, the same fingerprints.

So do rows of a cluster's table. Each batch goes through the SQL that files go through, in a DuckDB
that sees nothing else.
"""

# ruff: noqa: S608 - SQL is the craft here: names go through `engine`, nothing else is foreign

from collections.abc import Iterator
from dataclasses import replace

import duckdb
import pyarrow as pa

from audsync.errors import SourceError
from audsync.segments.cells import cells_of
from audsync.segments.contract import Query
from audsync.segments.engine import name_literal, open_engine
from audsync.segments.layout import Layout
from audsync.segments.selection import MAX_CELL_BYTES, TOO_LONG, Part, faults, statement
from audsync.segments.sql_contract import STANDS_FOR

_ROWS = "audsync_rows"


class Shaper:
    """Turns batches of one schema into those that `files.read` would yield of the same data."""

    def __init__(self, query: Query, schema: pa.Schema, *, place: str) -> None:
        """Prepare for batches of `schema`.

        Raises:
            SourceError: a column holds what cannot be used where it is mapped.
        """
        self._place = place
        self._seen_rows = 0
        self._batch_rows = query.batch_rows
        self._engine = open_engine(
            [], memory_bytes=query.memory_bytes, spill=query.spill, in_order=True
        )
        cells = cells_of(query, self._types(schema), place=place)
        self._cells = cells
        columns = ", ".join(f"{sql} AS {name_literal(name)}" for name, sql in cells.sql.items())
        self._part = Part(
            files=(),
            layout=Layout(
                columns=tuple(cells.types),
                types=tuple(cells.types.values()),
                scan=f"(SELECT {columns} FROM {_ROWS})",
            ),
            types={name: cells.types[name] for name in query.traits},
        )
        self._query = replace(query, columns=cells.labels)
        self._sql = statement(self._query, [self._part], None)

    def close(self) -> None:
        """Let go of the memory."""
        self._engine.close()

    def shaped(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """The batch as the source's readers want it, in pieces of at most `batch_rows`.

        Raises:
            SourceError: a cell cannot be used.
        """
        failure: duckdb.Error | None = None
        shaped: list[pa.RecordBatch] = []
        self._engine.register(_ROWS, batch)
        try:
            shaped = list(self._engine.sql(self._sql).to_arrow_reader(self._batch_rows))
        except duckdb.Error as error:
            failure = error.with_traceback(None)
        if failure is not None:
            raise self._explained(failure)
        self._engine.unregister(_ROWS)
        self._seen_rows += batch.num_rows
        yield from shaped

    def _types(self, schema: pa.Schema) -> dict[str, str]:
        """DuckDB's type of each column, or the one whose text it holds."""
        self._engine.register(_ROWS, schema.empty_table())
        described = self._engine.sql(f"DESCRIBE FROM {_ROWS}").fetchall()
        self._engine.unregister(_ROWS)
        types = {str(row[0]): str(row[1]) for row in described}
        for field in schema:
            if field.metadata and STANDS_FOR in field.metadata:
                types[field.name] = field.metadata[STANDS_FOR].decode()
        return types

    def _explained(self, failure: duckdb.Error) -> SourceError:
        """What is wrong with the batch that is registered; never with a value."""
        for column, rows, predicate, words in self._suspicions():
            row = self._first(rows, predicate)
            if row is not None:
                number = self._seen_rows + row
                return SourceError(
                    f"{self._place}, row {number:,} of the answer: {words}",
                    details={"column": column, "row": number},
                )
        name = type(failure).__name__
        return SourceError(
            f"{self._place}: what it yields cannot be taken over ({name}); have the query yield "
            "texts, numbers and dates",
            details={"failure": name},
        )

    def _suspicions(self) -> Iterator[tuple[str, str, str, str]]:
        """Column, rows to search, what to search for, what to say when it is found."""
        for column, predicate, words in self._cells.suspicions:
            yield column, _ROWS, predicate, words
        for column, mark, predicate in faults(self._query, self._part):
            if mark == TOO_LONG:
                words = f"the cell in `{column}` is longer than {MAX_CELL_BYTES} bytes; shorten it"
                yield column, self._part.layout.scan, predicate, words

    def _first(self, rows: str, predicate: str) -> int | None:
        """The number (from 1) of the first row for which the predicate is true."""
        try:
            found = self._engine.sql(
                "SELECT min(number) FROM "
                f"(SELECT row_number() OVER () AS number, {predicate} AS is_it FROM {rows}) "
                "WHERE is_it"
            ).fetchall()
        except duckdb.Error:
            return None
        return None if found[0][0] is None else int(found[0][0])
