"""PostgreSQL through ADBC: COPY in its binary form, decoded straight into Arrow.

Several times faster than a cursor whose rows become Python values; benchmarks/sources.py measures
both.
"""

# ruff: noqa: S608 - the user's own query is to be run; `sql_statement` keeps it one SELECT

from collections.abc import Iterator, Sequence
from contextlib import suppress

import pyarrow as pa
from adbc_driver_postgresql import dbapi
from psycopg import sql

from audsync.segments.contract import SqlQuery
from audsync.segments.engine import name_literal
from audsync.segments.sql_address import Address
from audsync.segments.sql_contract import Moment, plain_text
from audsync.segments.sql_statement import rows_of

_BATCH_BYTES = 4 << 20
_TYPE = b"POSTGRESQL:type"
_FLOATS = {"float4", "float8"}
_ARROW = {
    "bool": pa.bool_(),
    "int2": pa.int16(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "float4": pa.float32(),
    "float8": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", "UTC"),
}
"""Types that come as they are: floats always, the others as traits."""
_STANDS_FOR = {
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMP",
    "numeric": "DECIMAL",
    "json": "JSON",
    "jsonb": "JSON",
}
_EXPRESSIONS = {
    "bytea": "convert_from({cell}, 'UTF8')",
    "numeric": "nullif({cell}::text, 'NaN')",
}
"""How a column becomes text; most are cast."""


class PostgresConnection:
    """One reading by COPY, inside a read-only transaction."""

    def __init__(self, address: Address, query: SqlQuery) -> None:
        """Connect; nothing is read yet.

        Raises:
            adbc_driver_postgresql.dbapi.Error: the server refuses, or is not there.
        """
        self.place = address.place
        # COPY takes no parameters: libpq's own rules make literals of them, whose types the
        # server sees from the context, as it does with parameters.
        self._rows = rows_of(
            query, lambda name: sql.Literal(query.vars[name]).as_string(None).strip()
        )
        self._traits = set(query.traits)
        self._types: dict[str, str] | None = None
        self._names: list[str] = []
        self._connection = dbapi.connect(address.libpq)
        self._cursor = self._connection.cursor()
        try:
            self._set_up(query)
        except BaseException:
            self.close()
            raise

    def _set_up(self, query: SqlQuery) -> None:
        self._cursor.adbc_statement.set_options(
            **{"adbc.postgresql.batch_size_hint_bytes": str(_BATCH_BYTES)}
        )
        for setting in (
            "SET TRANSACTION READ ONLY",
            f"SET LOCAL statement_timeout = {int(query.timeout_s * 1000)}",
            # Texts of times and numbers are the same on every server.
            "SET LOCAL TimeZone = 'UTC'",
            "SET LOCAL DateStyle = 'ISO, YMD'",
            "SET LOCAL extra_float_digits = 1",
        ):
            self._cursor.execute(setting)

    def columns(self) -> Sequence[str]:
        if self._types is None:
            schema = self._cursor.adbc_execute_schema(f"SELECT * FROM {self._rows}")
            self._names = schema.names
            self._types = {
                field.name: (field.metadata or {}).get(_TYPE, b"").decode() for field in schema
            }
        return self._names

    def batches(self, needed: Sequence[str]) -> Iterator[pa.RecordBatch]:
        fields, expressions = [], []
        for name in needed:
            field, expression = self._column(name)
            fields.append(field)
            expressions.append(expression)
        self._cursor.execute(f"SELECT {', '.join(expressions)} FROM {self._rows}")
        schema = pa.schema(fields)
        for batch in self._cursor.fetch_record_batch():
            yield pa.record_batch(batch.columns, schema=schema)

    def moment(self, select: str) -> Moment:
        self._cursor.execute(select)
        row = self._cursor.fetchone()
        found: Moment = row[0] if row else None
        return found

    def cancel(self) -> None:
        self._cursor.adbc_cancel()

    def close(self) -> None:
        # A connection that is broken cannot be closed in order, and need not be.
        with suppress(Exception):
            self._cursor.close()
        with suppress(Exception):
            self._connection.close()

    def _column(self, name: str) -> tuple[pa.Field, str]:
        """How a column comes, and the SQL for it."""
        assert self._types is not None, "the columns are asked for first"
        type_, cell = self._types[name], name_literal(name)
        if type_ in _FLOATS or (type_ in _ARROW and name in self._traits):
            return pa.field(name, _ARROW[type_]), cell
        if type_ == "numeric" and name in self._traits:
            return pa.field(name, pa.float64()), f"{cell}::float8"
        if type_.startswith("_"):
            return pa.field(name, pa.list_(pa.string())), f"{cell}::text[]"
        expression = _EXPRESSIONS.get(type_, "{cell}::text").format(cell=cell)
        return plain_text(name, stands_for=_STANDS_FOR.get(type_)), expression
