"""Two hosts sync four platforms for minutes, while everything that can go wrong does.

`python -m tests.faults.soak --seconds 600 --seed 1 --out soak.json`: each host calls `run-due`
again and again; segments change, answers get lost, platforms rest, tokens die, and a process is
killed every few seconds. Then all is well, and one clean run an audience must make it exact, with
every job's books closed and every lock free. It ends with 1 and says why if it does not.
"""

import argparse
import json
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from sqlmodel import select

from audsync.clock import SystemClock
from audsync.sandbox.clock import VirtualClock
from audsync.sandbox.serve import serve
from audsync.store.database import Database
from audsync.store.tables import AudienceSyncJob
from tests.crash.forks import Forked, ForkServer, Haste
from tests.crash.harness import Hasty, Project, assert_books_close
from tests.crash.people import Town
from tests.crash.test_run_due import make_due, unguarded
from tests.crash.ways import GOOGLE, META, SNAPCHAT, TIKTOK
from tests.databases import fresh_url
from tests.faults.hosts import LEASE_S, REQUEST_TIMEOUT_S, Host, kind, two_hosts
from tests.faults.test_people_must_act import MENDED, TROUBLE

WAYS = (META, GOOGLE, TIKTOK, SNAPCHAT)
_TICK_S = 0.5
_BOOKS = ("profiles_read", "profiles_unchanged", "profiles_sent", "profiles_pending")
_TAKEN = ("profiles_added", "profiles_failed")
_FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "rate_limit", "wait_min": 0},
    {"kind": "status", "status": 500, "when": "before"},
    {"kind": "status", "status": 502, "when": "after"},
    {"kind": "reset", "when": "after"},
    {"kind": "hang", "when": "after", "seconds": 1},
    {"kind": "cut"},
    {"kind": "broken_json"},
    {"kind": "html"},
    {"kind": "late", "calls": 2, "reply": "error"},
)


