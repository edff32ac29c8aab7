"""DuckDB as the engine uses it: private, bounded in memory, spilling into the run's own folder."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from audsync.errors import StateError
from audsync.segments import spilling
from audsync.snapshots import cipher, parquet
from audsync.snapshots.folder import SPILL
from audsync.sync.tables import instances

EMPTY_LINKS = "select 0::ubigint as profile, 0::utinyint as kind, ''::blob as value where false"
EMPTY_IDENTIFIERS = f"select *, 0::utinyint as reason from ({EMPTY_LINKS})"
SMALLEST_BYTES = 96 << 20
_GROUP_ROWS = 100_000
_ENCRYPTED_SPILL = {
    "temp_file_encryption": True,
    # Its own cipher is AES-256-GCM all the same; "unsafe" is where it takes the key from, the
    # operating system's randomness stretched by PCG. The other one is an extension that would have
    # to be fetched (https://github.com/duckdb/duckdb/pull/20420, read 2026-11-22).
    "force_mbedtls_unsafe": True,
}

GUESSES = "join_order,build_side_probe_side"
"""Both go by sizes, and of a stream of Arrow DuckDB thinks that it has one row: it would put the
large file of a join into memory and look the few others up in it. Ours stand the other way round:
large on the left, small on the right."""


@contextmanager
def session(
    work: Path, *, memory_bytes: int, is_private: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that keeps within `memory_bytes` and spills into `work`.

    Where the files of the work folder are encrypted, or what it works on `is_private`, what is
    spilled is encrypted, too, with a key that nobody else ever has.

    Raises:
        StateError: the disk is full, or a file is not what it should be.
    """
    spill = work / SPILL
    settings: dict[str, str | int | bool] = {
        "memory_limit": f"{max(memory_bytes, SMALLEST_BYTES)}B",
        "threads": os.cpu_count() or 2,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        # Each of our files is read once or twice, and another run's may have the same name.
        "enable_external_file_cache": False,
        **(_ENCRYPTED_SPILL if is_private or cipher.key_id_of(spill) else {}),
    }
    try:
        with instances.borrowed(settings, spill=spill) as con:
            # Drawn on stdout where Python runs without a script, such as inside another program.
            con.execute("set enable_progress_bar = false")
            if cipher.key_id_of(spill):
                con.execute(f"set disabled_optimizers = '{GUESSES}'")
            yield con
    except duckdb.Error as error:
        raise StateError(
            f"The change could not be computed in {work}: {_cause(error, work)}, then run again;"
            " nothing was sent.",
            details={"folder": str(work), "error": type(error).__name__},
        ) from None


def _cause(error: duckdb.Error, work: Path) -> str:
    """What is wrong and what to do, without DuckDB's own words: they may hold a value."""
    told = str(error)
    free = f"{shutil.disk_usage(work).free / 1e9:.1f} GB are free"
    if "No space left" in told:
        return f"the disk is full ({free} now). Make room there"
    if "max_temp_directory_size" in told:
        most = spilling.limit()
        what, where = (
            ("nine tenths of the free disk", "Make room there")
            if most is None
            else (f"the {most / 1e9:g} GB of `state.spill_limit`", "Raise that where there is room")
        )
        return (
            f"what does not fit into memory would take more than {what} ({free} now)."
            f" {where}, or raise `state.memory_limit`"
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        return "it needs more memory. Raise `state.memory_limit`"
    return f"{type(error).__name__} ({free} now). Check the disk there and `state.memory_limit`"


def text(path: Path) -> str:
    """A path as a SQL string."""
    return "'" + str(path).replace("'", "''") + "'"


def source(con: duckdb.DuckDBPyConnection, path: Path, *, is_numbered: bool = False) -> str:
    """SQL for all rows of a state file; `is_numbered` adds `file_row_number`, from 0 on."""
    if cipher.key_id_of(path) is None:
        numbered = f", {parquet.ROW_NUMBER} = true" if is_numbered else ""
        return f"read_parquet({text(path)}{numbered})"
    name = f"{path.name}{' numbered' if is_numbered else ''}"
    con.register(name, parquet.Rows(path, is_numbered=is_numbered))
    return f'"{name}"'


def identifiers(con: duckdb.DuckDBPyConnection, path: Path | None) -> str:
    """SQL for (profile, kind, value) of a prepared file's accepted rows."""
    every = source(con, path) if path else f"({EMPTY_IDENTIFIERS})"
    return f"(select profile, kind, value from {every} where reason = 0)"


def links(con: duckdb.DuckDBPyConnection, path: Path | None) -> str:
    """SQL for (profile, kind, value) of a small set of identifiers and who carried them."""
    return source(con, path) if path else f"({EMPTY_LINKS})"


def echoes(con: duckdb.DuckDBPyConnection, path: Path | None) -> str:
    """SQL for links that are said again, and in how many runs still."""
    return source(con, path) if path else f"(select *, 1::utinyint as rounds from ({EMPTY_LINKS}))"


def write(con: duckdb.DuckDBPyConnection, query: str, path: Path) -> int:
    """Write the query's rows as Parquet; returns how many. Digests do not compress."""
    if cipher.key_id_of(path) is None:
        con.execute(f"copy ({query}) to {text(path)} (format parquet, compression uncompressed)")
    else:
        found = con.sql(query).to_arrow_reader(_GROUP_ROWS)
        with parquet.writer(path, found.schema) as file:
            for batch in found:
                file.write_batch(batch)
    return parquet.rows_in(path)


def count(con: duckdb.DuckDBPyConnection, query: str) -> int:
    """The one number the query yields."""
    rows = con.execute(query).fetchall()
    return int(rows[0][0]) if rows and rows[0][0] is not None else 0
