"""The rhythm: slots that stay where they are, jitter, quiet hours."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audsync.config.times import parse_span
from audsync.services.schedule.rhythm import Timetable, next_slot

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
NIGHT = Timetable(quiet=(parse_span("22:00-06:00"),))
HOURS = st.sampled_from([1, 6, 12, 24, 168])
moments = st.integers(0, 60_000_000).map(lambda seconds: NOON + timedelta(seconds=seconds))


def test_a_run_that_is_late_does_not_shift_the_rhythm() -> None:
    hour = timedelta(hours=1)
    assert next_slot(NOON, NOON + timedelta(minutes=20), hour) == NOON + hour
    assert next_slot(NOON, NOON, hour) == NOON + hour
    assert next_slot(NOON + hour, NOON, hour) == NOON + hour


def test_what_was_missed_does_not_pile_up() -> None:
    day = timedelta(days=1)
    assert next_slot(NOON, NOON + timedelta(days=9, hours=1), day) == NOON + 10 * day


def test_the_rhythm_begins_with_the_first_run() -> None:
    assert next_slot(None, NOON, timedelta(hours=6)) == NOON + timedelta(hours=6)


@given(slot=moments, now=moments, hours=HOURS)
def test_the_next_slot_is_of_the_rhythm_and_the_first_one_to_come(
    slot: datetime, now: datetime, hours: int
) -> None:
    interval = timedelta(hours=hours)
    found = next_slot(slot, now, interval)
    assert found > now
    assert (found - slot) % interval == timedelta(0)
    assert found == slot or found - now <= interval


def test_no_audience_is_due_more_often_than_the_file_allows() -> None:
    assert Timetable(minimum_hours=6).interval(1) == timedelta(hours=6)
    assert Timetable(minimum_hours=6).interval(24) == timedelta(hours=24)


def test_jitter_is_an_audiences_own_and_stays_below_half_an_interval() -> None:
    table, hour = Timetable(jitter_s=600), timedelta(hours=1)
    ids = [uuid4() for _ in range(200)]
    begun = [table.begin(NOON, one, hour) for one in ids]
    assert begun == [table.begin(NOON, one, hour) for one in ids]
    assert all(NOON <= one <= NOON + timedelta(minutes=10) for one in begun)
    assert len(set(begun)) > 100
    wide = Timetable(jitter_s=43_200)
    assert max(wide.begin(NOON, one, hour) for one in ids) <= NOON + hour / 2
    assert Timetable().begin(NOON, ids[0], hour) == NOON


def test_nothing_is_begun_in_quiet_hours() -> None:
    late = NOON.replace(hour=23)
    assert NIGHT.is_quiet(late)
    assert not NIGHT.is_quiet(NOON)
    morning = datetime(2026, 11, 21, 6, tzinfo=UTC)
    assert NIGHT.awake(late) == morning
    assert NIGHT.awake(morning) == morning
    assert NIGHT.awake(morning - timedelta(seconds=1)) == morning
    assert NIGHT.begin(late, UUID(int=0), timedelta(hours=1)) == morning


def test_quiet_hours_are_those_of_the_place() -> None:
    berlin = Timetable(quiet=NIGHT.quiet, zone=ZoneInfo("Europe/Berlin"))
    assert berlin.awake(NOON.replace(hour=21)) == datetime(2026, 11, 21, 5, tzinfo=UTC)
    summer = datetime(2026, 7, 1, 20, tzinfo=UTC)
    assert berlin.awake(summer) == datetime(2026, 7, 2, 4, tzinfo=UTC)


def test_hours_that_follow_each_other_are_one_night() -> None:
    table = Timetable(quiet=(parse_span("22:00-00:00"), parse_span("00:00-05:00")))
    assert table.awake(NOON.replace(hour=23)) == datetime(2026, 11, 21, 5, tzinfo=UTC)


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
@pytest.mark.parametrize("span", ["01:00-02:30", "02:15-02:45", "02:30-03:00", "22:00-02:30"])
def test_a_change_of_clocks_keeps_nobody_waiting_for_a_day(day: str, span: str) -> None:
    zone = ZoneInfo("Europe/Berlin")
    table = Timetable(quiet=(parse_span(span),), zone=zone)
    start = datetime.fromisoformat(day).replace(tzinfo=zone).astimezone(UTC)
    for minutes in range(-180, 300, 5):
        moment = start + timedelta(minutes=minutes)
        awake = table.awake(moment)
        assert not table.is_quiet(awake)
        assert moment <= awake <= moment + timedelta(hours=7)


@given(
    moment=moments,
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"]),
    hours=st.lists(
        st.sampled_from(
            ["22:00-06:00", "12:00-13:30", "00:00-00:01", "23:59-01:00", "06:00-08:00"]
        ),
        max_size=3,
    ),
)
def test_whoever_waits_for_the_end_of_quiet_hours_meets_it(
    moment: datetime, zone: str, hours: list[str]
) -> None:
    table = Timetable(quiet=tuple(parse_span(one) for one in hours), zone=ZoneInfo(zone))
    awake = table.awake(moment)
    assert not table.is_quiet(awake)
    assert moment <= awake <= moment + timedelta(hours=12)
    assert (awake == moment) is not table.is_quiet(moment)