@dataclass(kw_only=True)
class Soak:
    """One of them: what it hurts, and what it has counted."""

    project: Project
    hosts: tuple[Host, Host]
    town: Town
    chance: Random
    counts: Counter[str] = field(default_factory=Counter)
    memory_kb: list[int] = field(default_factory=list)
    """The largest process at each look."""
    dead: str = ""
    """Label of the platform whose token is dead now."""

    def settle_in(self) -> None:
        """Make the audiences."""
        project = self.project
        project.write_segment(self.town.segment())
        for way in WAYS:
            project.take(way)
            if way is SNAPCHAT:  # uploads tell the others who is who
                project.configure(people=self.town.acquaintances(way.names))
            project.write_config()
            project.slug = way.label
            made = project.create()
            assert made.code == 0, str(made)
        for host in self.hosts:
            host.write_config()

    def live(self, seconds: float) -> None:
        """Let everything go wrong for so long."""
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            make_due(self.project.store)
            for host in self.hosts:
                self._keep_busy(host)
            self._hurt()
            time.sleep(_TICK_S)
        for host in self.hosts:
            if host.running is not None:
                self._note(host)

    def heal(self) -> None:
        """All is well again: one clean run an audience, on other people.

        Raises:
            AssertionError: one of them is not exact, or a job's books do not close.
        """
        project = self.project
        self._mend()
        for host in self.hosts:
            host.proxy.open()
            host.connect()
        project.request_timeout = project.max_wait = 20.0
        time.sleep(LEASE_S)  # a lease of a dead process of another host ends by itself
        project.write_segment(self.town.live())
        for way in WAYS:
            project.way, project.slug = way, way.label
            project.write_config()
            project.calm()
            project.pass_time()
            project.run("resume", way.label)
            project.bring_in_step(way.label)
        self._check_books()

    def told(self, seconds: float, seed: int) -> dict[str, Any]:
        """The figures."""
        quarter = max(1, len(self.memory_kb) // 4)
        early, late = max(self.memory_kb[:quarter]), max(self.memory_kb[-quarter:])
        codes = {name: count for name, count in self.counts.items() if name.startswith("exit ")}
        failed = {name: count for name, count in self.counts.items() if name.startswith("failed ")}
        return {
            "seconds": round(seconds),
            "seed": seed,
            "runs of run-due": self.counts["runs"],
            "ended with": ", ".join(f"{name[5:]}: {codes[name]}" for name in sorted(codes)),
            "jobs of runs that ended with 1": ", ".join(
                f"{name[7:]}: {failed[name]}" for name in sorted(failed)
            ),
            "killed with SIGKILL": self.counts["kills"],
            "faults that struck, at least": self.counts["faults"],
            "hosts": kind(),
            "platforms away for one host": self.counts["outages"],
            "the other host cut off from all": self.counts["cut off"],
            "dead tokens": self.counts["tokens"],
            "jobs": self.counts["jobs"],
            "jobs whose books do not close": 0,
            "audiences that are not exact": 0,
            "locks that are held": 0,
            "largest process, first quarter": f"{early // 1024} MB",
            "largest process, last quarter": f"{late // 1024} MB",
        }

    def _keep_busy(self, host: Host) -> None:
        running = host.running
        if running is not None:
            self._look_at(running.process)
            if running.process.poll() is None:
                return
            self._note(host)
        host.start("run-due", "--max-concurrent", "2")
        self.counts["runs"] += 1

    def _note(self, host: Host) -> None:
        assert host.running is not None
        ended = host.running.end()
        host.running = None
        self.counts[f"exit {ended.code}"] += 1
        for job in ended.json.get("jobs", []) if ended.code == 1 else ():
            self.counts[f"failed {(job['error'] or {}).get('code')}"] += 1

    def _look_at(self, process: object) -> None:
        assert isinstance(process, Forked)
        try:
            lines = Path(f"/proc/{process.pid}/status").read_text("ascii").splitlines()
        except OSError:
            return  # it has ended
        self.memory_kb += [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]

    def _hurt(self) -> None:
        project, chance = self.project, self.chance
        if chance.random() < 0.4:
            project.write_segment(self.town.live())
        if chance.random() < 0.3:
            rule = {"nth": chance.randrange(1, 6), **chance.choice(_FAULTS)}
            project.arm({"platform": chance.choice(WAYS).platform, **rule})
            self.counts["faults"] += 1
        if chance.random() < 0.15:
            victim = chance.choice(self.hosts)
            victim.signal(signal.SIGKILL)
            self.counts["kills"] += victim.running is not None
        self._separate()
        if self.dead and chance.random() < 0.3:
            self._mend()
        elif chance.random() < 0.05:
            project.way = chance.choice(WAYS)
            self.dead = project.way.label
            project.configure(**TROUBLE[self.dead]["dead"])
            self.counts["tokens"] += 1

    def _separate(self) -> None:
        """Take the platforms from one host, and everything from the other; or give them back."""
        chance, (first, second) = self.chance, self.hosts
        if chance.random() < 0.05:
            first.proxy.shut()
            self.counts["outages"] += 1
        elif chance.random() < 0.3:
            first.proxy.open()
        if chance.random() < 0.05:
            second.cut_off()
            self.counts["cut off"] += 1
        elif chance.random() < 0.3:
            second.connect()

    def _mend(self) -> None:
        """Make the tokens good, as a person would, and resume what was stopped for it."""
        if self.dead:
            (self.project.way,) = [way for way in WAYS if way.label == self.dead]
            self.project.configure(**MENDED[self.dead])
            self.project.run("resume", self.dead)
        self.dead = ""

    def _check_books(self) -> None:
        database = Database(self.project.store, clock=SystemClock())
        with database.reading() as session:
            jobs = session.exec(select(AudienceSyncJob)).all()
        database.dispose()
        self.counts["jobs"] = len(jobs)
        for job in jobs:
            told = {name: getattr(job, name) for name in (*_BOOKS, *_TAKEN)}
            assert_books_close({**told, "profiles_skipped": job.profiles_skipped}, str(job.id))


@contextmanager
def stage(seed: int) -> Iterator[Soak]:
    """Platforms, hosts and a store of their own."""
    with ExitStack() as stack:
        running = stack.enter_context(serve())
        running.world.clock = VirtualClock(Hasty())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="audsync-soak-")))
        forks = ForkServer()
        stack.callback(forks.close)
        project = Project(
            folder=folder / "project",
            sandbox=running.url,
            forks=forks,
            haste=Haste(),
            others=WAYS,
            more_config=unguarded({way.label: way.connection for way in WAYS}),
            request_timeout=REQUEST_TIMEOUT_S,
            max_wait=2.0,
        )
        project.store = stack.enter_context(fresh_url("postgresql", folder))
        project.write_config()
        stack.callback(project.close)
        hosts = stack.enter_context(two_hosts(project))
        yield Soak(project=project, hosts=hosts, town=Town(seed=seed), chance=Random(seed))


def main() -> int:
    """Soak, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    with stage(asked.seed) as soak:
        soak.settle_in()
        soak.live(asked.seconds)
        soak.heal()
        told = soak.told(asked.seconds, asked.seed)
    if asked.out is not None:
        asked.out.write_text(json.dumps(told, indent=1) + "\n")
    sys.stdout.write("".join(f"{name}: {value}\n" for name, value in told.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
