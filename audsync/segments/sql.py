"""The SQL source: one SELECT on a read-only connection, as Arrow batches, in bounded memory.

A reading that ends without an error has seen every row of the answer. Nothing else counts as read:
a caller must take all batches before it believes any.
"""

import importlib.util
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, date, datetime, time
from typing import TypeVar

import duckdb
import pyarrow as pa
from sqlalchemy.exc import SQLAlchemyError

from audsync.errors import SourceError
from audsync.segments.contract import SqlQuery
from audsync.segments.layout import missing_column
from audsync.segments.sql_address import Address, address_of
from audsync.segments.sql_alchemy import AlchemyConnection
from audsync.segments.sql_contract import Connection, Moment
from audsync.segments.sql_duckdb import DuckdbConnection
from audsync.segments.sql_failures import explained
from audsync.segments.sql_shape import Shaper
from audsync.segments.sql_statement import freshness_of

_ADBC = ("adbc_driver_manager", "adbc_driver_postgresql", "psycopg")
_Yield = TypeVar("_Yield")


def read(query: SqlQuery) -> Generator[pa.RecordBatch, None, None]:
    """The rows of the source, in the same columns as those of files.

    Raises:
        ConfigError: the URL, the query or a variable makes no sense, or a driver is missing.
        SourceError: from any step of the iteration, the last one included.
    """
    return _guarded(query, lambda connection: _rows(query, connection))


def columns_of(query: SqlQuery) -> list[str]:
    """The columns that the source has; the query's own need not be there.

    Raises:
        ConfigError, SourceError: as for `read`.
    """
    return list(_guarded(query, lambda connection: connection.columns()))


def look(query: SqlQuery) -> str:
    """What is there, in words, once the database answers and has every mapped column.

    Raises:
        ConfigError, SourceError: as for `read`.
    """

    def looked_at(connection: Connection) -> Iterator[str]:
        _check_fresh(connection, query)
        _needed(connection, query)
        yield connection.place

    (place,) = _guarded(query, looked_at)
    return place


def connect(address: Address, query: SqlQuery) -> Connection:
    """A connection by the fastest way for which a driver is installed; the caller closes it."""
    if address.dialect == "duckdb":
        return DuckdbConnection(address, query)
    if address.is_plain_postgres and all(map(importlib.util.find_spec, _ADBC)):
        from audsync.segments.sql_postgres import PostgresConnection  # noqa: PLC0415 - an extra

        return PostgresConnection(address, query)
    return AlchemyConnection(address, query)


def _rows(query: SqlQuery, connection: Connection) -> Iterator[pa.RecordBatch]:
    _check_fresh(connection, query)
    needed = _needed(connection, query)
    shaper: Shaper | None = None
    try:
        for batch in connection.batches(needed):
            shaper = shaper or Shaper(query, batch.schema, place=connection.place)
            for start in range(0, batch.num_rows, query.batch_rows):
                yield from shaper.shaped(batch.slice(start, query.batch_rows))
    finally:
        if shaper is not None:
            shaper.close()


def _guarded(
    query: SqlQuery, work: Callable[[Connection], Iterable[_Yield]]
) -> Generator[_Yield, None, None]:
    """What the work with a connection yields; the connection ends with it, and so does its time."""
    address = address_of(query.url)
    failure: Exception | None = None
    has_ended = threading.Event()
    try:
        with (
            closing(connect(address, query)) as connection,
            _watched(connection, query.timeout_s, has_ended),
        ):
            for each in work(connection):
                if has_ended.is_set():  # a driver that cannot be stopped went on
                    raise _too_slow(address, query)
                yield each
    except failures() as error:
        failure = error.with_traceback(None)
    # Raised out here, the error does not carry the driver's along, whose text may quote a row.
    if failure is not None:
        raise (
            _too_slow(address, query)
            if has_ended.is_set()
            else explained(failure, place=address.place)
        )


def failures() -> tuple[type[Exception], ...]:
    """What drivers raise when a database fails."""
    kinds: list[type[Exception]] = [SQLAlchemyError, duckdb.Error, pa.ArrowException, OSError]
    if importlib.util.find_spec("adbc_driver_manager"):
        from adbc_driver_manager import dbapi  # noqa: PLC0415 - an extra

        kinds.append(dbapi.Error)
    return tuple(kinds)


@contextmanager
def _watched(
    connection: Connection, timeout_s: float, has_ended: threading.Event
) -> Iterator[None]:
    """Stop the reading when its time is over; `has_ended` is then set."""

    def stop() -> None:
        has_ended.set()
        with suppress(Exception):  # a connection that is broken need not be stopped
            connection.cancel()

    timer = threading.Timer(timeout_s, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _needed(connection: Connection, query: SqlQuery) -> list[str]:
    """The columns to read, each once.

    Raises:
        SourceError: one is not there, or there twice.
    """
    columns = connection.columns()
    needed = list(dict.fromkeys((*query.mapped, *query.traits)))
    for name in needed:
        if name not in columns:
            raise missing_column(connection.place, name, columns, query)
        if list(columns).count(name) > 1:
            raise SourceError(
                f"{connection.place}: the query yields more than one column `{name}`; give them "
                "names of their own (AS)",
                details={"column": name},
            )
    return needed


def _check_fresh(connection: Connection, query: SqlQuery) -> None:
    if query.freshness is None or query.not_before is None:
        return
    found = _as_time(connection.moment(freshness_of(query.freshness)))
    if found is None:
        raise SourceError(
            f"{connection.place}: `freshness` yields no time; have it yield one date or timestamp",
            details={"key": "source.freshness"},
        )
    if found < query.not_before:
        raise SourceError(
            f"{connection.place}: its rows were last brought up to date at {found:%Y-%m-%d %H:%M} "
            f"UTC, and `max_age` wants {query.not_before:%Y-%m-%d %H:%M} UTC or later; see why the "
            "update did not run, or raise `max_age`",
            details={"updated_at": found.isoformat(), "key": "source.max_age"},
        )


def _as_time(found: Moment) -> datetime | None:
    """A time as aware UTC; what has no zone is UTC."""
    if isinstance(found, str):
        try:
            found = datetime.fromisoformat(found.strip())
        except ValueError:
            return None
    if isinstance(found, datetime):
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    return datetime.combine(found, time(), UTC) if isinstance(found, date) else None


def _too_slow(address: Address, query: SqlQuery) -> SourceError:
    return SourceError(
        f"{address.place}: the reading was not over within {query.timeout_s:g} seconds; make the "
        "query quicker, or raise `timeout`",
        details={"timeout_s": query.timeout_s, "key": "source.timeout"},
    )
