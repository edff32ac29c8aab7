"""A DuckDB for one reading: bounded, offline, and blind to all but the source's files."""

from collections.abc import Iterable
from pathlib import Path

import duckdb

from audsync.segments import spilling


def open_engine(
    files: Iterable[Path], *, memory_bytes: int, spill: Path, in_order: bool
) -> duckdb.DuckDBPyConnection:
    """A connection that can read `files` and nothing else, and whose settings are locked.

    Args:
        files: what it can read.
        memory_bytes: the limit.
        spill: a private folder for what does not fit.
        in_order: whether rows stay in the order of the files, which takes one thread.

    Raises:
        duckdb.Error: a setting was refused, such as a memory limit too small to work with.
    """
    allowed = ", ".join(f"{text_literal(str(file))}, {path_literal(file)}" for file in files)
    connection = duckdb.connect(
        config={
            "autoload_known_extensions": False,
            # An extension would be fetched from the network in mid-run.
            "autoinstall_known_extensions": False,
            "memory_limit": f"{memory_bytes // 1024}KiB",
            # Rows of the source are people in the clear: none of them ever stands on a disk so.
            "temp_file_encryption": True,
            "force_mbedtls_unsafe": True,
            # The pass that looks for types would leave the file in memory.
            "enable_external_file_cache": False,
            "preserve_insertion_order": in_order,
            # With order alone DuckDB 2.0.0 was seen (2026-11-22) to shuffle the blocks of a CSV.
            **({"threads": 1} if in_order else {}),
        }
    )
    settings = (
        # Drawn on stdout where Python runs without a script, such as inside another program.
        "enable_progress_bar = false",
        # Times with a zone read the same on every host.
        "TimeZone = 'UTC'",
        f"allowed_paths = [{allowed}]",
        "enable_external_access = false",
        "lock_configuration = true",
    )
    # One script: each statement of its own would cost a millisecond.
    connection.execute(
        ";".join((*spilling.statements(spill), *(f"SET {setting}" for setting in settings)))
    )
    return connection


def text_literal(text: str) -> str:
    """`text` as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def path_literal(path: Path) -> str:
    """`path` as an SQL string in which DuckDB sees no glob."""
    return text_literal("".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path)))


def name_literal(name: str) -> str:
    """`name` as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
