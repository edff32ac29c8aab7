"""Two processes, one audience: one works, the other leaves quietly. Stops, signals, `unlock`."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.crash.harness import Ended, Project, Started, wait_until
from tests.crash.people import Town
from tests.databases import KINDS, fresh_url

STOPPED_S = 1.0
"""How long a stopped process stays so at least, beyond what happens meanwhile."""


@pytest.fixture(params=KINDS)
def town(project: Project, request: pytest.FixtureRequest) -> Iterator[Town]:
    """A project that is in step, with its store on either database."""
    with fresh_url(str(request.param), project.folder) as url:
        project.store = url
        project.write_config()
        town = Town(seed=11)
        project.write_segment(town.segment())
        project.assert_clean_run(project.create())
        yield town


def begin_slowly(project: Project, town: Town, *, seconds: float = 3.0) -> Started:
    """A sync whose first request with members was sent and is not answered yet."""
    project.write_segment(town.live())
    project.arm({"kind": "slow", "path": "/users", "seconds": seconds})
    before = len(project.requests())
    started = project.start("sync", project.slug, "--allow-shrink", "--json")
    wait_until(
        lambda: any(call["fault"] for call in project.requests()[before:]), "the slow request"
    )
    return started


@contextmanager
def stopped(started: Started) -> Iterator[None]:
    """Freeze a process while the block runs: it lives, and nothing has to be timed."""
    started.send(signal.SIGSTOP)
    try:
        yield
    finally:
        started.send(signal.SIGCONT)


def make_good(project: Project, town: Town) -> None:
    project.calm()
    project.write_segment(town.live())
    project.assert_clean_run(project.sync())


def assert_busy(ended: Ended) -> None:
    assert ended.code == 4, str(ended)
    assert ended.error["code"] == "SYNC_IN_PROGRESS"
    assert list(ended.json) == ["error"], "no job was begun"


def test_the_second_of_two_leaves_and_the_first_ends_well(project: Project, town: Town) -> None:
    first = begin_slowly(project, town)
    with stopped(first):
        assert_busy(project.sync())
        assert_busy(project.run("replace", "vip"))
        assert_busy(project.run("delete", "vip", "--yes"))
    project.assert_clean_run(first.end(), "the first")
    make_good(project, town)


def test_of_two_that_start_together_one_works(project: Project, town: Town) -> None:
    project.write_segment(town.live())
    project.arm({"kind": "slow", "path": "/users", "seconds": 5})
    both = [project.start("sync", "vip", "--allow-shrink", "--json") for _ in range(2)]
    ended = sorted((started.end() for started in both), key=lambda one: one.code)
    project.assert_clean_run(ended[0], "one")
    assert_busy(ended[1])


def test_unlock_refuses_the_living_and_releases_the_dead(project: Project, town: Town) -> None:
    first = begin_slowly(project, town, seconds=20)
    with stopped(first):
        refused = project.run("unlock", "vip")
    assert (refused.code, refused.error["code"]) == (4, "SYNC_IN_PROGRESS")
    first.send(signal.SIGKILL)
    assert first.end().was_killed
    released = project.run("unlock", "vip")
    assert released.code == 0, str(released)
    assert released.json["released"] is True
    make_good(project, town)


def test_a_dead_holder_needs_no_hand(project: Project, town: Town) -> None:
    first = begin_slowly(project, town, seconds=20)
    first.send(signal.SIGKILL)
    assert first.end().was_killed
    make_good(project, town)


def test_a_stopped_holder_keeps_its_lock_and_goes_on(project: Project, town: Town) -> None:
    first = begin_slowly(project, town)
    with stopped(first):
        assert_busy(project.sync())
        time.sleep(STOPPED_S)
    project.assert_clean_run(first.end(), "after the stop")
    make_good(project, town)


def test_a_holder_that_lost_its_lock_changes_nothing_more(project: Project, town: Town) -> None:
    first = begin_slowly(project, town)
    with stopped(first):
        forced = project.run("unlock", "vip", "--force")
        assert forced.code == 0, str(forced)
        project.write_segment(town.live())
        project.assert_clean_run(project.sync(), "the second")
    woken = first.end()
    assert woken.code == 4, str(woken)
    project.assert_exact("after the first woke up")
    make_good(project, town)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda one: one.name)
def test_a_signal_stops_in_good_order(project: Project, town: Town, number: signal.Signals) -> None:
    first = begin_slowly(project, town)
    first.send(number)
    ended = first.end()
    assert ended.code == 130, str(ended)
    job = ended.json
    assert (job["status"], job["error"]["code"]) == ("cancelled", "CANCELLED")
    assert job["successful_batches"] >= 1, "the request in flight was waited for"
    assert job["profiles_pending"] > 0
    make_good(project, town)


def test_a_second_signal_ends_it_at_once(project: Project, town: Town) -> None:
    first = begin_slowly(project, town, seconds=30)
    first.send(signal.SIGTERM)
    time.sleep(0.3)
    first.send(signal.SIGTERM)
    assert first.end(timeout_s=10).code == -signal.SIGTERM
    make_good(project, town)
