"""`demo`: the whole story on sample people, on every platform side by side, over real HTTP.

Each step does what the command line it names does; `verdict` judges what came of it.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from audsync.services import audiences
from audsync.services.connections.sandbox_access import name_of
from audsync.services.demo import sample_people, verdict
from audsync.services.demo.sample_people import Crowd
from audsync.services.demo.showroom import SEGMENT, Showroom, opened
from audsync.services.doctor import connection_checks
from audsync.services.exports import exporting
from audsync.services.exports.export_wish import Wish
from audsync.services.jobs import planning
from audsync.services.segments import checking

EXPORT_FILE = "customers.jsonl"
_A_DAY_H = 25.0
"""By then every platform has counted what it got the day before."""
_A_WHILE_H = 1.0


class Shape(StrEnum):
    """What the result of a step is, for whoever shows it."""

    FACTS = "facts"
    CHECKS = "checks"
    READINESS = "readiness"
    JOBS = "jobs"
    JOB_IN_DEPTH = "job_in_depth"
    PLANS = "plans"
    AUDIENCES = "audiences"
    SIDE_BY_SIDE = "side_by_side"
    EXPORT = "export"
    VERDICTS = "verdicts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the story."""

    title: str
    command: str
    """What a person would type, a line a command; "" where it is none."""
    shape: Shape
    result: dict[str, Any]


@dataclass(kw_only=True)
class Story:
    """What was done, and whether all went well and every audience was exact when compared."""

    kept_in: Path | None
    connections: tuple[str, ...] = ()
    """Their names in the configuration."""
    steps: list[Step] = field(default_factory=list)
    is_exact: bool = True


def demonstrate(keep: Path | None, *, tell: Callable[[Step], None]) -> Story:
    """Tell the story from the first file to the last receipt, in some seconds.

    Args:
        keep: a folder that is not there yet or empty, to work in and to leave; None for one that
            is gone at the end.
        tell: called after each step.

    Raises:
        UsageError: there is something in `keep`.
        AudsyncError: a step failed.
    """
    story = Story(kept_in=keep)
    with opened(keep) as showroom:
        story.connections = tuple(showroom.runtime.config.connections)
        _Teller(showroom, story, tell).tell_all()
    return story


