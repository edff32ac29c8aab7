"""A table of the cluster's catalog: read by Spark, and prepared on executors like files.

Spark cuts the table into parts, and how many there are it alone knows. So all is there when the
rows of all receipts are as many as Spark counted on their way to the executors.
"""

import pickle  # nosec B403
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

import pyarrow as pa

from audsync.segments.contract import TableQuery
from audsync.segments.layout import missing_column
from audsync.segments.sql_shape import Shaper
from audsync.sync.spark import lines
from audsync.sync.spark.lines import Part
from audsync.sync.spark.session import Job, Rows, connect
from audsync.sync.spark.work import Rules, guarded, share
from audsync.sync.wanted.parts import Cluster


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """To prepare the rows that come."""

    query: TableQuery
    rules: Rules


def job_of(cluster: Cluster, query: TableQuery, rules: Rules) -> Job:
    """The job that prepares a table.

    Raises:
        SourceError: there is no such table or column, or `where` makes no sense there.
    """
    return Job(
        payload=pickle.dumps(Order(query=query, rules=rules)),
        rows=_rows_of(cluster, query),
        ddl=lines.DDL,
        task="tables.take",
    )


def look(cluster: Cluster, query: TableQuery) -> str:
    """What is there, in words, once every mapped column was found; no row is read.

    Raises:
        SourceError: as for `job_of`.
    """
    _rows_of(cluster, query)
    return f"{query.table}: {len(query.mapped)} columns"


def take(payload: bytes, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Lines of a part of the table, and its receipt; nothing of a part without rows.

    Raises:
        RuntimeError: something unexpected, by its kind alone; Spark tries the part again.
    """
    order: Order = pickle.loads(payload)  # noqa: S301 - our own, through Spark # nosec B301
    rows = _gathered(batches, order.query.batch_rows)
    first = next(rows, None)
    if first is None:
        return
    number = first.column(first.num_columns - 1)[0].as_py()
    yield from guarded(
        share(_Part(order, first, rows), number),
        fault=partial(lines.of_note, number, Part.FAULT),
        what=f"part {number} of a table was prepared",
    )


class _Part:
    """Rows of one task."""

    def __init__(self, order: Order, first: pa.RecordBatch, rest: Iterable[pa.RecordBatch]) -> None:
        self._order = order
        self._first = first
        self._rest = rest

    @property
    def footing(self) -> str:
        """Rules and versions."""
        return self._order.rules.footing

    def lines_of(self, number: int) -> Iterator[pa.RecordBatch]:
        """The rows, prepared."""
        order, names = self._order, self._order.query.needed
        rows = (
            pa.RecordBatch.from_arrays(each.columns[: len(names)], names=names)
            for each in chain([self._first], self._rest)
        )
        first = next(rows)
        with tempfile.TemporaryDirectory(prefix="audsync-share-") as spill:
            query = replace(order.query, spill=Path(spill))
            place = f"{query.table} (part {number})"
            with closing(Shaper(query, first.schema, place=place)) as shaper:
                for batch in chain([first], rows):
                    for shaped in shaper.shaped(batch):
                        yield from order.rules.lines_of(number, shaped)


def _gathered(batches: Iterable[pa.RecordBatch], most: int) -> Iterator[pa.RecordBatch]:
    """The rows in larger batches: each costs a fixed price to prepare, however few they are."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held += [batch] if batch.num_rows else []
        if sum(each.num_rows for each in held) >= most:
            yield pa.concat_batches(held)
            held = []
    if held:
        yield pa.concat_batches(held)


def _rows_of(cluster: Cluster, query: TableQuery) -> Rows:
    rows = Rows(table=query.table, columns=query.needed, where=query.where)
    found = connect(cluster).columns(rows)
    for name in query.needed:
        if name not in found:
            raise missing_column(query.table, name, found, query)
    return rows
