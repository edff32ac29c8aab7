"""How much of the disk DuckDB may take for what does not fit into memory.

Held for the whole process, as a path is all that most who open one have in hand.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class _Held:
    most_bytes: int | None = None


_held = _Held()


def hold(most_bytes: int | None) -> None:
    """Let each DuckDB from now on take so much at most; None: nine tenths of what is free."""
    _held.most_bytes = most_bytes


def limit() -> int | None:
    """In bytes; None where DuckDB decides."""
    return _held.most_bytes


def statements(folder: Path) -> list[str]:
    """SQL that has a DuckDB spill into a folder, and no more than may be.

    In this order: naming the folder makes it forget a limit (DuckDB 2.0.0, seen 2026-11-23).
    """
    place = "'" + str(folder).replace("'", "''") + "'"
    most = [] if _held.most_bytes is None else [f"max_temp_directory_size = '{_held.most_bytes}B'"]
    return [f"SET {setting}" for setting in (f"temp_directory = {place}", *most)]
