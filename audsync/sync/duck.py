"""DuckDB as the engine uses it: private, bounded in memory, spilling into the run's own folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from audsync.errors import StateError
from audsync.snapshots.folder import SPILL

EMPTY_LINKS = "select 0::ubigint as profile, 0::utinyint as kind, ''::blob as value where false"
EMPTY_IDENTIFIERS = f"select *, 0::utinyint as reason from ({EMPTY_LINKS})"
SMALLEST_BYTES = 96 << 20


@contextmanager
def session(work: Path, *, memory_bytes: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that keeps within `memory_bytes` and spills into `work`.

    Raises:
        StateError: the disk is full, or a file is not what it should be.
    """
    con = duckdb.connect(
        config={
            "memory_limit": f"{max(memory_bytes, SMALLEST_BYTES)}B",
            "temp_directory": str(work / SPILL),
            "threads": os.cpu_count() or 2,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    try:
        yield con
    except duckdb.Error as error:
        raise StateError(
            f"The change could not be computed in {work}: {type(error).__name__}. Check the free"
            " disk space there and `state.memory_limit`, then run again; nothing was sent.",
            details={"folder": str(work), "error": type(error).__name__},
        ) from None
    finally:
        con.close()


def text(path: Path) -> str:
    """A path as a SQL string."""
    return "'" + str(path).replace("'", "''") + "'"


def identifiers(path: Path | None) -> str:
    """SQL for (profile, kind, value) of a prepared file's accepted rows."""
    source = f"read_parquet({text(path)})" if path else f"({EMPTY_IDENTIFIERS})"
    return f"(select profile, kind, value from {source} where reason = 0)"


def links(path: Path | None) -> str:
    """SQL for (profile, kind, value) of a small set of identifiers and who carried them."""
    return f"read_parquet({text(path)})" if path else f"({EMPTY_LINKS})"


def echoes(path: Path | None) -> str:
    """SQL for links that are said again, and in how many runs still."""
    return links(path) if path else f"(select *, 1::utinyint as rounds from {links(None)})"


def write(con: duckdb.DuckDBPyConnection, query: str, path: Path) -> int:
    """Write the query's rows as Parquet; returns how many. Digests do not compress."""
    con.execute(f"copy ({query}) to {text(path)} (format parquet, compression uncompressed)")
    return count(con, f"select count(*) from read_parquet({text(path)})")


def count(con: duckdb.DuckDBPyConnection, query: str) -> int:
    """The one number the query yields."""
    row = con.execute(query).fetchone()
    return int(row[0]) if row and row[0] is not None else 0
