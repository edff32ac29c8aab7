"""How long platforms take to answer, counted in memory until a transaction writes it down."""

import threading
from typing import TYPE_CHECKING

from audsync.domain import Platform
from audsync.store import latencies
from audsync.store.latencies import Histogram

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel import Session


class Timings:
    """Of every request of this process; for all its threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[Platform, Histogram] = {}

    def note(self, platform: Platform, seconds: float) -> None:
        """Count one request, from its leaving to the end of its answer, or of the wait for one."""
        with self._lock:
            known = self._seen.get(platform, Histogram())
            self._seen[platform] = known.plus(Histogram.of(seconds))

    def write(self, session: "Session", tenant_id: int, *, now: "datetime") -> None:
        """Write down what was counted since the last time, in the caller's transaction.

        Should that fail, these requests stay uncounted: they are worth no second try.
        """
        with self._lock:
            seen, self._seen = self._seen, {}
        for platform in sorted(seen):
            latencies.add(session, tenant_id, platform, seen[platform], now=now)
