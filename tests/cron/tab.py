"""A crontab as cron reads it, after crontab(5) of Debian's cron; what cannot be is refused."""

import re
from dataclasses import dataclass, field

_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_PART = re.compile(r"(\*|\d+(?:-\d+)?)(?:/(\d+))?")
_VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*) *= *(.*)")
_LINE = re.compile(r"(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """When a command is run, and what the shell gets."""

    minutes: set[int]
    hours: set[int]
    command: str

    @classmethod
    def of(cls, text: str) -> "Line":
        """A line of five fields and a command.

        Raises:
            ValueError: it is none.
        """
        matched = _LINE.fullmatch(text)
        if matched is None:
            raise ValueError("no crontab line: five fields and a command")
        times = [
            _times(each, low, high)
            for each, (low, high) in zip(matched.groups()[:5], _RANGES, strict=True)
        ]
        command = re.split(r"(?<!\\)%", matched[6], maxsplit=1)[0].replace(r"\%", "%")
        return cls(minutes=times[0], hours=times[1], command=command.rstrip())


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """A whole crontab."""

    variables: dict[str, str] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)


def parse(text: str) -> Tab:
    """The crontab's variables and lines.

    Raises:
        ValueError: cron would refuse it.
    """
    tab = Tab()
    for line in (each.strip() for each in text.splitlines()):
        if not line or line.startswith("#"):
            continue
        variable = _VARIABLE.fullmatch(line)
        if variable is not None:
            tab.variables[variable[1]] = variable[2].strip("\"'")
        else:
            tab.lines.append(Line.of(line))
    return tab


def _times(text: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        matched = _PART.fullmatch(part)
        if matched is None:
            raise ValueError("no crontab field")
        ends = (low, high) if matched[1] == "*" else [int(one) for one in matched[1].split("-")]
        start, stop = ends[0], ends[-1]
        step = int(matched[2] or 1)
        if not (low <= start <= stop <= high and step):
            raise ValueError("no crontab field: out of range")
        found |= set(range(start, stop + 1, step))
    return found
