"""Writes into docs/reliability.md what is covered, and what the last `make chaos` came to.

`python -m tests.faults.report [build/chaos.json]`: without a file only the table is written.
"""

import json
import os
import platform
import re
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.faults.matrix import PLATFORMS, ROWS, Row

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
_AREAS = {
    "tests.crash.": "processes that are killed, storms",
    "tests.faults.": "networks, answers, disks, stores, clocks, hosts that fail",
}
_SWEEPS = {
    "histories": "histories in one process, each ended by one clean run",
    "kills": "processes killed with SIGKILL, each made good by the next run",
}


@dataclass(slots=True)
class Tally:
    """How the tests of one area ended."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0


def with_section(text: str, name: str, content: str) -> str:
    """The page with one of its sections written anew."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    assert pattern.search(text), f"the page has no section {name}"
    return pattern.sub(lambda _found: f"{begin}\n{content}\n{end}", text)


def table() -> str:
    """The faults by platform: R for real ones, S for simulated ones, - where there is none."""
    head = ["#", "fault", "what happens", *PLATFORMS]
    lines = [_line(head), _line(["---"] * len(head))]
    for row in ROWS:
        cells = [_cell(row, name) for name in PLATFORMS]
        lines.append(_line([str(row.number), row.fault, row.expected, *cells]))
    applying = [(row, name) for row in ROWS for name in PLATFORMS if name in row.on]
    real = sum(row.is_real(name) for row, name in applying)
    return (
        "\n".join(lines) + f"\n\n{len(applying)} cells apply; {real} of them are tried on real "
        f"sockets, processes, disks or servers ({100 * real // len(applying)} %)."
    )


@dataclass(slots=True, kw_only=True)
class Chaos:
    """What `make chaos` has done with a seed, all of it plain JSON."""

    seed: int
    began: str
    """The day on which it did."""
    sweeps: dict[str, dict[str, Any]] = field(default_factory=dict)
    """`tests.faults.chaos.Sweep` of the kills and of the histories."""
    tests: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Tally by area."""
    soak: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> "Chaos":
        """What a run has left."""
        return cls(**json.loads(file.read_text("utf-8")))

    def is_broken(self) -> bool:
        """Whether a promise was."""
        return (
            any(sweep["failed"] for sweep in self.sweeps.values())
            or any(tally["failed"] for tally in self.tests.values())
            or any(name.startswith("broke") for name in self.soak)
        )


def results(chaos: Chaos) -> str:
    """What a run of `make chaos` came to."""
    today = datetime.now(UTC).date().isoformat()
    days = today if today == chaos.began else f"{chaos.began} to {today}"
    machine, python = platform.machine(), platform.python_version()
    lines = [f"Run on {days}, {machine}, Python {python}, {os.cpu_count()} cores, shared."]
    if chaos.sweeps:
        lines += ["", _line(["what", "done", "seeds", "broken promises", "minutes"]), _rule(5)]
    for name, sweep in chaos.sweeps.items():
        first, last = sweep["first"], sweep["first"] + max(1, sweep["seeds"]) - 1
        counts = (f"{sweep['struck']:,}", f"{first} to {last}", str(len(sweep["failed"])))
        lines.append(_line([_SWEEPS.get(name, name), *counts, str(round(sweep["seconds"] / 60))]))
    if chaos.tests:
        lines += ["", _line(["tests", "passed", "failed", "skipped", "minutes"]), _rule(5)]
    for area, tally in chaos.tests.items():
        ended = [str(tally[name]) for name in ("passed", "failed", "skipped")]
        lines.append(_line([area, *ended, str(round(tally["seconds"] / 60))]))
    if chaos.soak:
        lines += ["", _line(["soak", ""]), _rule(2)]
        lines += [_line([name, str(value)]) for name, value in chaos.soak.items()]
    return "\n".join(lines)


def write(chaos: Chaos | None = None, page: Path = PAGE) -> None:
    """Bring the page up to date, with the results if there are new ones."""
    text = with_section(page.read_text("utf-8"), "table", table())
    if chaos is not None and (chaos.sweeps or chaos.tests or chaos.soak):
        text = with_section(text, "results", results(chaos))
    page.write_text(text, "utf-8")


def tallies_of(junit: Path) -> dict[str, Tally]:
    """The tests of a JUnit file, by area."""
    found = {area: Tally() for area in _AREAS.values()}
    for case in ET.parse(junit).iter("testcase"):  # our own pytest wrote it
        name = case.get("classname", "")
        areas = [area for prefix, area in _AREAS.items() if name.startswith(prefix)]
        for tally in (found[area] for area in areas):
            tally.seconds += float(case.get("time", 0))
            ended = {child.tag for child in case}
            tally.failed += bool(ended & {"failure", "error"})
            tally.skipped += "skipped" in ended
            tally.passed += not ended & {"failure", "error", "skipped"}
    return found


def _cell(row: Row, name: str) -> str:
    if name not in row.on:
        return "-"
    marks = ("R" if row.is_real(name) else "", "S" if row.is_simulated(name) else "")
    return " ".join(filter(None, marks))


def _rule(columns: int) -> str:
    return _line(["---"] * columns)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    write(Chaos.read(Path(sys.argv[1])) if sys.argv[1:] else None)
