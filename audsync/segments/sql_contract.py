"""What every way into a database has in common: one reading, in batches of Arrow's own types."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Protocol

import pyarrow as pa

STANDS_FOR = b"audsync:stands-for"
"""Metadata of a text column: DuckDB's type whose text it is, such as DECIMAL."""
Moment = datetime | date | str | None


class Connection(Protocol):
    """A connection on which nothing can be written, with the statement of one reading."""

    place: str
    """For messages: without user, password and parameters."""

    def columns(self) -> Sequence[str]:
        """The names of the columns that the statement yields, in its order."""
        ...

    def batches(self, needed: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """All rows by one statement: `needed` columns under their own names.

        Memory does not grow with the number of rows. Types are Arrow's for what the database has;
        what has none of its own there is text.
        """
        ...

    def moment(self, select: str) -> Moment:
        """The one value of a SELECT on the same connection."""
        ...

    def cancel(self) -> None:
        """Make the running statement fail, from another thread."""
        ...

    def close(self) -> None:
        """End the connection, whatever state it is in."""
        ...


def plain_text(name: str, *, stands_for: str | None = None) -> pa.Field:
    """A text column; `stands_for`: the type that its text is written as."""
    metadata = {STANDS_FOR: stands_for.encode()} if stands_for else None
    return pa.field(name, pa.string(), metadata=metadata)
