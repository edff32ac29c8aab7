"""Running one case in a fresh process, and what the system says it took."""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One process from start to end. CPU is user and system time of all its threads."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    """Megabytes (10^6 bytes) resident at most."""
    said: dict[str, Any]
    """The JSON on the last line it printed."""


def run(*command: str) -> Cost:
    """Run a command of this interpreter to its end, such as `-m`, `benchmarks.limit`.

    Raises:
        RuntimeError: it failed.
    """
    with tempfile.TemporaryFile() as out:
        began = time.perf_counter()
        process = subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
        out.seek(0)
        lines = out.read().decode().splitlines()
    said = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    return Cost(
        wall_s=wall_s,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_mb=usage.ru_maxrss * 1024 / 10**6,
        said=said,
    )


def typical(costs: list[Cost]) -> Cost:
    """Medians of wall and CPU, the highest peak, and what the run of median CPU said."""
    by_cpu = sorted(costs, key=lambda cost: cost.cpu_s)
    return Cost(
        wall_s=median(cost.wall_s for cost in costs),
        cpu_s=median(cost.cpu_s for cost in costs),
        peak_mb=max(cost.peak_mb for cost in costs),
        said=by_cpu[len(by_cpu) // 2].said,
    )


def repeat(*command: str, times: int, until_s: float = 60.0) -> Cost:
    """The typical cost of `times` runs; a run longer than `until_s` is not repeated."""
    costs = [run(*command)]
    while len(costs) < times and costs[0].wall_s < until_s:
        costs.append(run(*command))
    return typical(costs)
