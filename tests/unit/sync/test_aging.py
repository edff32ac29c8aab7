"""Members are sent again before the platform forgets them, evenly over their life."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from audsync.sync import aging
from audsync.sync.aging import SLICES, Round

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
LIFETIME_DAYS = 60


def lived_through(every: timedelta, days: int) -> list[tuple[datetime, range]]:
    """The slices of all syncs in so many days."""
    round_, now, slices = Round(at=BEGAN), BEGAN, []
    while now < BEGAN + timedelta(days=days):
        now += every
        if found := aging.due(round_, now, LIFETIME_DAYS):
            slices.append((now, range(found.first, found.stop)))
            round_ = found.then
    return slices


@pytest.mark.parametrize("hours", [1, 6, 24, 168, 700])
def test_nobody_is_ever_forgotten(hours: int) -> None:
    slices = lived_through(timedelta(hours=hours), days=400)
    for place in (0, 1, 4_000, 32_768, 65_535):
        moments = [BEGAN, *(now for now, some in slices if place in some)]
        gaps = [later - earlier for earlier, later in pairwise(moments)]
        assert gaps, "it had its turn"
        assert max(gaps) < timedelta(days=LIFETIME_DAYS)


def test_days_carry_alike() -> None:
    days: dict[int, int] = {}
    for now, some in lived_through(timedelta(hours=6), days=400):
        days[(now - BEGAN).days] = days.get((now - BEGAN).days, 0) + len(some)
    mean = SLICES * 2 / LIFETIME_DAYS
    assert max(days.values()) < 2 * mean


def test_a_second_sync_has_nothing_to_send() -> None:
    found = aging.due(Round(at=BEGAN), BEGAN + timedelta(days=1), LIFETIME_DAYS)
    assert found is not None
    assert aging.due(found.then, BEGAN + timedelta(days=1, minutes=5), LIFETIME_DAYS) is None


def test_after_a_long_pause_all_are_sent() -> None:
    now = BEGAN + timedelta(days=200)
    found = aging.due(Round(at=BEGAN, position=7), now, LIFETIME_DAYS)
    assert found is not None
    assert (found.first, found.stop) == (0, SLICES)
    assert found.then == Round(at=now, position=7)


def test_what_is_recorded_is_read_again() -> None:
    round_ = Round(at=BEGAN, position=12)
    assert aging.recorded({"round": round_.as_json()}) == round_
    assert aging.recorded({}) is None
    assert aging.recorded({"round": None}) is None
