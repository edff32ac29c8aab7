"""Places in a shared budget: no window sees too many, and what one is told holds for all."""

import random
from datetime import datetime, timedelta

import pytest

from audsync.domain import CallQuota, CallRate
from audsync.store import budgets
from audsync.store.budgets import Place
from audsync.store.database import Database
from audsync.store.tables import Budget
from tests.databases import SetClock

SECOND = CallRate(name="1s", calls=10, window_s=1)
MINUTE = CallRate(name="60s", calls=300, window_s=60)
QUOTA = CallQuota(key="snapchat:app:1", rates=(SECOND, MINUTE))


@pytest.fixture(autouse=True)
def _both_go_by_the_clock(clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server's clock cannot be set: on PostgreSQL the test's stands for it, too."""
    monkeypatch.setattr(budgets, "now", lambda _session: clock.now())


def most_in_a_window(moments: list[datetime], rate: CallRate) -> int:
    width = timedelta(seconds=rate.window_s)
    return max(sum(first <= each < first + width for each in moments) for first in moments)


@pytest.mark.parametrize("calls", [1, 2, 3, 7, 9, 10, 11, 20, 100])
def test_no_window_ever_sees_more_than_its_limit(calls: int) -> None:
    chance = random.Random(calls)
    rates = (CallRate(name="a", calls=calls, window_s=1), CallRate(name="b", calls=90, window_s=30))
    taken: dict[str, float] = {}
    now_s, moments = 1_790_000_000.0, []
    for _ in range(300):
        now_s += chance.choice([0.0, 0.0, 0.0, 0.01, 0.3, 5.0])
        at_s = budgets.place_s(rates, taken, now_s)
        taken = budgets.taken_after(rates, taken, at_s, since_s=now_s)
        moments.append(datetime.fromtimestamp(at_s))  # noqa: DTZ006 - only compared
    assert moments == sorted(moments)
    for rate in rates:
        assert most_in_a_window(moments, rate) <= rate.calls


@pytest.mark.parametrize("calls", [1, 2, 3, 7, 10, 100])
def test_who_always_asks_gets_most_of_the_limit(calls: int) -> None:
    rate = CallRate(name="a", calls=calls, window_s=1)
    at_s, taken, moments = 0.0, dict[str, float](), []
    for _ in range(10 * calls):
        at_s = budgets.place_s([rate], taken, at_s)
        taken = budgets.taken_after([rate], taken, at_s, since_s=at_s)
        moments.append(at_s)
    assert sum(moment < 5 for moment in moments) >= 0.79 * 5 * calls


def test_calls_that_come_at_once_get_places_one_after_the_other(
    database: Database, clock: SetClock
) -> None:
    places = [budgets.take(database, QUOTA, most_s=60) for _ in range(6)]
    assert [round(place.wait_s, 3) for place in places] == [0, 0, 0.125, 0.25, 0.375, 0.5]
    assert all(place.is_taken and not place.is_blocked for place in places)
    clock.advance(10)
    assert budgets.take(database, QUOTA, most_s=0).wait_s == 0


def test_a_place_too_far_away_is_left_to_others(database: Database) -> None:
    for _ in range(3):
        budgets.take(database, QUOTA, most_s=60)
    place = budgets.take(database, QUOTA, most_s=0.2)
    assert (place.is_taken, round(place.wait_s, 3)) == (False, 0.25)
    assert budgets.take(database, QUOTA, most_s=60).wait_s == pytest.approx(0.25)


def test_our_own_pace_is_kept_for_longer_than_a_calm_that_is_asked_for(database: Database) -> None:
    for _ in range(3):
        budgets.take(database, QUOTA, most_s=60)
    assert budgets.take(database, QUOTA, most_s=0, pace_s=1).is_taken
    budgets.block(database, QUOTA, 0.5)
    assert not budgets.take(database, QUOTA, most_s=0, pace_s=1).is_taken


def test_the_slowest_rate_decides(database: Database) -> None:
    slow = CallQuota(key="k", rates=(SECOND, CallRate(name="own", calls=2, window_s=60)))
    waits = [budgets.take(database, slow, most_s=999).wait_s for _ in range(3)]
    assert waits == [0, pytest.approx(30.3), pytest.approx(60.6)]


def test_quotas_do_not_touch_each_other(database: Database) -> None:
    other = CallQuota(key="snapchat:app:2", rates=QUOTA.rates)
    for _ in range(5):
        budgets.take(database, QUOTA, most_s=60)
    budgets.block(database, QUOTA, 600)
    assert budgets.take(database, other, most_s=0).is_taken


def test_what_one_is_told_holds_for_all_and_only_for_so_long(
    database: Database, clock: SetClock
) -> None:
    budgets.block(database, QUOTA, 30)
    budgets.block(database, QUOTA, 5)
    place = budgets.take(database, QUOTA, most_s=10)
    assert (place.is_taken, place.is_blocked, place.wait_s) == (False, True, 30)
    waits = [budgets.take(database, QUOTA, most_s=60).wait_s for _ in range(3)]
    assert waits == [30, 30, pytest.approx(30.125)]
    clock.advance(31)
    assert budgets.take(database, QUOTA, most_s=0).is_taken


def test_who_asks_anyway_is_not_held_up_and_may_end_the_calm(database: Database) -> None:
    budgets.block(database, QUOTA, 600)
    place = budgets.take(database, QUOTA, most_s=5, asks_anyway=True)
    assert (place.is_taken, place.wait_s) == (True, 0)
    assert not budgets.take(database, QUOTA, most_s=5).is_taken
    budgets.unblock(database, QUOTA)
    assert budgets.take(database, QUOTA, most_s=5).is_taken


def place_in(database: Database, seconds: float) -> Place:
    budgets.block(database, QUOTA, seconds)
    return budgets.take(database, QUOTA, most_s=60)


def test_a_place_holds_until_its_moment_is_past(database: Database, clock: SetClock) -> None:
    place = place_in(database, 3)
    clock.advance(3)
    assert budgets.holds(database, QUOTA, place)
    clock.advance(budgets.LATE_S + 0.1)
    assert not budgets.holds(database, QUOTA, place)


def test_a_place_is_lost_where_the_platform_asks_for_calm_meanwhile(
    database: Database, clock: SetClock
) -> None:
    place = place_in(database, 3)
    budgets.block(database, QUOTA, 9)
    clock.advance(3)
    assert not budgets.holds(database, QUOTA, place)


def test_what_is_over_is_not_kept(database: Database, clock: SetClock) -> None:
    token = CallRate(name="token:1:1s", calls=10, window_s=1)
    budgets.take(database, CallQuota(key="k", rates=(token,)), most_s=0)
    clock.advance(5)
    budgets.take(database, CallQuota(key="k", rates=(MINUTE,)), most_s=0)
    with database.reading() as session:
        row = session.get_one(Budget, "k")
        assert list(row.taken) == ["60s"]


def test_a_clock_that_was_a_day_ahead_and_is_right_again_keeps_nobody_waiting(
    database: Database, clock: SetClock
) -> None:
    clock.advance(86_400)
    for _ in range(20):
        budgets.take(database, QUOTA, most_s=60)
    clock.advance(-86_400)
    assert budgets.take(database, QUOTA, most_s=60).wait_s == 0
    places = [budgets.take(database, QUOTA, most_s=3600) for _ in range(40)]
    assert most_in_a_window([place.at for place in places], SECOND) <= SECOND.calls
