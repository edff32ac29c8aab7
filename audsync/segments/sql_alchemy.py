"""Any database that SQLAlchemy speaks, through a server-side cursor, without a chance to write."""

# ruff: noqa: S608 - the user's own query is to be run; `sql_statement` keeps it one SELECT

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any
from urllib.parse import quote, urlencode

import pyarrow as pa
from sqlalchemy import NullPool, TextClause, bindparam, create_engine, text
from sqlalchemy.engine import CursorResult, Engine
from sqlalchemy.exc import NoSuchModuleError
from sqlalchemy.types import NullType

from audsync.errors import ConfigError
from audsync.segments.contract import SqlQuery
from audsync.segments.sql_address import Address
from audsync.segments.sql_contract import Moment
from audsync.segments.sql_statement import rows_of, values_of
from audsync.segments.sql_values import column, column_type

FETCH_ROWS = 20_000
"""Rows that are Python values at a time."""
_READ_ONLY = {
    "postgresql": (
        "SET TRANSACTION READ ONLY",
        "SET LOCAL statement_timeout = {timeout_ms}",
        "SET LOCAL TimeZone = 'UTC'",
    ),
    "mysql": ("SET SESSION TRANSACTION READ ONLY",),
    "mariadb": ("SET SESSION TRANSACTION READ ONLY",),
    "sqlite": ("PRAGMA query_only = ON",),
}
"""What forbids writing, beside that nothing but a SELECT is ever sent."""
_EXTRAS = {
    "postgresql": "postgres",
    "postgresql+psycopg": "postgres",
    "snowflake": "snowflake",
    "bigquery": "bigquery",
    "redshift": "redshift",
    "redshift+redshift_connector": "redshift",
    "databricks": "databricks",
}
_BOUND = re.compile("\0(\\w+)\0")


class AlchemyConnection:
    """One reading through SQLAlchemy."""

    def __init__(self, address: Address, query: SqlQuery) -> None:
        """Connect; nothing is read yet.

        Raises:
            ConfigError: no driver for the database is installed.
            sqlalchemy.exc.SQLAlchemyError: the database refuses.
        """
        self.place = address.place
        self._address = address
        self._query = query
        self._rows = rows_of(query, lambda name: f"\0{name}\0")
        self._result: CursorResult[Any] | None = None
        self._engine = _engine(address)
        self._connection = self._engine.connect()
        try:
            for statement in _READ_ONLY.get(address.dialect, ()):
                timeout_ms = int(query.timeout_s * 1000)
                self._connection.exec_driver_sql(statement.format(timeout_ms=timeout_ms))
        except BaseException:
            self.close()
            raise
        # Only now: with it, PostgreSQL's SET would be sent as a cursor's query.
        self._connection.execution_options(stream_results=True, max_row_buffer=FETCH_ROWS)

    def columns(self) -> Sequence[str]:
        if self._result is None:
            self._result = self._connection.execute(self._statement(f"SELECT * FROM {self._rows}"))
        return tuple(self._result.keys())

    def batches(self, needed: Sequence[str]) -> Iterator[pa.RecordBatch]:
        names = list(self.columns())
        assert self._result is not None, "asking for the columns runs the statement"
        places = [names.index(name) for name in needed]
        partitions = self._result.partitions(FETCH_ROWS)
        first = next(partitions, None)
        columns = list(zip(*first, strict=True)) if first else [()] * len(names)
        schema = pa.schema(
            pa.field(name, column_type(columns[at], is_trait=name in self._query.traits))
            for name, at in zip(needed, places, strict=True)
        )
        for rows in chain([first or []], partitions):
            columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
            yield pa.record_batch(
                [
                    column(field.name, columns[at], field.type, place=self.place)
                    for field, at in zip(schema, places, strict=True)
                ],
                schema=schema,
            )

    def moment(self, select: str) -> Moment:
        found: Moment = self._connection.execute(text(_escaped(select))).scalar()
        return found

    def cancel(self) -> None:
        raw = self._connection.connection.dbapi_connection
        for name in ("interrupt", "cancel"):  # sqlite3, psycopg: both may be called from a thread
            stop = getattr(raw, name, None)
            if stop is not None:
                stop()
                return

    def close(self) -> None:
        # A connection that is broken cannot be closed in order, and need not be.
        with suppress(Exception):
            if self._result is not None:
                self._result.close()
        with suppress(Exception):
            self._connection.close()
        self._engine.dispose()

    def _statement(self, sql: str) -> TextClause:
        """The SQL with its variables bound, and no other colon taken for one."""
        statement = text(_BOUND.sub(r":\1", _escaped(sql)))
        if self._address.dialect == "postgresql":
            # Without a type of their own: the server sees from the context what they are.
            given = [bindparam(name, value, NullType()) for name, value in self._query.vars.items()]
        else:
            given = [bindparam(name, each) for name, each in values_of(self._query.vars).items()]
        return statement.bindparams(*given)


def _escaped(sql: str) -> str:
    return sql.replace(":", r"\:")


def _engine(address: Address) -> Engine:
    url = address.url
    if address.is_plain_postgres:
        url = address.patient.set(drivername="postgresql+psycopg")
    missing = ""
    try:
        if address.dialect == "sqlite":
            return create_engine("sqlite://", creator=lambda: _sqlite(address), poolclass=NullPool)
        return create_engine(url, poolclass=NullPool, hide_parameters=True)
    except NoSuchModuleError:
        missing = f"no dialect {address.dialect}"
    except ImportError as error:
        missing = f"no module {error.name}"
    extra = _EXTRAS.get(address.url.drivername)
    remedy = (
        f"run `pip install 'audsync[{extra}]'`"
        if extra
        else "install the SQLAlchemy dialect and the driver of that database, or correct `url`"
    )
    raise ConfigError(
        f"{address.place}: no driver for it is installed ({missing}); {remedy}",
        details={"key": "source.url", "dialect": address.dialect},
    )


def _sqlite(address: Address) -> sqlite3.Connection:
    """A file that is not made where it is missing, and cannot be written to."""
    asked = {key: value for key, value in address.url.query.items() if isinstance(value, str)}
    parameters = urlencode({**asked, "mode": "ro"})
    return sqlite3.connect(f"file:{quote(str(address.file))}?{parameters}", uri=True)
