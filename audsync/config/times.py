"""Times as a person writes them: `50m`, `22:00-06:00`, `Europe/Berlin`. No message repeats them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, time, tzinfo
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

_UNITS_S = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?=\d)" + "".join(rf"(?:(\d{{1,5}}) ?{unit} ?)?" for unit in _UNITS_S))
_SPAN = re.compile(r"(\d{1,2}):(\d{2}) ?(?:-|–) ?(\d{1,2}):(\d{2})")  # noqa: RUF001 - also a dash
_NO_TIMES = (24, 0, 24, 0)
_DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Hours of every day, from `start` until just before `stop`, past midnight where it is less."""

    start: time
    stop: time

    def holds(self, moment: time) -> bool:
        """Whether a time of day is among them."""
        if self.start < self.stop:
            return self.start <= moment < self.stop
        return moment >= self.start or moment < self.stop

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.stop:%H:%M}"


def parse_duration(value: object) -> int:
    """Seconds of a time written as `90s`, `50m`, `2h`, `1h30m` or `1d`; 0 needs no unit.

    Raises:
        ValueError: it is written otherwise.
    """
    text = str(value).strip()
    if text == "0":
        return 0
    matched = _DURATION.fullmatch(text)
    if matched is None:
        raise ValueError("must be a time with its unit, such as 90s, 50m or 2h")
    return sum(
        int(count) * seconds
        for count, seconds in zip(matched.groups(), _UNITS_S.values(), strict=True)
        if count
    )


def parse_day(value: object) -> date:
    """A day written as `2026-01-31`.

    Raises:
        ValueError: it is written otherwise, or there is no such day.
    """
    if type(value) is date:
        return value
    try:
        return date.fromisoformat(str(value).strip())
    except ValueError:
        raise ValueError("must be a day, such as 2026-01-31") from None


def parse_span(value: object) -> Span:
    """Hours of the day written as `22:00-06:00`.

    Raises:
        ValueError: they are written otherwise, or begin where they end.
    """
    matched = _SPAN.fullmatch(str(value).strip())
    hour, minute, stop_hour, stop_minute = map(int, matched.groups() if matched else _NO_TIMES)
    try:
        start, stop = time(hour, minute), time(stop_hour, stop_minute)
    except ValueError:
        raise ValueError('must be hours of the day, such as "22:00-06:00"') from None
    if start == stop:
        raise ValueError("must not begin when they end")
    return Span(start=start, stop=stop)


def zone_of(name: str) -> tzinfo:
    """The time zone of that name, such as Europe/Berlin.

    Raises:
        ValueError: this machine knows none.
    """
    if name == "UTC":
        return UTC  # without the machine's table of zones, which slim containers lack
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(
            "must be a time zone of this machine, such as UTC or Europe/Berlin; if it knows none,"
            " `pip install tzdata`"
        ) from None


def _known_zone(name: str) -> str:
    zone_of(name)
    return name


def _not_for_ever(spans: Sequence[Span]) -> Sequence[Span]:
    minutes = (time(*divmod(minute, 60)) for minute in range(_DAY_MINUTES))
    if spans and all(any(span.holds(minute) for span in spans) for minute in minutes):
        raise ValueError("must leave some of the day")
    return spans


_TIME = r"\d{1,2}:\d{2}"
_SPAN_SCHEMA = {"type": "string", "pattern": rf"^{_TIME} ?[-–] ?{_TIME}$"}  # noqa: RUF001
_DURATION_SCHEMA = {
    "anyOf": [
        {"type": "string", "pattern": r"^(0|(\d{1,5} ?[dhms] ?)+)$"},
        {"type": "integer", "minimum": 0, "maximum": 0},
    ]
}

Duration = Annotated[int, BeforeValidator(parse_duration), WithJsonSchema(_DURATION_SCHEMA)]
"""Whole seconds."""
Quiet = Annotated[
    tuple[Annotated[Span, BeforeValidator(parse_span), WithJsonSchema(_SPAN_SCHEMA)], ...],
    AfterValidator(_not_for_ever),
]
"""Hours of every day that leave some of it."""
Zone = Annotated[str, AfterValidator(_known_zone)]
Day = Annotated[
    date,
    BeforeValidator(parse_day),
    WithJsonSchema({"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}),
]
