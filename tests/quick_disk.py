"""Disks that nobody waits for.

What a process has written is there for every other process at once; only a machine that loses its
power needs it on the disk. No test can cut that, so those of whole use cases do without.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.pool import Pool


@contextmanager
def nothing_synced() -> Iterator[None]:
    """In this process neither files nor SQLite's transactions wait for the disk."""
    event.listen(Pool, "checkout", _forgo_sync)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "fsync", lambda _: None)
            yield
    finally:
        event.remove(Pool, "checkout", _forgo_sync)


def _forgo_sync(connection: Any, *_: object) -> None:  # noqa: ANN401 - a driver's connection
    if type(connection).__module__ == "sqlite3":
        connection.execute("PRAGMA synchronous = OFF")
