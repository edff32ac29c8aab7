"""`demo`: the whole story on sample people, against the sandbox over real HTTP.

Each step does what the command line it names does. The judge is independent: the sandbox shares
no code with the connectors, and what must be in the audience comes from `sample_people`.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from audsync.config.load import FILE_NAME, load_config
from audsync.domain import Platform
from audsync.errors import StateError, UsageError
from audsync.sandbox.serve import Running, serve
from audsync.sandbox.world import World
from audsync.services import audiences, checking, exporting, planning, sample_people
from audsync.services.runtime import Runtime
from audsync.services.sample_people import Crowd

SEGMENT, CONNECTION, AUDIENCE = "customers", "meta-sandbox", "customers-meta"
EXPORT_FILE = "customers.jsonl"
LATER = ("google", "tiktok", "snapchat")
_URL_VARIABLE = "DEMO_META_URL"
_CONFIG = """\
# Written by `audsync demo`. To go on with it: run `audsync sandbox` in another terminal.
connections:
  meta-sandbox:
    platform: meta
    account: act_1001
    base_url: ${DEMO_META_URL:-http://127.0.0.1:8787/meta}
    credentials: {access_token: sandbox-meta-token}

segments:
  customers:
    source: {type: file, path: data/customers.csv}
    columns:
      profile_id: customer_id
      email: email
      phone: phone
      first_name: first_name
      last_name: last_name
      country: country
      consent: opt_in
    region: US

suppress:
  - {type: file, path: data/opt_outs.csv, columns: {email: email}}
"""


class Shape(StrEnum):
    """What the result of a step is, for whoever shows it."""

    FACTS = "facts"
    READINESS = "readiness"
    JOB = "job"
    JOB_IN_DEPTH = "job_in_depth"
    PLAN = "plan"
    AUDIENCES = "audiences"
    EXPORT = "export"
    VERDICT = "verdict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the story. `command`: what a person would type; "" where it is no command."""

    title: str
    command: str
    shape: Shape
    result: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The platform's members against the people who must be there, by two measures."""

    identifiers_on_platform: int
    identifiers_in_segment: int
    missing: int
    """Identifiers of the segment that the platform does not hold."""
    unexpected: int
    """Identifiers that the platform holds and the segment does not."""
    people_on_platform: int
    people_in_segment: int
    plaintext_seen: int
    """Raw e-mails and phones that arrived at the platform."""

    @property
    def is_exact(self) -> bool:
        """Whether the platform holds the segment, and nothing else."""
        is_same = self.people_on_platform == self.people_in_segment
        return is_same and not (self.missing or self.unexpected or self.plaintext_seen)


@dataclass(kw_only=True)
class Story:
    """What was done, and whether the audience was exact whenever it was compared."""

    kept_in: Path | None
    steps: list[Step] = field(default_factory=list)
    is_exact: bool = True


def demonstrate(keep: Path | None, *, tell: Callable[[Step], None]) -> Story:
    """Tell the story from the first file to the last receipt, in a few seconds.

    Args:
        keep: a folder that is not there yet or empty, to work in and to leave; None for one that
            is gone at the end.
        tell: called after each step.

    Raises:
        UsageError: there is something in `keep`.
        AudsyncError: a step failed.
    """
    story = Story(kept_in=keep)
    with _folder(keep) as folder, serve() as running:
        (folder / "data").mkdir()
        (folder / FILE_NAME).write_text(_CONFIG, encoding="utf-8")
        config = load_config(folder / FILE_NAME, {_URL_VARIABLE: running.base_urls["meta"]})
        runtime = Runtime(config=config)
        try:
            with runtime.stop.on_signals():
                _Teller(runtime, running, story, tell).tell_all()
        finally:
            runtime.database.dispose()
    return story


class _Teller:
    """The story, told step by step."""

    def __init__(
        self, runtime: Runtime, running: Running, story: Story, tell: Callable[[Step], None]
    ) -> None:
        self._runtime = runtime
        self._world: World = running.world
        self._url = running.url
        self._story = story
        self._tell = tell

    def tell_all(self) -> None:
        """From the first file to the last receipt."""
        crowd = sample_people.first_day()
        self._write(crowd)
        self._check()
        self._create()
        self._status()
        self._compare(crowd)
        later, changes = sample_people.next_day(crowd)
        sample_people.write(later, self._data)
        self._step("A day later the shop exports anew", "", Shape.FACTS, asdict(changes))
        self._plan()
        job = self._sync("Send the difference, and nothing but the difference")
        self._receipts(job["job_id"])
        self._compare(later)
        self._sync("Sync again: there is nothing to do")
        self._export(later)

    @property
    def _data(self) -> Path:
        return self._runtime.config.folder / "data"

    def _write(self, crowd: Crowd) -> None:
        sample_people.write(crowd, self._data)
        facts = {
            "folder": str(self._runtime.config.folder),
            "sandbox": self._url,
            "customers": len(crowd.people),
            "opted_out": len(crowd.opted_out),
            "platforms": list(self._world.platforms),
            "platforms_of_later_versions": list(LATER),
        }
        title = "A shop's customers in a CSV file, and a simulated Meta on this machine"
        self._step(title, "audsync sandbox", Shape.FACTS, facts)

    def _check(self) -> None:
        found = checking.check(self._runtime, SEGMENT, [Platform.META])
        title = "How well will the file match? Asked before anything is sent"
        self._step(title, f"audsync check {SEGMENT} --for meta", Shape.READINESS, found)

    def _create(self) -> None:
        new = audiences.NewAudience(segment=SEGMENT, connection=CONNECTION, slug=AUDIENCE)
        report = audiences.create(self._runtime, new)
        command = f"audsync create {SEGMENT} --connection {CONNECTION} --id {AUDIENCE}"
        self._job("Make the audience and upload everybody", command, report.job)

    def _status(self) -> None:
        shown = {"audiences": audiences.status(self._runtime)}
        self._step("See how it stands", "audsync status", Shape.AUDIENCES, shown)

    def _plan(self) -> None:
        planned = planning.plan(self._runtime, AUDIENCE)
        title = "See what a sync would do, touching nothing"
        self._step(title, f"audsync plan {AUDIENCE}", Shape.PLAN, planned)

    def _sync(self, title: str) -> dict[str, Any]:
        report = audiences.sync(self._runtime, AUDIENCE)
        self._job(title, f"audsync sync {AUDIENCE}", report.job)
        return report.job

    def _receipts(self, job_id: str) -> None:
        shown = audiences.job_in_depth(self._runtime, job_id)
        title = "What the platform confirmed, request by request"
        self._step(title, f"audsync jobs show {job_id[:8]}", Shape.JOB_IN_DEPTH, shown)

    def _export(self, crowd: Crowd) -> None:
        """Write the segment to a file; it must hold what the audience holds."""
        path = self._runtime.config.folder / EXPORT_FILE
        wish = exporting.Wish(segment=SEGMENT, out=str(path), format="jsonl")
        done = exporting.export(self._runtime, wish, stdout=sys.stdout.buffer)
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        held = {row[kind] for row in rows for kind in ("email", "phone") if row[kind]}
        self._story.is_exact &= held == _hashes(crowd)
        command = f"audsync export {SEGMENT} --format jsonl --out {EXPORT_FILE}"
        shown = {"report": done.report, "left_out": dict(done.left_out)}
        self._step("Take the hashed segment along as a file", command, Shape.EXPORT, shown)

    def _compare(self, crowd: Crowd) -> None:
        verdict = _verdict(self._world, crowd)
        self._story.is_exact &= verdict.is_exact
        facts = {**asdict(verdict), "is_exact": verdict.is_exact}
        self._step("Ask the platform who is in the audience", "", Shape.VERDICT, facts)

    def _job(self, title: str, command: str, job: dict[str, Any]) -> None:
        self._story.is_exact &= job["status"] == "completed"
        self._step(title, command, Shape.JOB, job)

    def _step(self, title: str, command: str, shape: Shape, result: dict[str, Any]) -> None:
        step = Step(title=title, command=command, shape=shape, result=result)
        self._story.steps.append(step)
        self._tell(step)


def _verdict(world: World, crowd: Crowd) -> Verdict:
    remote = world.remotes("meta", with_persons=False)[0]
    held = {value for _, value in remote.identifiers}
    wanted = _hashes(crowd)
    return Verdict(
        identifiers_on_platform=len(held),
        identifiers_in_segment=len(wanted),
        missing=len(wanted - held),
        unexpected=len(held - wanted),
        people_on_platform=remote.person_count,
        people_in_segment=len(crowd.wanted),
        plaintext_seen=len(world.journal.violations),
    )


def _hashes(crowd: Crowd) -> set[str]:
    return {value for person in crowd.wanted for value in person.hashes}


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="audsync-demo-") as folder:
            yield Path(folder)
        return
    try:
        keep.mkdir(parents=True, exist_ok=True)
        is_taken = any(keep.iterdir())
    except OSError as error:
        raise StateError(
            f"{keep} cannot be used: {error.strerror}. Name another folder with --keep.",
            details={"folder": str(keep)},
        ) from error
    if is_taken:
        raise UsageError(
            f"There is something in {keep} already: name a new folder with --keep.",
            details={"folder": str(keep)},
        )
    yield keep.absolute()
