"""A quick look whether there is any audience at all.

`status` on an empty store is what a new user and a monitoring script run most: answering it must
not cost the second that loading the database layer takes.
"""

from pathlib import Path

from audsync.config.model import Config

_PREFIXES = ("sqlite:///", "sqlite+pysqlite:///")
_PATIENCE_S = 0.1


def is_surely_empty(config: Config) -> bool:
    """Whether the store certainly holds no audience; False wherever that is in doubt."""
    file = _sqlite_file(config.store.url)
    if file is None:
        return False
    try:
        return not file.exists() or _has_no_audience(file)
    except OSError:
        return False


def is_surely_missing(config: Config) -> bool:
    """Whether the store is a SQLite file that was never made."""
    file = _sqlite_file(config.store.url)
    return file is not None and not file.exists()


def _sqlite_file(url: str) -> Path | None:
    """The file of a plain SQLite address; None for any other, or one with options."""
    for prefix in _PREFIXES:
        path = url.removeprefix(prefix)
        if path != url and path.startswith("/") and "?" not in path:
            return Path(path)
    return None


def _has_no_audience(file: Path) -> bool:
    import sqlite3
    from contextlib import closing

    try:
        with closing(
            sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=_PATIENCE_S)
        ) as connection:
            found = connection.execute("SELECT EXISTS (SELECT 1 FROM platform_audience)")
            return bool(found.fetchone() == (0,))
    except sqlite3.Error:
        return False  # locked, damaged or of another version: the store itself will say
