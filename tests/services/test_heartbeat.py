"""A lease is known to rule when a request leaves, however long that request had to wait."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from audsync.errors import LeaseLostError, StoreError
from audsync.services.jobs.heartbeat import Heartbeat, Life
from audsync.store import leases
from audsync.store.database import Database
from tests.databases import SetClock, add_audience, fresh_database

LIFE = Life(ttl_s=120, must_last_s=65)


class Held:
    """A lease, its heartbeat without a thread, and the clock of host and store."""

    def __init__(self, database: Database, clock: SetClock) -> None:
        self.database, self.clock = database, clock
        self.audience_id = add_audience(database).id
        claimed_s = clock.monotonic()
        self.lease = self.claim()
        self.heartbeat = Heartbeat(
            database, self.lease, life=LIFE, claimed_s=claimed_s, clock=clock
        )

    def claim(self) -> leases.Lease:
        owner = leases.Owner(token=uuid4().hex, host="elsewhere", pid=1, pid_started="")
        return leases.claim(self.database, self.audience_id, owner=owner, ttl_s=LIFE.ttl_s)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Held]:
    clock = SetClock()
    with fresh_database("sqlite", tmp_path, clock) as database:
        yield Held(database, clock)


def test_what_leaves_at_once_asks_nobody(held: Held) -> None:
    held.database.dispose()
    (Path(held.database.engine.url.database or "")).unlink()
    held.clock.advance(LIFE.ttl_s - LIFE.must_last_s)
    held.heartbeat.confirm()


def test_what_had_to_wait_leaves_under_a_renewed_lease(held: Held) -> None:
    held.clock.advance(LIFE.ttl_s - LIFE.must_last_s + 1)
    held.heartbeat.confirm()
    with held.database.transaction() as session:
        leases.check(session, held.lease, must_last_s=LIFE.ttl_s - 1)


def test_nothing_leaves_once_another_host_has_taken_over(held: Held) -> None:
    held.clock.advance(LIFE.ttl_s + 1)
    held.claim()
    with pytest.raises(LeaseLostError):
        held.heartbeat.confirm()


def test_nothing_leaves_while_the_store_does_not_say_who_rules(held: Held) -> None:
    held.clock.advance(LIFE.ttl_s - LIFE.must_last_s + 1)
    held.database.dispose()
    (Path(held.database.engine.url.database or "")).unlink()
    with pytest.raises(StoreError):
        held.heartbeat.confirm()
