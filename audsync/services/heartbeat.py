"""Keeping a lease alive while its holder makes progress."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from audsync import logs
from audsync.errors import AudsyncError, LeaseLostError
from audsync.services.runtime import Runtime
from audsync.store import leases
from audsync.store.database import Database
from audsync.store.leases import Lease
from audsync.store.tables import PlatformAudience

MARGIN_S = 5.0
"""What a lease must outlast a request's time-out by."""
_BEATS_A_LIFE = 4


class Heartbeat:
    """Renews a lease from a thread of its own; `check` tells whether it still rules."""

    def __init__(self, database: Database, lease: Lease, *, ttl_s: float) -> None:
        self._database = database
        self._lease = lease
        self._ttl_s = ttl_s
        self._ended = threading.Event()
        self._lost: LeaseLostError | None = None

    def check(self) -> None:
        """Called before each effect.

        Raises:
            LeaseLostError: another process took the audience over.
        """
        if self._lost is not None:
            raise self._lost

    def run(self) -> None:
        """Renew until the end; a store that is away for a while is asked again."""
        while not self._ended.wait(self._ttl_s / _BEATS_A_LIFE):
            try:
                leases.renew(self._database, self._lease, ttl_s=self._ttl_s)
            except LeaseLostError as error:
                self._lost = error
                return
            except AudsyncError:
                continue  # every write checks the lease anyway; the next beat may get through

    def end(self) -> None:
        """Stop renewing."""
        self._ended.set()


@contextmanager
def held(database: Database, lease: Lease, *, ttl_s: float) -> Iterator[Heartbeat]:
    """Keep the lease alive while the block runs, then give it back."""
    heartbeat = Heartbeat(database, lease, ttl_s=ttl_s)
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
    ttl_s = max(leases.TTL_S, 2 * runtime.config.limits.request_timeout + 2 * MARGIN_S)
    owner = leases.this_process()
    lease = leases.claim(runtime.database, audience.id, owner=owner, ttl_s=ttl_s)
    marks = {"connection": audience.connection, "platform": audience.platform.value}
    with (
        logs.about(audience=audience.slug, **marks),
        held(runtime.database, lease, ttl_s=ttl_s) as heartbeat,
    ):
        yield lease, heartbeat
