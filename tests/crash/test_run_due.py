"""`run-due` with real processes: two hosts at once, a signal, a kill; afterwards all is exact."""

import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlmodel import select

from audsync.clock import SystemClock
from audsync.store.database import Database
from audsync.store.tables import PlatformAudience
from tests.crash.harness import Ended, Project, Started, assert_books_close, wait_until
from tests.crash.people import Town
from tests.crash.ways import GOOGLE, META, SNAPCHAT, TIKTOK, TIKTOK_FILES, Way
from tests.databases import KINDS, fresh_url

IS_THOROUGH = bool(os.environ.get("AUDSYNC_CHAOS"))
SEED = int(os.environ.get("AUDSYNC_CHAOS_SEED", "1"))
KILLS = 40 if IS_THOROUGH else 1
_LAST_STEP = 330
"""Of a `run-due` that works on four audiences at once, about."""
_MOST_RUNS = 5
SLUGS = ("a", "b", "c", "d")
HOUR_S = 3600.0


def unguarded(connections: Mapping[str, str]) -> str:
    """`audiences` of the file, by slug: an hour's rhythm, and nothing that chance could offend."""
    lines = [
        f"  {slug}: {{segment: vip, connection: {connection}, name: {slug}, every: 1h,"
        " guard: {max_removed_percent: 100}}\n"
        for slug, connection in connections.items()
    ]
    return f"audiences:\n{''.join(lines)}"


@pytest.fixture
def town(
    project: Project, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[Project, Town]]:
    """Four audiences that are in step, and due; then the segment changes."""
    with fresh_url(str(request.param), tmp_path) as url:
        project.store = url
        project.more_config = unguarded(dict.fromkeys(SLUGS, META.connection))
        project.write_config()
        town = Town(seed=5)
        project.write_segment(town.segment())
        for slug in SLUGS:
            project.slug = slug
            assert project.create().code == 0
        project.write_segment(town.live())
        make_due(url)
        yield project, town


def make_due(url: str) -> None:
    """Every audience was due a minute ago, whatever came last."""
    database = Database(url, clock=SystemClock())
    with database.transaction() as session:
        for audience in session.exec(select(PlatformAudience)).all():
            audience.next_sync_at = datetime.now(UTC) - timedelta(minutes=1)
            session.add(audience)
    database.dispose()


def start(project: Project, *options: str) -> Started:
    return project.start("run-due", "--json", *options)


def scheduled(*runs: Ended) -> list[dict[str, Any]]:
    return [job for run in runs for job in run.json["jobs"]]


def assert_all_exact(project: Project) -> None:
    for slug in SLUGS:
        project.slug = slug
        project.assert_exact(slug)


@pytest.mark.parametrize("town", KINDS, indirect=True)
def test_two_at_once_share_out_what_is_due(town: tuple[Project, Town]) -> None:
    project, _ = town
    both = [start(project), start(project)]
    ended = [one.end() for one in both]
    jobs = scheduled(*ended)
    assert [one.code for one in ended] == [0, 0], "\n".join(map(str, ended))
    assert sorted(job["audience"] for job in jobs) == list(SLUGS), "each by one of them"
    assert [one.json["skipped"] for one in ended] == [[], []]
    assert_all_exact(project)


@pytest.mark.parametrize("town", ["sqlite"], indirect=True)
def test_a_signal_ends_it_in_good_order(town: tuple[Project, Town]) -> None:
    project, _ = town
    project.arm({"kind": "slow", "path": "/users", "seconds": 2, "times": 4})
    run = start(project, "--max-concurrent", "2")
    wait_until(lambda: any(call["fault"] for call in project.requests()), "a slow request")
    run.send(signal.SIGTERM)
    ended = run.end()
    assert ended.code == 130, str(ended)
    assert {job["status"] for job in ended.json["jobs"]} == {"cancelled"}
    assert {one["reason"] for one in ended.json["skipped"]} == {"CANCELLED"}
    assert len(ended.json["jobs"]) + len(ended.json["skipped"]) == len(SLUGS)
    project.calm()
    rest = start(project).end()
    assert rest.code == 0, str(rest)
    assert sorted(job["audience"] for job in scheduled(rest)) == list(SLUGS)
    assert_all_exact(project)


@pytest.mark.parametrize("town", ["postgresql"], indirect=True)
def test_what_a_killed_run_left_is_finished_by_the_next(town: tuple[Project, Town]) -> None:
    project, _ = town
    project.arm({"kind": "slow", "path": "/users", "seconds": 3, "times": 4})
    run = start(project)
    wait_until(lambda: any(call["fault"] for call in project.requests()), "a slow request")
    run.send(signal.SIGKILL)
    assert run.end().was_killed
    project.calm()
    make_due(project.store)
    rest = start(project).end()
    assert rest.code == 0, str(rest)
    assert sorted(job["audience"] for job in scheduled(rest)) == list(SLUGS)
    assert_all_exact(project)
    history = project.run("jobs").json["jobs"]
    assert {job["status"] for job in history} == {"completed", "failed"}


@dataclass(kw_only=True)
class Quarter:
    """One segment on four platforms at once, each with an audience that is due."""

    project: Project
    ways: tuple[Way, ...]
    town: Town

    def settle_in(self) -> None:
        """Make the audiences, and let the platforms work them off."""
        project = self.project
        project.others = self.ways
        project.more_config = unguarded({way.label: way.connection for way in self.ways})
        project.write_segment(self.town.segment())
        for way in self.ways:
            project.take(way)
            if way is SNAPCHAT:  # uploads tell the others who is who
                project.configure(people=self.town.acquaintances(way.names))
            project.write_config()
            project.slug = way.label
            assert project.create().code == 0
        project.pass_time()

    def run(self, *, crash_at: int | None = None) -> Ended:
        """`run-due`, when all is due and what was accepted is worked off."""
        self.project.pass_time(2 * HOUR_S)
        return self.project.run("run-due", crash_at=crash_at)

    def finish(self, note: str) -> None:
        """Runs until nothing waits for a platform any more; then all is exact."""
        for _ in range(_MOST_RUNS):
            ended = self.run()
            assert ended.code in (0, 3, 6), f"{note}: {ended}"
            for job in ended.json["jobs"]:
                assert_books_close(job, note)
            told = [job["settlement"] or {} for job in ended.json["jobs"]]
            is_settled = all(each.get("status") != "pending" for each in told)
            if ended.code == 0 and is_settled and len(told) == len(self.ways):
                break
        for way in self.ways:
            self.project.way, self.project.slug = way, way.label
            self.project.assert_exact(f"{note}, {way.label}")
        self.project.assert_nothing_left()


@pytest.mark.parametrize(
    "ways",
    [(META, GOOGLE, TIKTOK, SNAPCHAT), (META, GOOGLE, TIKTOK_FILES, SNAPCHAT)],
    ids=["streaming", "files"],
)
def test_four_platforms_at_once_survive_a_kill_at_any_step(
    hasty_project: Project, ways: tuple[Way, ...]
) -> None:
    """Which thread has come how far by a step is left to chance, as in life."""
    chance = Random(SEED)
    quarter = Quarter(project=hasty_project, ways=ways, town=Town(seed=SEED))
    quarter.settle_in()
    for _ in range(KILLS):
        step = chance.randrange(1, _LAST_STEP)
        hasty_project.write_segment(quarter.town.live())
        quarter.run(crash_at=step)
        hasty_project.write_segment(quarter.town.live())
        quarter.finish(f"after a kill at step {step}")
