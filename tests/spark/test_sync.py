"""A whole sync whose segment is prepared on a cluster, from the settings to the platform."""

from pathlib import Path

import pytest

from audsync.config.load import load_config
from audsync.domain import Platform
from audsync.errors import ConfigError, SourceError
from audsync.sandbox.world import World
from audsync.services.doctor.checkup import examine
from audsync.services.jobs.planning import plan
from audsync.services.segments.checking import check
from audsync.sync.spark.results import Results
from audsync.sync.spark.session import Job
from audsync.sync.spark.sides import Comparing
from audsync.sync.wanted.parts import Cluster
from tests.databases import SetClock
from tests.services.conftest import CONFIG, Project, closes, email, phone
from tests.spark.test_tables import spark_of

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


def test_a_sync_is_exact_where_its_difference_is_made_on_the_cluster(
    project: Project, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Job] = []
    results = Comparing.results

    def noted(self: Comparing, job: Job, folder: Path) -> Results:
        made.append(job)
        return results(self, job, folder)

    monkeypatch.setattr(Comparing, "results", noted)
    monkeypatch.setattr("audsync.sync.spark.sides.WORTH_LINES", 0)
    settings(project, f"engine: {{kind: spark, remote: '{cluster.remote}', compare: true}}\n")
    project.restart()
    others = [{"id": f"{n}", "email": f"{n}@example.com"} for n in range(10, 20)]
    project.segment([ANN, BOB, *others])
    assert project.create().exit_code == 0
    assert not made, "the first upload is compared with nothing"

    project.segment([ANN, {**BOB, "email": "bob@other.example"}, *others[1:]])
    report = project.sync()
    assert closes(report.job)
    kept = {email(row["email"]) for row in others[1:]}
    ann = {email("ann@example.com"), phone("14155552671")}
    assert project.held() == {*ann, email("bob@other.example"), *kept}
    assert made
    assert not list(project.folder.rglob("audsync-spark-*"))


def test_a_segment_may_be_a_table_of_the_cluster(project: Project, cluster: Cluster) -> None:
    settings(project, f"engine: {{kind: spark, remote: '{cluster.remote}'}}\n")
    file = project.folder / "audsync.yaml"
    source = "{type: table, table: spark_catalog.default.vip}"
    text = file.read_text("utf-8").replace("{type: file, path: vip.csv}", source)
    file.write_text(text, encoding="utf-8")
    project.segment([ANN, BOB, EVE])
    vip = spark_of(cluster).read.option("header", value=True).csv(str(project.folder / "vip.csv"))
    vip.write.mode("overwrite").saveAsTable("vip")
    checks = {each.name: each for each in examine(project.restart())}
    assert checks["source vip"].ok, checks["source vip"].detail
    assert project.create().exit_code == 0
    ann = {email("ann@example.com"), phone("14155552671")}
    assert project.held() == {*ann, email("bob@example.com")}
    with pytest.raises(SourceError, match="is a table of a Spark cluster"):
        check(project.runtime, "vip", [Platform.META])


def test_doctor_looks_at_the_cluster(project: Project, cluster: Cluster) -> None:
    settings(project, f"engine: {{kind: spark, remote: '{cluster.remote}'}}\n")
    checks = {each.name: each for each in examine(project.restart())}
    assert checks["engine"].ok, checks["engine"].detail


def test_doctor_sees_whether_executors_see_the_state(
    project: Project, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = f"engine: {{kind: spark, remote: '{cluster.remote}', compare: true}}\n"
    settings(project, engine)
    project.restart().state_root.mkdir(parents=True)
    found = next(each for each in examine(project.runtime) if each.name == "engine")
    assert found.ok, found.detail
    assert "read the state folder" in found.detail

    # Of whoever looks: here the project, and on an executor another folder.
    monkeypatch.chdir(project.folder)
    settings(project, f"{engine}state: {{url: /proc/self/cwd/audsync-state}}\n")
    found = next(each for each in examine(project.restart()) if each.name == "engine")
    assert not found.ok
    assert "No such file" in found.detail


def test_an_engine_that_cannot_keep_a_promise_is_refused(project: Project) -> None:
    settings(project, "engine: {kind: spark, remote: 'sc://x'}\nstate: {encrypt: true}\n")
    with pytest.raises(ConfigError, match="encrypt"):
        load_config(project.folder / "audsync.yaml", {})
