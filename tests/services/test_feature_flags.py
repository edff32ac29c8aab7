"""A platform that is switched off gets nothing, and what is known of it stays as it is."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from audsync.domain import RemoteId
from audsync.errors import FeatureDisabledError
from audsync.services import audiences, stale
from audsync.services.cron.run_due import Pace, run_due
from audsync.services.jobs import retrying
from audsync.services.wiring.runtime import Runtime
from tests.services.conftest import CONFIG, Project

ANN = {"id": "1", "email": "ann@x.co"}
TABLES = ("platform_audience", "audience_sync_job", "batch", "head")
SWITCHES = ["audience_sync", "audience_sync_meta"]


def _create(runtime: Runtime, slug: str) -> object:
    new = audiences.NewAudience(segment="vip", connection="meta-main", slug=slug)
    return audiences.create(runtime, new)


def _retry(runtime: Runtime) -> object:
    (job, *_) = audiences.history(runtime, reference="a")
    return retrying.retry(runtime, job["job_id"])


COMMANDS: dict[str, Callable[[Runtime], object]] = {
    "create": lambda runtime: _create(runtime, "new"),
    "sync": lambda runtime: audiences.sync(runtime, "a"),
    "replace": lambda runtime: audiences.replace(runtime, "a"),
    "delete": lambda runtime: audiences.delete(runtime, "a"),
    "retry": _retry,
}


def switch_off(project: Project, switch: str) -> None:
    text = CONFIG + f"features: {{{switch}: false}}\n"
    (project.folder / "audsync.yaml").write_text(text, encoding="utf-8")
    project.restart()


def known(folder: Path) -> tuple[dict[str, list[tuple[object, ...]]], dict[str, bytes]]:
    """What the store says of audiences and their jobs, and every file of the state folder."""
    with closing(sqlite3.connect(folder / "audsync.db")) as store:
        rows = {table: store.execute(f"select * from {table}").fetchall() for table in TABLES}
    state = folder / "audsync-state"
    return rows, {str(path): path.read_bytes() for path in state.rglob("*") if path.is_file()}


@pytest.fixture
def grown(project: Project) -> Project:
    """An audience of one person; she has left, which the guard refused to carry out."""
    project.segment([ANN])
    project.create()
    project.segment([])
    project.clock.advance(60)
    assert project.sync().exit_code == 7
    return project


@pytest.mark.parametrize(
    ("command", "switch"),
    [*((command, SWITCHES[1]) for command in COMMANDS), ("sync", SWITCHES[0])],
)
def test_a_switch_that_is_off_refuses_whatever_sends(
    grown: Project, command: str, switch: str
) -> None:
    before, held = known(grown.folder), grown.held()
    switch_off(grown, switch)
    with pytest.raises(FeatureDisabledError, match=r"features\.audience_sync"):
        COMMANDS[command](grown.runtime)
    assert known(grown.folder) == before
    assert grown.held() == held


def test_a_lost_audience_is_not_forgotten_where_it_could_not_be_made_anew(
    project: Project,
) -> None:
    project.segment([ANN])
    project.create()
    (remote,) = project.world.remotes("meta")
    project.runtime.connect("meta-main").delete(RemoteId(remote.id))
    project.sync()
    before = known(project.folder)
    switch_off(project, "audience_sync_meta")
    with pytest.raises(FeatureDisabledError):
        stale.recreate(project.runtime, "a")
    assert known(project.folder) == before
    assert project.world.remotes("meta") == []


@pytest.mark.parametrize("switch", SWITCHES)
def test_run_due_passes_over_it_and_says_why(grown: Project, switch: str) -> None:
    grown.clock.advance(timedelta(days=2).total_seconds())
    before, held = known(grown.folder), grown.held()
    switch_off(grown, switch)
    report = run_due(grown.runtime, Pace())
    assert report.as_json() == {
        "jobs": [],
        "skipped": [{"audience": "a", "reason": "FEATURE_DISABLED"}],
    }
    assert report.exit_code == 0
    assert known(grown.folder) == before
    assert grown.held() == held


def test_what_sends_nothing_goes_on(grown: Project) -> None:
    switch_off(grown, "audience_sync")
    assert [one["audience"] for one in audiences.status(grown.runtime)] == ["a"]
    assert stale.unlink(grown.runtime, "a").exit_code == 0
    assert len(grown.held()) == 1


def test_the_switch_of_another_platform_switches_nothing_off(grown: Project) -> None:
    switch_off(grown, "audience_sync_google")
    assert grown.sync(allow_shrink=True).exit_code == 0
    assert grown.held() == set()
