"""What was measured last, section by section, so that a part can be measured again alone.

`benchmarks/results.json` holds the text of every section of the page with the day and the load of
its sitting, and one point a size for the curves: whoever measures another size adds to them.
"""

import json
import os
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from benchmarks.measure import ROOT, Cost

PATH = ROOT / "benchmarks" / "results.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section of the page, as it was measured."""

    title: str
    text: str
    measured_on: str
    load: str
    """Processes that wanted a core, on average of the last minutes, before and after."""


@dataclass(slots=True, kw_only=True)
class Results:
    """Everything that was measured."""

    sections: dict[str, Section] = field(default_factory=dict)
    sizes: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    """Profiles, as a text -> what was run -> wall_s, cpu_s, peak_mb."""

    def add_size(self, rows: int, costs: dict[str, Cost]) -> None:
        """Note what the runs at one size took."""
        self.sizes[str(rows)] = {
            name: {
                "wall_s": round(cost.wall_s, 2),
                "cpu_s": round(cost.cpu_s, 2),
                "peak_mb": round(cost.peak_mb),
            }
            for name, cost in costs.items()
        }

    def add_section(self, key: str, *, title: str, text: str, load_before: str) -> None:
        """Note what a section says now."""
        self.sections[key] = Section(
            title=title,
            text=text,
            measured_on=f"{date.today()}",  # noqa: DTZ011 - the day where it ran
            load=f"{load_before} to {load()}",
        )

    def points(self) -> list[tuple[int, dict[str, dict[str, float]]]]:
        """What was measured at each size, the smallest first."""
        return sorted((int(rows), runs) for rows, runs in self.sizes.items())

    def save(self) -> None:
        """Write all down."""
        told = {
            "sections": {key: asdict(section) for key, section in self.sections.items()},
            "sizes": {str(rows): runs for rows, runs in self.points()},
        }
        PATH.write_text(json.dumps(told, indent=1) + "\n")


def known() -> Results:
    """What earlier sittings measured."""
    if not PATH.exists():
        return Results()
    told: dict[str, Any] = json.loads(PATH.read_text())
    sections = {key: Section(**each) for key, each in told["sections"].items()}
    return Results(sections=sections, sizes=told["sizes"])


def load() -> str:
    """How many processes want a core, on average of the last minute."""
    return f"{os.getloadavg()[0]:.1f}"
