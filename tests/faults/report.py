"""Writes into docs/reliability.md what is covered, and what the last `make chaos` came to.

`python -m tests.faults.report [JUNIT.xml] [SOAK.json]`: without files only the table is written.
"""

import json
import platform
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.faults.matrix import PLATFORMS, ROWS, Row

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
_AREAS = {
    "tests.sim.": "histories and crashes in one process",
    "tests.crash.": "processes that are killed, storms",
    "tests.faults.": "networks, answers, disks, stores, clocks, hosts that fail",
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


def results(tallies: Mapping[str, Tally], soak: Mapping[str, Any]) -> str:
    """What a run of `make chaos` came to."""
    today = datetime.now(UTC).date().isoformat()
    lines = [f"Run on {today}, {platform.machine()}, Python {platform.python_version()}.", ""]
    if tallies:
        lines += [_line(["what", "passed", "failed", "skipped", "seconds"]), _line(["---"] * 5)]
    for area, tally in tallies.items():
        counts = [tally.passed, tally.failed, tally.skipped, round(tally.seconds)]
        lines.append(_line([area, *map(str, counts)]))
    if soak:
        lines += ["", _line(["soak", ""]), _line(["---"] * 2)]
        lines += [_line([name, str(value)]) for name, value in soak.items()]
    return "\n".join(lines)


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


def main(arguments: list[str]) -> None:
    """Write the page."""
    files = [Path(each) for each in arguments]
    junit = [file for file in files if file.suffix == ".xml" and file.exists()]
    soak = [file for file in files if file.suffix == ".json" and file.exists()]
    text = with_section(PAGE.read_text("utf-8"), "table", table())
    if junit or soak:
        tallies = tallies_of(junit[0]) if junit else {}
        told = json.loads(soak[0].read_text("utf-8")) if soak else {}
        text = with_section(text, "results", results(tallies, told))
    PAGE.write_text(text, "utf-8")


def _cell(row: Row, name: str) -> str:
    if name not in row.on:
        return "-"
    marks = ("R" if row.is_real(name) else "", "S" if row.is_simulated(name) else "")
    return " ".join(filter(None, marks))


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main(sys.argv[1:])
