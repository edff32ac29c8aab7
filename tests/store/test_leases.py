import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from audsync.errors import BusyError, LeaseLostError
from audsync.store import leases
from audsync.store.database import Database
from audsync.store.leases import Lease, Owner
from audsync.store.processes import started_mark
from tests.databases import SetClock, add_audience

_HOLD = """
import sys
from uuid import UUID
from audsync.clock import SystemClock
from audsync.store import leases
from audsync.store.database import Database
from tests.databases import SetClock
clock = SetClock() if sys.argv[1].startswith("sqlite") else SystemClock()
database = Database(sys.argv[1], clock=clock)
leases.claim(database, UUID(sys.argv[2]), owner=leases.this_process())
print("held", flush=True)
sys.stdin.read()
"""
AUDIENCE = UUID("5f0e8a60-3a3c-4a3e-9d0c-0d2f6f3c8a11")


@contextmanager
def _held_by_another_process(database: Database) -> Iterator[subprocess.Popen[str]]:
    url = database.engine.url.render_as_string(hide_password=False)
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, url, str(AUDIENCE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def _ended_process() -> Owner:
    """What a process of this host that is gone now would have claimed with."""
    with subprocess.Popen(["sleep", "60"]) as process:
        owner = replace(leases.this_process(), pid=process.pid)
        owner = replace(owner, pid_started=started_mark(process.pid))
        process.kill()
    return owner


def _claim(database: Database, ttl_s: float = 120.0) -> Lease:
    return leases.claim(database, AUDIENCE, owner=leases.this_process(), ttl_s=ttl_s)


def _check(database: Database, lease: Lease, must_last_s: float = 0.0) -> None:
    with database.transaction() as session:
        leases.check(session, lease, must_last_s=must_last_s)


def test_of_sixteen_claims_at_once_one_wins_every_time(database: Database) -> None:
    for epoch in range(1, 13):
        start = threading.Barrier(16)
        won: list[Lease] = []
        lost: list[BusyError] = []

        def claim(start: threading.Barrier, won: list[Lease], lost: list[BusyError]) -> None:
            start.wait()
            try:
                won.append(_claim(database))
            except BusyError as error:
                lost.append(error)

        threads = [threading.Thread(target=claim, args=(start, won, lost)) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [lease.epoch for lease in won] == [epoch]
        assert len(lost) == 15
        leases.release(database, won[0])


def test_leases_of_different_audiences_do_not_meet(database: Database) -> None:
    first = _claim(database)
    second = leases.claim(database, uuid4(), owner=leases.this_process())
    assert (first.epoch, second.epoch) == (1, 1)


def test_who_is_busy_is_told_with_the_way_out(database: Database) -> None:
    audience = add_audience(database, slug="vip-meta")
    owner = leases.this_process()
    leases.claim(database, audience.id, owner=owner)
    with pytest.raises(BusyError, match=r"`audsync unlock vip-meta --force`") as caught:
        leases.claim(database, audience.id, owner=leases.this_process())
    details = caught.value.details
    assert (details["host"], details["pid"]) == (owner.host, owner.pid)
    assert details["since"] == details["heartbeat_at"]
    assert details["audience"] == "vip-meta"
    assert owner.token not in f"{caught.value.message}{details}{owner}"


def test_a_killed_holder_is_taken_over_at_once(database: Database) -> None:
    with _held_by_another_process(database) as holder:
        with pytest.raises(BusyError):
            _claim(database)
        holder.kill()
        assert _wait_until_zombie(holder.pid)
        # Not waited for: it is a zombie, and counts as dead all the same.
        assert _claim(database).epoch == 2


def test_a_holder_that_is_gone_without_a_trace_is_taken_over(database: Database) -> None:
    leases.claim(database, AUDIENCE, owner=_ended_process())
    with database.reading() as session:
        row = leases.holder(session, AUDIENCE)
        assert row is not None
        assert not leases.is_live(session, row)
    assert _claim(database).epoch == 2


@pytest.mark.parametrize("change", ["host", "boot"])
def test_a_dead_pid_of_another_host_or_boot_proves_nothing(database: Database, change: str) -> None:
    ended = _ended_process()
    elsewhere = (
        replace(ended, host="another-host")
        if change == "host"
        else replace(ended, pid_started=f"another-boot/{ended.pid_started.partition('/')[2]}")
    )
    leases.claim(database, AUDIENCE, owner=elsewhere)
    with pytest.raises(BusyError):
        _claim(database)


def test_a_pid_that_another_process_has_now_does_not_count(database: Database) -> None:
    me = leases.this_process()
    place = me.pid_started.rpartition("/")[0]
    leases.claim(database, AUDIENCE, owner=replace(me, pid_started=f"{place}/1"))
    assert _claim(database).epoch == 2


def test_an_expired_lease_is_taken_over_and_its_holder_stopped(database: Database) -> None:
    expired = _claim(database, ttl_s=0)
    with pytest.raises(LeaseLostError):
        _check(database, expired)
    with pytest.raises(LeaseLostError):
        leases.renew(database, expired)
    assert _claim(database).epoch == 2


def test_a_lease_expires_by_the_clock_on_sqlite(clock: SetClock, database: Database) -> None:
    lease = _claim(database)
    clock.advance(119)
    _check(database, lease)
    clock.advance(2)
    if database.dialect == "sqlite":
        with pytest.raises(LeaseLostError):
            _check(database, lease)
    else:
        # This host's clock, however wrong, decides nothing there.
        _check(database, lease)


def test_renewing_moves_the_end_and_keeps_the_epoch(database: Database) -> None:
    lease = _claim(database, ttl_s=60)
    renewed = leases.renew(database, lease, ttl_s=120)
    assert renewed.epoch == lease.epoch
    assert timedelta(seconds=59) < renewed.expires_at - lease.expires_at < timedelta(seconds=90)
    _check(database, renewed)


def test_a_lease_must_outlive_what_it_is_needed_for(database: Database) -> None:
    lease = _claim(database, ttl_s=30)
    _check(database, lease, must_last_s=20)
    with pytest.raises(LeaseLostError):
        _check(database, lease, must_last_s=40)


def test_an_older_epoch_can_neither_write_nor_release(database: Database) -> None:
    old = _claim(database, ttl_s=0)
    new = _claim(database)
    with pytest.raises(LeaseLostError) as caught:
        _check(database, old)
    assert caught.value.details["epoch"] == 1
    leases.release(database, old)
    _check(database, new)


def test_a_released_lease_is_free_and_gone(database: Database) -> None:
    lease = _claim(database)
    leases.release(database, lease)
    with database.reading() as session:
        assert leases.holder(session, AUDIENCE) is None
    with pytest.raises(LeaseLostError):
        _check(database, lease)
    assert _claim(database).epoch == 2


def test_a_forced_release_stops_the_holder(database: Database) -> None:
    lease = _claim(database)
    held = leases.force_release(database, AUDIENCE)
    assert held is not None
    assert held.pid == leases.this_process().pid
    with pytest.raises(LeaseLostError):
        _check(database, lease)
    assert leases.force_release(database, AUDIENCE) is None
    assert leases.force_release(database, uuid4()) is None


def test_nobody_takes_over_between_the_check_and_the_commit(database: Database) -> None:
    lease = _claim(database)
    released = threading.Event()

    def take_over() -> None:
        leases.force_release(database, AUDIENCE)
        released.set()

    with database.transaction() as session:
        leases.check(session, lease)
        thief = threading.Thread(target=take_over)
        thief.start()
        assert not released.wait(0.2)
    thief.join()
    assert released.is_set()


def _wait_until_zombie(pid: int) -> bool:
    for _ in range(1000):
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.01)
    return False
