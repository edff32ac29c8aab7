"""What a command costs before it does anything: the CPU of starts that cron pays every minute."""

import tempfile
from pathlib import Path

from benchmarks.measure import Cost, repeat

TIMES = 7
BASE = "python -c pass"
DUE = "audsync run-due, nothing due"
_CONFIG = """
store: {{url: "sqlite:///{folder}/audsync.db"}}
state: {{url: "{folder}/state"}}
"""


def costs() -> dict[str, Cost]:
    """Medians of the interpreter, `--version`, `status` of no audience, and an idle `run-due`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "audsync.yaml"
        path.write_text(_CONFIG.format(folder=folder))
        status = ("-m", "audsync", "--config", str(path), "status")
        due = ("-m", "audsync", "--config", str(path), "run-due", "--quiet")
        repeat(*due, times=1)  # makes the store
        return {
            BASE: repeat("-c", "pass", times=TIMES),
            "audsync --version": repeat("-m", "audsync", "--version", times=TIMES),
            "audsync status": repeat(*status, times=TIMES),
            DUE: repeat(*due, times=TIMES),
        }


if __name__ == "__main__":
    for name, cost in costs().items():
        print(f"{name}: {cost.cpu_s:.2f} CPU-s, {cost.wall_s:.2f} s")
