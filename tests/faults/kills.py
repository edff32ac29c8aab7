"""Rounds of kills: a seed is a platform, a command, people, and where its run is cut off.

In half of them the power goes at a certain step of the run, in the others SIGKILL comes from
outside at some moment. After each, one clean run on other people must make the audience exact.
"""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from audsync.sandbox.clock import VirtualClock
from audsync.sandbox.serve import serve
from tests.crash.forks import ForkServer, Haste
from tests.crash.harness import Ended, Hasty, Project
from tests.crash.people import Town
from tests.crash.ways import SNAPCHAT, WAYS, Way

ATTEMPTS = 10
_REPLACES = 0.3
_LAST_STEP = 110
"""Most runs have fewer: of these it is the end that is seen more often."""
_LATEST_S = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a round came to."""

    kills: int
    """How many runs were killed indeed: a cut after a run's end is none."""
    wrong: str = ""
    """Which promise was broken; "" for none."""


def play(seed: int) -> Told:
    """Kill some runs, one after the other, on one audience."""
    chance, way = Random(seed), WAYS[seed % len(WAYS)]
    kills, note = 0, ""
    with _stage(way) as project:
        try:
            town = _begin(project, seed)
            for number in range(ATTEMPTS):
                note = f"kills {seed}, {way.label}, attempt {number}"
                kills += _cut_short(project, town, chance).was_killed
                _make_good(project, town, note)
        except Exception as error:  # noqa: BLE001 - whatever broke: it is told, the others go on
            return Told(kills=kills, wrong=f"{note}: {error!r}")
    return Told(kills=kills)


@contextmanager
def _stage(way: Way) -> Iterator[Project]:
    """A platform of its own, and a project folder."""
    with ExitStack() as stack:
        running = stack.enter_context(serve())
        running.world.clock = VirtualClock(Hasty())
        place = Path("/dev/shm") if Path("/dev/shm").is_dir() else None
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="audsync-", dir=place))
        project = Project(
            folder=Path(folder) / "project", sandbox=running.url, forks=_forks(), haste=Haste()
        )
        stack.callback(project.close)
        project.take(way)
        project.write_config()
        yield project


@cache
def _forks() -> ForkServer:
    """One for each process: it ends when its stdin does."""
    return ForkServer()


def _begin(project: Project, seed: int) -> Town:
    town = Town(seed=seed)
    if project.way is SNAPCHAT:  # uploads tell the others who is who
        project.configure(people=town.acquaintances(project.way.names))
    project.write_segment(town.segment())
    project.assert_clean_run(project.create(), f"create, seed {seed}")
    return town


def _cut_short(project: Project, town: Town, chance: Random) -> Ended:
    if project.way.settles:
        project.pass_time()
        project.configure(**chance.choice((project.way.quick, project.way.slow)))
    project.write_segment(town.live())
    step, after_s = chance.randrange(1, _LAST_STEP), chance.uniform(0.0, _LATEST_S)
    is_replace, is_by_step = chance.random() < _REPLACES, chance.random() < 0.5
    if is_replace:
        project.pass_time()
    return project.run(
        *("replace" if is_replace else "sync", project.slug, "--allow-shrink"),
        crash_at=step if is_by_step else None,
        kill_after=None if is_by_step else after_s,
    )


def _make_good(project: Project, town: Town, note: str) -> None:
    project.configure(**project.way.quick)
    project.pass_time()
    project.write_segment(town.live())
    project.bring_in_step(note)
