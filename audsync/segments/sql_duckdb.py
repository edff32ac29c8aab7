"""A DuckDB file: attached read-only, its rows handed over as the Arrow they are."""

# ruff: noqa: S608 - the user's own query is to be run; `sql_statement` keeps it one SELECT

from collections.abc import Iterator, Sequence
from contextlib import suppress

import duckdb
import pyarrow as pa

from audsync.errors import ConfigError
from audsync.segments import spilling
from audsync.segments.contract import SqlQuery
from audsync.segments.engine import name_literal, text_literal
from audsync.segments.sql_address import Address
from audsync.segments.sql_contract import Moment
from audsync.segments.sql_statement import number_or_text, rows_of

_BUILT_IN = {"memory", "system", "temp"}


class DuckdbConnection:
    """One reading of a DuckDB file."""

    def __init__(self, address: Address, query: SqlQuery) -> None:
        """Attach the file; nothing is read yet.

        Raises:
            ConfigError: the URL names no file.
            duckdb.Error: the file cannot be used.
        """
        self.place = address.place
        self._rows = rows_of(query, lambda name: _literal(query.vars[name]))
        self._batch_rows = query.batch_rows
        file = address.file
        if not file.exists():
            raise ConfigError(
                f"The source {self.place} does not exist; check `url`",
                details={"key": "source.url"},
            )
        self._connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
        name = name_literal(file.stem if file.stem not in _BUILT_IN else f"{file.stem}_file")
        for statement in (
            "SET enable_progress_bar = false",
            f"SET memory_limit = '{query.memory_bytes // 1024}KiB'",
            *spilling.statements(query.spill),
            "SET temp_file_encryption = true",
            "SET force_mbedtls_unsafe = true",
            "SET TimeZone = 'UTC'",
            f"ATTACH {text_literal(str(file))} AS {name} (READ_ONLY)",
            f"USE {name}",
            "SET lock_configuration = true",
        ):
            try:
                self._connection.sql(statement)
            except BaseException:
                self.close()
                raise

    def columns(self) -> Sequence[str]:
        return self._connection.sql(f"SELECT * FROM {self._rows}").columns

    def batches(self, needed: Sequence[str]) -> Iterator[pa.RecordBatch]:
        columns = ", ".join(map(name_literal, needed))
        yield from self._connection.sql(f"SELECT {columns} FROM {self._rows}").to_arrow_reader(
            self._batch_rows
        )

    def moment(self, select: str) -> Moment:
        found = self._connection.sql(
            f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({select})"
        ).fetchall()
        moment: Moment = found[0][0] if found else None
        return moment

    def cancel(self) -> None:
        self._connection.interrupt()

    def close(self) -> None:
        with suppress(duckdb.Error):
            self._connection.close()


def _literal(value: str) -> str:
    typed = number_or_text(value)
    return value if not isinstance(typed, str) else text_literal(value)
