"""The page of results: tables with ratios, and which goals were met."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

from benchmarks.measure import Cost
from benchmarks.results import Section

_PACKAGES = (
    *("duckdb", "polars", "pyarrow", "numpy", "phonenumbers", "httpx", "obstore"),
    *("adbc-driver-postgresql", "psycopg", "facebook-business", "google-ads-datamanager-util"),
    "drt-core",
)
_READ = """\
How to read this: every case ran in a fresh process; wall and CPU are medians of up to three runs
(one, where a run takes over a minute or has millions of rows), memory is the highest peak. **Take
the ratios**, and those of CPU before those of wall time: other programs ran on the same cores, and
CPU-seconds suffer less from them. CPU is user and system time of all threads, imports included.
The *limit program* reads two columns of the same Parquet file, trims, lowers, hashes and writes
them, all inside DuckDB: no validation, no phone numbers, no memory of yesterday. Everything from a
file to a plan is measured as the CLI does it, with the old state proven by its hash, until the
plan is committed and the first request would leave. The data are synthetic: 95 % of profiles have
an e-mail (3 % of them bad), 60 % a phone of ten countries in mixed spelling (4 % junk), 30 % a
mobile id. Those of a hundred million profiles are ten variants of ten million people each, so their
Parquet file packs better than one of as many people would.

Not measured: warehouses, real platforms (a call takes them half a second, and their quotas bind
long before any of this), other machines, disks slower than memory, SQL sources across a network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What we want of a number, and what was measured."""

    what: str
    measured: float
    wanted: float
    is_floor: bool = False
    unit: str = "x"

    @property
    def is_met(self) -> bool:
        """Whether the measured number is on the right side."""
        return self.measured >= self.wanted if self.is_floor else self.measured <= self.wanted


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first column is text."""
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))


def costs(named: dict[str, Cost], base: str) -> str:
    """A table of costs, with ratios to one of them."""
    rows = [
        [
            name,
            f"{cost.wall_s:.2f}",
            f"{cost.cpu_s:.2f}",
            f"{cost.wall_s / named[base].wall_s:.1f}",
            f"{cost.cpu_s / named[base].cpu_s:.1f}",
            f"{cost.peak_mb:.0f}",
        ]
        for name, cost in named.items()
    ]
    return table(["", "wall s", "CPU s", "wall ratio", "CPU ratio", "peak MB"], rows)


def phases(named: dict[str, Cost]) -> str:
    """CPU seconds of each phase, and the process's peak at its end."""
    rows = [
        [name, phase, f"{took['wall_s']:.2f}", f"{took['cpu_s']:.2f}", f"{took['peak_mb']:.0f}"]
        for name, cost in named.items()
        for phase, took in cost.said.get("phases", {}).items()
    ]
    return table(["run", "phase", "wall s", "CPU s", "peak MB"], rows)


def goals(wanted: Sequence[Goal]) -> str:
    """A table of goals; those not met say so."""
    rows = [
        [
            goal.what,
            f"{'>=' if goal.is_floor else '<='} {goal.wanted:g} {goal.unit}",
            f"{goal.measured:.2f} {goal.unit}",
            "met" if goal.is_met else "**not met**",
        ]
        for goal in wanted
    ]
    return table(["goal", "wanted", "measured", ""], rows)


def page(sections: Sequence[Section]) -> str:
    """The whole page."""
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    machine = f"{os.cpu_count()} cores, {memory_gb:.0f} GB, {platform.system()}"
    head = (
        "# Benchmarks\n\nWritten by `make bench`; `python -m benchmarks.run --only SECTION`"
        " measures one section again.\n\n"
        f"Python {platform.python_version()}, {machine}; {packages}.\n\n{_READ}\n"
    )
    return head + "".join(
        f"\n## {each.title}\n\n{each.text}\n\nMeasured on {each.measured_on}; load average"
        f" {each.load}.\n"
        for each in sections
    )
