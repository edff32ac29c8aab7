"""Times as people write them, and what cannot be one."""

from datetime import UTC, time

import pytest

from audsync.config.times import parse_duration, parse_span, zone_of
from audsync.errors import ConfigError
from tests.unit.config.conftest import Load


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("50m", 3000), ("2h", 7200), ("1h30m", 5400), ("1h 30m", 5400), ("1d", 86_400),
     ("0", 0), (0, 0), ("0s", 0)],
)  # fmt: skip
def test_a_duration_has_its_unit(text: object, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "50", "m", "-1m", "1.5h", "30m1h", "1w", True, None])
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="such as 90s"):
        parse_duration(text)


def test_hours_may_go_past_midnight() -> None:
    night, lunch = parse_span("22:00-06:00"), parse_span("12:00 - 13:30")
    assert night.holds(time(22))
    assert night.holds(time(3))
    assert not night.holds(time(6))
    assert lunch.holds(time(13, 29))
    assert not lunch.holds(time(13, 30))
    assert str(night) == "22:00-06:00"


@pytest.mark.parametrize("text", ["", "22-6", "24:00-06:00", "22:60-06:00", "22:00", "06:00-06:00"])
def test_what_are_no_hours_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        parse_span(text)


def test_a_time_zone_is_one_of_this_machine() -> None:
    assert zone_of("UTC") is UTC
    assert str(zone_of("Europe/Berlin")) == "Europe/Berlin"
    for name in ("Mars/Olympus", "Europe", "../etc/passwd", ""):
        with pytest.raises(ValueError, match="time zone"):
            zone_of(name)


def test_the_schedule_is_read(load: Load) -> None:
    schedule = load(
        'schedule: {jitter: 10m, quiet: ["22:00-06:00"], time_zone: Europe/Berlin}'
    ).schedule
    assert (schedule.jitter, [str(span) for span in schedule.quiet]) == (600, ["22:00-06:00"])
    assert schedule.time_zone == "Europe/Berlin"
    assert load("tenant: 1").schedule.quiet == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("schedule: {jitter: 10}", "schedule.jitter: must be a time with its unit"),
        ("schedule: {jitter: 13h}", "schedule.jitter: must be at most 43200"),
        ('schedule: {quiet: "22:00-06:00"}', "schedule.quiet: must be a list"),
        ('schedule: {quiet: ["22-06"]}', "must be hours of the day"),
        ('schedule: {quiet: ["00:00-12:00", "12:00-00:00"]}', "must leave some of the day"),
        ("schedule: {time_zone: Mars/Olympus}", "schedule.time_zone: must be a time zone"),
    ],
)
def test_what_is_no_schedule_is_told(load: Load, text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        load(text)
