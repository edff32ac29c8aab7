"""DuckDB instances that serve one session after the other, in any thread.

Making one costs 24 ms of CPU (DuckDB 2.0.0, `benchmarks/instances.py`), which is more than a small
sync's queries take together, and a sync has about six sessions. What a session leaves behind dies
with its own connection: temporary tables and views, registered objects, settings of the connection.
Anything that would not, such as a table that is not temporary, ends the instance.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb

from audsync.segments import spilling

_MOST_IDLE = 8
_LASTING = "select 1 from duckdb_tables() where not temporary limit 1"
_Settings = tuple[tuple[str, str | int | bool], ...]
_idle: list[tuple[_Settings, duckdb.DuckDBPyConnection]] = []
_lock = threading.Lock()


@contextmanager
def borrowed(
    settings: Mapping[str, str | int | bool], *, spill: Path
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection of its own to an instance that nobody else uses meanwhile.

    An instance that wrote into `spill` is closed afterwards, as it cannot change that folder any
    more, and so is one whose session failed or left a table.

    Args:
        settings: of the instance; only one made with the very same ones is used again.
        spill: a private folder, empty or not there, for what does not fit into memory.

    Raises:
        duckdb.Error: a setting was refused.
    """
    key = (*sorted(settings.items()), ("spills", spilling.limit() or 0))
    instance = _taken(key) or duckdb.connect(config=dict(settings))
    is_reusable = False
    try:
        connection = instance.cursor()
        try:
            connection.execute(";".join(spilling.statements(spill)))
            yield connection
            is_clean = not connection.execute(_LASTING).fetchall()
        finally:
            connection.close()
        is_reusable = is_clean and not (spill.exists() and any(spill.iterdir()))
    finally:
        if not (is_reusable and _was_kept(key, instance)):
            instance.close()


def _taken(key: _Settings) -> duckdb.DuckDBPyConnection | None:
    with _lock:
        for at, (settings, instance) in enumerate(_idle):
            if settings == key:
                del _idle[at]
                return instance
    return None


def _was_kept(key: _Settings, instance: duckdb.DuckDBPyConnection) -> bool:
    with _lock:
        if len(_idle) >= _MOST_IDLE:
            return False
        _idle.append((key, instance))
        return True
