"""The long form: millions of histories, thousands of kills, every fault everywhere, and a soak.

`python -m tests.faults.chaos --histories 2000000 --kills 5000 --soak 600 --seed 1`: takes many
hours by these defaults, so it may be stopped at any time (SIGINT, SIGTERM): what was done is in
build/chaos.json and in docs/reliability.md, and the same command with the same seed goes on there.
It ends with 1 where a promise was broken, and says by which seed that can be seen again.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from types import FrameType

from tests.faults import kills, report

ROOT = Path(__file__).parents[2]
CHUNK = 250
"""Histories that a process lives through at once."""
_TESTS = ("tests/crash", "tests/faults")


@dataclass(slots=True, kw_only=True)
class Chunk:
    """What one piece of a sweep came to."""

    seeds: int
    """How many seeds it took."""
    struck: int
    """How many histories were lived through, or processes killed."""
    failed: list[str] = field(default_factory=list)
    """One line for each that broke a promise: its seed, and what was wrong."""


@dataclass(slots=True, kw_only=True)
class Sweep:
    """How far many seeds in their order have come."""

    first: int
    seeds: int = 0
    """How many of them are done, without a gap."""
    struck: int = 0
    failed: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, chunk: Chunk) -> None:
        """Count the next chunk."""
        self.seeds += chunk.seeds
        self.struck += chunk.struck
        self.failed += chunk.failed


def histories(first: int) -> Chunk:
    """Live through the histories of CHUNK seeds."""
    from tests.sim.history import play

    chunk = Chunk(seeds=CHUNK, struck=0)
    for seed in range(first, first + CHUNK):
        chunk.struck += 1
        try:
            play(seed)
        except Exception as error:  # noqa: BLE001 - whatever broke: it is told, the others go on
            chunk.failed.append(f"history {seed}: {error!r}")
    return chunk


def killed(first: int) -> Chunk:
    """Kill the runs of one round, each made good by a clean one."""
    told = kills.play(first)
    return Chunk(seeds=1, struck=told.kills, failed=[told.wrong] if told.wrong else [])


@dataclass(slots=True)
class Progress:
    """What was done so far; `file` has it whenever a chunk is over."""

    file: Path
    done: report.Chaos

    @classmethod
    def open(cls, file: Path, seed: int) -> "Progress":
        """What is in the file if it is of this seed, else a new beginning."""
        if file.exists():
            found = report.Chaos.read(file)
            if found.seed == seed:
                return cls(file, found)
        file.parent.mkdir(exist_ok=True)
        return cls(file, report.Chaos(seed=seed, began=datetime.now(UTC).date().isoformat()))

    def sweep(self, name: str, work: Callable[[int], Chunk], *, wanted: int, jobs: int) -> None:
        """Take one seed after the other until enough was struck."""
        found = self.done.sweeps.get(name)
        state = Sweep(**found) if found else Sweep(first=self.done.seed)
        before, began = state.seconds, time.monotonic()
        step = CHUNK if work is histories else 1
        starts = count(state.first + state.seeds, step)
        for chunk in in_order(work, starts, lambda: state.struck < wanted, jobs=jobs):
            state.add(chunk)
            state.seconds = before + time.monotonic() - began
            for line in chunk.failed:
                sys.stdout.write(f"{line}\n")
            self.done.sweeps[name] = asdict(state)
            self.save()

    def save(self) -> None:
        """Write it down, the old file being there until the new one is."""
        unfinished = self.file.with_suffix(".new")
        unfinished.write_text(json.dumps(asdict(self.done), indent=1) + "\n", "utf-8")
        unfinished.replace(self.file)


def in_order(
    work: Callable[[int], Chunk],
    starts: Iterator[int],
    is_wanted: Callable[[], bool],
    *,
    jobs: int,
) -> Iterator[Chunk]:
    """Do chunks in processes of their own, and yield them in the order of their seeds.

    Nothing new is begun once no more `is_wanted`; what comes later than that is thrown away, so
    that the same wish has the same end whatever the number of processes.
    """
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_be_quiet)
    under_way: list[Future[Chunk]] = []
    try:
        while is_wanted():
            while len(under_way) < 2 * jobs:
                under_way.append(pool.submit(work, next(starts)))
            wait(under_way[:1], return_when=FIRST_COMPLETED)
            yield under_way.pop(0).result()
    finally:
        pool.shutdown(cancel_futures=True)


def _be_quiet() -> None:
    """No logs in a process of the pool, quick garbage, and its parent tells it when to stop."""
    import gc
    import logging

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.disable(logging.CRITICAL)
    gc.set_threshold(50_000, 20, 50)


def run_tests(progress: Progress, jobs: int) -> None:
    """Every kill and every fault on every platform, as pytest runs them."""
    if progress.done.tests:
        return
    junit = progress.file.with_suffix(".xml")
    command = [sys.executable, "-m", "pytest", "-q", f"-n{jobs}", "--junitxml", str(junit)]
    more = {"AUDSYNC_CHAOS": "1", "AUDSYNC_CHAOS_SEED": str(progress.done.seed)}
    subprocess.run([*command, *_TESTS], cwd=ROOT, env={**os.environ, **more}, check=False)
    progress.done.tests = {name: asdict(each) for name, each in report.tallies_of(junit).items()}
    progress.save()


def soak(progress: Progress, seconds: float) -> None:
    """Two hosts, four platforms, and everything goes wrong for so long."""
    if progress.done.soak or not seconds:
        return
    file = progress.file.with_name("soak.json")
    file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "tests.faults.soak", "--seconds", str(seconds)]
    ended = subprocess.run(
        [*command, "--seed", str(progress.done.seed), "--out", str(file)], cwd=ROOT, check=False
    )
    told = json.loads(file.read_text("utf-8")) if file.exists() else {}
    progress.done.soak = told or {"seconds": seconds, "broke off with exit code": ended.returncode}
    progress.save()


def main() -> int:
    """Do what is asked for, and write it all down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--histories", type=int, default=2_000_000)
    parser.add_argument("--kills", type=int, default=5_000)
    parser.add_argument("--soak", type=float, default=600, metavar="SECONDS")
    parser.add_argument("--seed", type=int, default=1, help="of the first history and kill")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--without-tests", action="store_true", help="no pytest")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "chaos.json")
    asked = parser.parse_args()
    progress = Progress.open(asked.out, asked.seed)
    signal.signal(signal.SIGTERM, _stop)
    try:
        soak(progress, asked.soak)
        progress.sweep("kills", killed, wanted=asked.kills, jobs=asked.jobs)
        if not asked.without_tests:
            run_tests(progress, asked.jobs)
        progress.sweep("histories", histories, wanted=asked.histories, jobs=asked.jobs)
    except KeyboardInterrupt:
        sys.stdout.write("stopped; the same command goes on from here\n")
        return 130
    finally:
        report.write(progress.done)
    return 1 if progress.done.is_broken() else 0


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
