"""Keeping a lease alive while its holder makes progress."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from audsync import logs
from audsync.clock import Clock
from audsync.errors import AudsyncError, LeaseLostError
from audsync.services.wiring.runtime import Runtime
from audsync.store import leases
from audsync.store.database import Database
from audsync.store.leases import Lease
from audsync.store.tables import PlatformAudience

MARGIN_S = 5.0
"""What a lease must outlast a request's time-out by."""
_BEATS_A_LIFE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """How long a lease lasts, in seconds."""

    ttl_s: float
    """From each renewal."""
    must_last_s: float
    """From a request's first byte."""


class Heartbeat:
    """Renews a lease from a thread of its own; `check` tells whether it still rules."""

    def __init__(
        self, database: Database, lease: Lease, *, life: Life, claimed_s: float, clock: Clock
    ) -> None:
        """What it renews, and by which clock it knows how old the last renewal is.

        Args:
            database: the store.
            lease: claimed a moment ago.
            life: how long it lasts.
            claimed_s: the clock's monotonic time just before it was claimed.
            clock: of this host; only its monotonic time is asked for.
        """
        self._database = database
        self._lease = lease
        self._ttl_s = life.ttl_s
        self._fresh_s = life.ttl_s - life.must_last_s
        self._clock = clock
        self._renewed_s = claimed_s
        """When the last renewal began, on this host."""
        self._ended = threading.Event()
        self._lost: LeaseLostError | None = None

    def check(self) -> None:
        """Called before each effect.

        Raises:
            LeaseLostError: another process took the audience over.
        """
        if self._lost is not None:
            raise self._lost

    def confirm(self) -> None:
        """Called just before a request leaves: the lease outlasts it, or is renewed.

        A request may have waited since the ledger was written: for its place, for a store that
        was silent, for the platform between two tries. Another host may rule by then.

        Raises:
            LeaseLostError: another process took the audience over, or may do so.
            StoreError: the store does not say.
        """
        self.check()
        while self._clock.monotonic() - self._renewed_s > self._fresh_s:
            self._renew()

    def run(self) -> None:
        """Renew until the end; a store that is away for a while is asked again.

        Whoever has waited for the store longer than a lease lasts may wait for ever, on a
        connection that is silent and open: the others need not.
        """
        while not self._ended.wait(self._ttl_s / _BEATS_A_LIFE):
            if self._database.longest_use_s() > self._ttl_s:
                continue
            try:
                self._renew()
            except LeaseLostError as error:
                self._lost = error
                return
            except AudsyncError:
                continue  # every write checks the lease anyway; the next beat may get through

    def end(self) -> None:
        """Stop renewing."""
        self._ended.set()

    def _renew(self) -> None:
        began_s = self._clock.monotonic()
        leases.renew(self._database, self._lease, ttl_s=self._ttl_s)
        # Two threads may renew: what counts is the later beginning.
        self._renewed_s = max(self._renewed_s, began_s)


@contextmanager
def held(database: Database, lease: Lease, heartbeat: Heartbeat) -> Iterator[Heartbeat]:
    """Keep the lease alive while the block runs, then give it back."""
    thread = threading.Thread(target=heartbeat.run, name="audsync-heartbeat", daemon=True)
    thread.start()
    try:
        yield heartbeat
    finally:
        heartbeat.end()
        thread.join()
        leases.release(database, lease)


@contextmanager
def leased(runtime: Runtime, audience: PlatformAudience) -> Iterator[tuple[Lease, Heartbeat]]:
    """Hold the audience's lease while the block runs; log lines say whose it is.

    Raises:
        BusyError: another process holds it.
    """
    must_last_s = runtime.config.limits.request_timeout + MARGIN_S
    life = Life(ttl_s=max(leases.TTL_S, 2 * must_last_s), must_last_s=must_last_s)
    owner = leases.this_process()
    claimed_s = runtime.clock.monotonic()
    lease = leases.claim(runtime.database, audience.id, owner=owner, ttl_s=life.ttl_s)
    heartbeat = Heartbeat(
        runtime.database, lease, life=life, claimed_s=claimed_s, clock=runtime.clock
    )
    marks = {"connection": audience.connection, "platform": audience.platform.value}
    with (
        logs.about(audience=audience.slug, **marks),
        held(runtime.database, lease, heartbeat),
    ):
        yield lease, heartbeat
