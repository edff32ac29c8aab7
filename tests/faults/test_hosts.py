"""Two hosts on one audience: one works, whoever is frozen or killed, and every end is exact."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from tests.crash.harness import Project, wait_until
from tests.crash.people import Town
from tests.databases import fresh_url
from tests.faults import wires
from tests.faults.hosts import (
    LEASE_S,
    REQUEST_TIMEOUT_S,
    Host,
    kind,
    separate_state,
    two_hosts,
    why_not,
)
from tests.faults.proxy import Act, Mischief
from tests.faults.scene import IS_THOROUGH

ROUNDS = 60 if IS_THOROUGH else 2
SEED = int(os.environ.get("AUDSYNC_CHAOS_SEED", "1"))
FREEZES_S = (0.1, 1.3 * LEASE_S)

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())
needs_wires = pytest.mark.skipif(
    bool(wires.why_none()), reason=f"without networks of their own: {wires.why_none()}"
)


@pytest.fixture
def hosts(
    hasty_project: Project, tmp_path: Path, record_property: Callable[[str, object], None]
) -> Iterator[tuple[Host, Host]]:
    project = hasty_project
    record_property("hosts", kind())
    with fresh_url("postgresql", tmp_path) as url:
        project.store, project.batch_rows = url, 4
        project.request_timeout, project.max_wait = REQUEST_TIMEOUT_S, 2.0
        project.write_config()
        with two_hosts(project) as both:
            yield both


def synced(host: Host) -> None:
    """Bring it in step as soon as the lease is to be had."""

    def is_done() -> bool:
        ended = host.start("sync", "vip", "--allow-shrink").end()
        if ended.code == 4:
            time.sleep(0.2)
            return False
        host.project.assert_clean_run(ended, host.name)
        return True

    wait_until(is_done, "a clean run")


def begin(host: Host, town: Town) -> None:
    project = host.project
    project.write_segment(town.segment())
    made = host.start(*project.creation()).end()
    project.assert_clean_run(made, "create")


def test_one_works_whoever_is_frozen_or_killed(hosts: tuple[Host, Host]) -> None:
    chance, town, project = Random(SEED), Town(seed=SEED), hosts[0].project
    begin(hosts[0], town)
    for host in hosts:
        host.watch()
    long_freezes = 0
    for number in range(ROUNDS):
        project.write_segment(town.live())
        project.arm({"kind": "slow", "path": "/users", "seconds": 0.1, "times": 0})
        runs = [host.start("sync", "vip", "--allow-shrink") for host in hosts]
        time.sleep(chance.uniform(0.1, 0.5))
        victim = hosts[number % 2]
        if chance.random() < 0.5:
            victim.signal(signal.SIGKILL)
        else:
            frozen_s = chance.choice(FREEZES_S)
            long_freezes += frozen_s > LEASE_S
            victim.signal(signal.SIGSTOP)
            hosts[1 - number % 2].start("sync", "vip", "--allow-shrink").end()
            time.sleep(frozen_s)
            hosts[1 - number % 2].start("sync", "vip", "--allow-shrink").end()
            victim.running = runs[number % 2]
            victim.signal(signal.SIGCONT)
        for run in runs:
            run.end()
        project.calm()
        project.write_segment(town.live())
        synced(hosts[chance.randrange(2)])
        project.assert_nothing_left()
    strangers = [one for host in hosts for one in host.strangers]
    # Frozen between the check and the request, a process sends one request when it wakes.
    assert len(strangers) <= long_freezes, strangers


def test_a_host_without_the_others_state_refuses_and_replace_mends_it(
    hosts: tuple[Host, Host],
) -> None:
    town, project = Town(seed=3), hosts[0].project
    begin(hosts[0], town)
    undo = separate_state(hosts[1])
    project.write_segment(town.live())
    before = len(project.requests())
    ended = hosts[1].start("sync", "vip", "--allow-shrink").end()
    assert (ended.code, ended.error["code"]) == (1, "STATE_ERROR"), str(ended)
    assert not any("/users" in call["path"] for call in project.requests()[before:])
    again = hosts[1].start("replace", "vip", "--allow-shrink").end()
    project.assert_clean_run(again, "replace")
    undo()
    ended = hosts[0].start("sync", "vip", "--allow-shrink").end()
    assert ended.error["code"] == "STATE_ERROR", str(ended)
    again = hosts[0].start("replace", "vip", "--allow-shrink").end()
    project.assert_clean_run(again, "replace by the first host")


def test_a_host_that_is_cut_off_from_the_platform_leaves_the_work_to_the_other(
    hosts: tuple[Host, Host],
) -> None:
    town, project = Town(seed=4), hosts[0].project
    begin(hosts[0], town)
    project.write_segment(town.live())
    hosts[0].proxy.shut()
    ended = hosts[0].start("sync", "vip", "--allow-shrink").end()
    assert ended.code == 6, str(ended)
    synced(hosts[1])
    hosts[0].proxy.open()
    project.write_segment(town.live())
    synced(hosts[0])


def cut_off_in_mid_run(
    hosts: tuple[Host, Host], town: Town, *, cut: Callable[[], None], mend: Callable[[], None]
) -> list[str]:
    """The first host is cut off while it sends; the second takes over; the first hears again.

    Returns:
        requests about members that left a host while it did not hold the lease.
    """
    first, second, project = *hosts, hosts[0].project
    for host in hosts:
        host.watch()
    project.write_segment(town.live())
    project.arm({"kind": "slow", "path": "/users", "seconds": 0.1, "times": 0})
    before = len(project.requests())
    run = first.start("sync", "vip", "--allow-shrink")
    wait_until(lambda: is_sending(project, before), "a request of the first host")
    cut()
    try:
        project.write_segment(town.live())
        synced(second)
        project.write_segment(town.live())
        synced(second)
    finally:
        mend()
    ended = run.end()
    assert ended.code in (0, 1, 3, 4, 6), str(ended)
    project.calm()
    project.write_segment(town.live())
    synced(first)
    synced(second)
    project.assert_nothing_left()
    return first.strangers + second.strangers


def is_sending(project: Project, before: int) -> bool:
    """Whether a request about members has come since there were `before` of all."""
    path = project.way.members_path
    return any(path in call["path"] for call in project.requests()[before:])


@needs_wires
def test_who_is_cut_off_from_all_is_taken_over_and_sends_nothing_of_its_own_afterwards(
    hosts: tuple[Host, Host],
) -> None:
    town = Town(seed=5)
    begin(hosts[0], town)
    strangers = cut_off_in_mid_run(hosts, town, cut=hosts[0].cut_off, mend=hosts[0].connect)
    assert strangers == []


@needs_wires
def test_who_hears_nothing_more_of_the_store_sends_nothing_after_the_other(
    hosts: tuple[Host, Host],
) -> None:
    town = Town(seed=6)
    begin(hosts[0], town)
    store = hosts[0].store_proxy
    assert store is not None

    cut, mend = store.fall_silent, store.restart
    assert cut_off_in_mid_run(hosts, town, cut=cut, mend=mend) == []


@needs_wires
def test_who_waits_for_ever_on_one_connection_to_the_store_is_taken_over(
    hosts: tuple[Host, Host],
) -> None:
    town = Town(seed=7)
    begin(hosts[0], town)
    store = hosts[0].store_proxy
    assert store is not None
    silence = Mischief(request_bytes=0, response_bytes=0, act=Act.SILENCE)

    def fall_silent() -> None:
        store.strike_all(silence)  # what a new connection says is heard

    assert cut_off_in_mid_run(hosts, town, cut=fall_silent, mend=store.restart) == []
