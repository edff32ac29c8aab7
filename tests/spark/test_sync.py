"""A whole sync whose segment is prepared on a cluster, from the settings to the platform."""

from pathlib import Path

import pytest

from audsync.config.load import load_config
from audsync.errors import ConfigError
from audsync.sandbox.world import World
from audsync.services.doctor.checkup import examine
from audsync.services.jobs.planning import plan
from audsync.sync.parts import Cluster
from tests.databases import SetClock
from tests.services.conftest import CONFIG, Project, closes, email, phone

ANN = {"id": "1", "email": "Ann@Example.com ", "phone": "+1 415 555 2671"}
BOB = {"id": "2", "email": "bob@example.com"}
EVE = {"id": "3", "email": "eve@example.com", "ok": "no"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    clock = SetClock()
    return Project(tmp_path, World(clock=clock), clock)


def settings(project: Project, text: str) -> None:
    (project.folder / "audsync.yaml").write_text(f"{CONFIG}{text}", encoding="utf-8")


def test_a_sync_is_exact_wherever_its_segment_is_prepared(
    project: Project, cluster: Cluster
) -> None:
    settings(project, f"engine: {{kind: spark, remote: '{cluster.remote}'}}\n")
    project.restart()
    project.segment([ANN, BOB, EVE])
    assert project.create().exit_code == 0
    ann = {email("ann@example.com"), phone("14155552671")}
    assert project.held() == {*ann, email("bob@example.com")}

    project.segment([ANN, EVE])
    report = project.sync(allow_shrink=True)
    assert report.job["status"] == "completed"
    assert closes(report.job)
    assert project.held() == ann

    settings(project, "")
    project.restart()
    assert plan(project.runtime, "a")["has_changes"] is False


def test_doctor_looks_at_the_cluster(project: Project, cluster: Cluster) -> None:
    settings(project, f"engine: {{kind: spark, remote: '{cluster.remote}'}}\n")
    checks = {check.name: check for check in examine(project.restart())}
    assert checks["engine"].ok, checks["engine"].detail


def test_an_engine_that_cannot_keep_a_promise_is_refused(project: Project) -> None:
    settings(project, "engine: {kind: spark, remote: 'sc://x'}\nstate: {encrypt: true}\n")
    with pytest.raises(ConfigError, match="encrypt"):
        load_config(project.folder / "audsync.yaml", {})