class _Teller:
    """The story, told step by step."""

    def __init__(self, showroom: Showroom, story: Story, tell: Callable[[Step], None]) -> None:
        self._showroom = showroom
        self._runtime = showroom.runtime
        self._world = showroom.world
        self._story = story
        self._tell = tell
        self._slugs = {name: f"{SEGMENT}-{name}" for name in self._world.platforms}

    def tell_all(self) -> None:
        """From the first file to the last receipt."""
        crowd = sample_people.first_day()
        later, changes = sample_people.next_day(crowd)
        for platform in self._slugs:
            verdict.introduce(self._world, platform, [*crowd.people, *later.people])
        self._write(crowd)
        self._connect()
        self._check()
        self._create()
        self._status("See how it stands: what was accepted, and what is in effect")
        self._showroom.let_pass(hours=_A_DAY_H)
        self._refresh()
        self._status("A day later: ask the platforms what they know by now", " --refresh")
        self._compare(crowd)
        sample_people.write(later, self._showroom.data)
        self._step("The shop exports anew", "", Shape.FACTS, asdict(changes))
        self._plan()
        jobs = self._sync("Send the difference, and nothing but the difference")
        self._receipts(jobs)
        self._showroom.let_pass(hours=_A_WHILE_H)
        self._refresh()
        self._side_by_side()
        self._compare(later)
        self._sync("Sync again: there is nothing to do")
        self._export(later)

    def _write(self, crowd: Crowd) -> None:
        sample_people.write(crowd, self._showroom.data)
        facts = {
            "folder": str(self._runtime.config.folder),
            "sandbox": self._showroom.url,
            "customers": len(crowd.people),
            "opted_out": len(crowd.opted_out),
            "platforms": list(self._slugs),
            "time": "what is waited for a platform passes at once: nobody waits half an hour here",
        }
        title = "A shop's customers in a CSV file, and simulated platforms on this machine"
        self._step(title, "audsync sandbox", Shape.FACTS, facts)

    def _connect(self) -> None:
        checks = [asdict(check) for check in connection_checks.connections(self._runtime)]
        self._story.is_exact &= all(check["ok"] for check in checks)
        title = "A connection to each: do credentials, rights and terms let us in?"
        self._step(title, "audsync doctor", Shape.CHECKS, {"checks": checks})

    def _check(self) -> None:
        platforms = [one.platform for one in self._runtime.config.connections.values()]
        found = checking.check(self._runtime, SEGMENT, platforms)
        title = "How well will the file match? Asked before anything is sent"
        self._step(title, f"audsync check {SEGMENT}", Shape.READINESS, found)

    def _create(self) -> None:
        commands, jobs = [], []
        for platform, slug in self._slugs.items():
            connection = name_of(platform)
            new = audiences.NewAudience(segment=SEGMENT, connection=connection, slug=slug)
            jobs.append(audiences.create(self._runtime, new).job)
            commands.append(f"audsync create {SEGMENT} --connection {connection} --id {slug}")
        self._jobs("Make the audiences and upload everybody", "\n".join(commands), jobs)

    def _refresh(self) -> None:
        self._story.is_exact &= not audiences.refresh(self._runtime)

    def _status(self, title: str, option: str = "") -> None:
        shown = {"audiences": audiences.status(self._runtime)}
        self._step(title, f"audsync status{option}", Shape.AUDIENCES, shown)

    def _side_by_side(self) -> None:
        found = audiences.status(self._runtime, segment=SEGMENT)
        settlements = {one["settlement"]["status"] for one in found if one["settlement"]}
        self._story.is_exact &= settlements <= {"confirmed"}
        title = "An hour later: everything is in effect"
        command = f"audsync status --segment {SEGMENT} --refresh"
        self._step(title, command, Shape.SIDE_BY_SIDE, {"audiences": found})

    def _plan(self) -> None:
        plans = [planning.plan(self._runtime, slug) for slug in self._slugs.values()]
        title = "See what a sync would do, touching nothing"
        self._step(title, "audsync plan --all", Shape.PLANS, {"plans": plans})

    def _sync(self, title: str) -> list[dict[str, Any]]:
        jobs = []
        for slug in self._slugs.values():
            jobs.append(audiences.sync(self._runtime, slug).job)
            self._showroom.clock.catch_up()
        self._jobs(title, "audsync sync --all", jobs)
        return jobs

    def _receipts(self, jobs: list[dict[str, Any]]) -> None:
        """Of the audience whose requests say most: those that are worked off later, if any."""
        job = next((one for one in jobs if one["settlement"]), jobs[0])
        shown = audiences.job_in_depth(self._runtime, job["job_id"])
        title = f"What {job['platform']} answered, request by request"
        self._step(title, f"audsync jobs show {job['job_id'][:8]}", Shape.JOB_IN_DEPTH, shown)

    def _export(self, crowd: Crowd) -> None:
        """Write the segment to a file; it must hold what an audience holds."""
        platform = self._runtime.config.connections[name_of(next(iter(self._slugs)))].platform
        path = self._runtime.config.folder / EXPORT_FILE
        wish = Wish(segment=SEGMENT, out=str(path), format="jsonl", platform=platform)
        done = exporting.export(self._runtime, wish, stdout=sys.stdout.buffer)
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        held = {row[kind] for row in rows for kind in ("email", "phone") if row[kind]}
        guide = self._world.platforms[platform].guide
        wanted = {value for person in crowd.wanted for _, value in person.known_as(guide)}
        self._story.is_exact &= held == wanted
        command = f"audsync export {SEGMENT} --for {platform} --format jsonl --out {EXPORT_FILE}"
        shown = {"report": done.report, "left_out": dict(done.left_out)}
        self._step("Take the hashed segment along as a file", command, Shape.EXPORT, shown)

    def _compare(self, crowd: Crowd) -> None:
        verdicts = [verdict.judge(self._world, platform, crowd) for platform in self._slugs]
        self._story.is_exact &= all(one.is_exact for one in verdicts)
        shown = [{**asdict(one), "is_exact": one.is_exact} for one in verdicts]
        self._step("Look who is in the audiences", "", Shape.VERDICTS, {"platforms": shown})

    def _jobs(self, title: str, command: str, jobs: list[dict[str, Any]]) -> None:
        self._story.is_exact &= all(job["status"] == "completed" for job in jobs)
        self._step(title, command, Shape.JOBS, {"jobs": jobs})

    def _step(self, title: str, command: str, shape: Shape, result: dict[str, Any]) -> None:
        step = Step(title=title, command=command, shape=shape, result=result)
        self._story.steps.append(step)
        self._tell(step)
