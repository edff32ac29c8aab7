"""`run-due` with real processes: two hosts at once, a signal, a kill; afterwards all is exact."""

import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from audsync.clock import SystemClock
from audsync.store.database import Database
from audsync.store.tables import PlatformAudience
from tests.crash.harness import Ended, Project, Started, wait_until
from tests.crash.people import Town
from tests.databases import KINDS, fresh_url

SLUGS = ("a", "b", "c", "d")
UNGUARDED = "audiences: {" + ", ".join(
    f"{slug}: {{segment: vip, connection: meta-main, name: {slug},"
    " guard: {max_removed_percent: 100}}"
    for slug in SLUGS
) + "}\n"  # fmt: skip


@pytest.fixture
def town(
    project: Project, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[Project, Town]]:
    """Four audiences that are in step, and due; then the segment changes."""
    with fresh_url(str(request.param), tmp_path) as url:
        project.store, project.more_config = url, UNGUARDED
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
