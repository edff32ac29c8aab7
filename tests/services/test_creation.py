"""Exactly one audience on the platform, whatever is lost on the way."""

from datetime import timedelta

import pytest

from audsync.errors import UsageError
from audsync.sandbox.faults import FaultKind, Rule
from audsync.services import audiences
from audsync.services.schedule.retries import RETRY_LADDER_S
from tests.services.conftest import Project, email

ANN = {"id": "1", "email": "ann@example.com"}
LOST = Rule(kind=FaultKind("reset"), method="POST", path="customaudiences", when="after")
NEVER_CAME = Rule(kind=FaultKind("reset"), method="POST", path="customaudiences", when="before")


def test_a_lost_answer_is_looked_after_at_once(project: Project) -> None:
    project.segment([ANN])
    project.world.faults.arm([LOST])
    assert project.create().exit_code == 0
    assert project.held() == {email("ann@example.com")}


def test_a_create_that_never_arrived_is_finished_by_the_next(project: Project) -> None:
    project.segment([ANN])
    project.world.faults.arm([NEVER_CAME])
    broken = project.create()
    assert broken.exit_code == 6
    assert project.world.remotes("meta") == []
    assert project.create().exit_code == 0
    assert project.held() == {email("ann@example.com")}


def test_an_audience_of_that_name_that_was_there_before_is_left_alone(project: Project) -> None:
    project.segment([ANN])
    connector = project.runtime.connect("meta-main")
    foreign = connector.create("a", "somebody else's")
    project.world.faults.arm([LOST])
    assert project.create().exit_code == 0
    held = {remote.id: remote.identifiers for remote in project.world.remotes("meta")}
    assert held[foreign] == frozenset()
    assert len(held) == 2


def test_create_again_when_all_is_well_is_refused(project: Project) -> None:
    project.segment([ANN])
    project.create()
    with pytest.raises(UsageError, match="sync a"):
        project.create()


def test_a_deleted_audience_frees_its_slug_and_keeps_its_history(project: Project) -> None:
    project.segment([ANN])
    project.create()
    assert audiences.delete(project.runtime, "a").exit_code == 0
    assert project.world.remotes("meta") == []
    assert list(project.folder.rglob("*.parquet")) == []
    assert project.create().exit_code == 0
    operations = [job["operation"] for job in audiences.history(project.runtime)]
    assert sorted(operations) == ["create", "create", "delete"]


def test_what_passes_is_tried_again_within_the_hour(project: Project) -> None:
    project.segment([ANN])
    project.create()
    project.world.faults.arm([Rule(kind=FaultKind("status"), status=503, times=99)])
    assert project.sync().exit_code == 6
    (status,) = audiences.status(project.runtime)
    due = audiences.find(project.runtime, "a").next_sync_at
    assert due is not None
    assert due - project.clock.now() <= timedelta(seconds=RETRY_LADDER_S[-1])
    assert status["auto_sync"]


def test_dead_credentials_switch_auto_sync_off(project: Project) -> None:
    project.segment([ANN])
    project.create()
    project.world.platforms["meta"].configure({"tokens": []})
    report = project.sync()
    assert report.exit_code == 5
    (status,) = audiences.status(project.runtime)
    assert not status["auto_sync"]
