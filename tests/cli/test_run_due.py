"""`run-due` and `deploy` on the command line: what is printed, and the exit code."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from audsync.clock import SystemClock
from audsync.store.database import Database
from audsync.store.tables import PlatformAudience
from tests.cli.conftest import Project


@pytest.fixture
def due(project: Project) -> Project:
    """Two audiences whose time has come a minute ago."""
    project.save(
        audiences={
            slug: {"segment": "vip", "connection": "meta-main", "name": slug}
            for slug in ("one", "two")
        }
    )
    for slug in ("one", "two"):
        made = project.run("create", "vip", "--connection", "meta-main", "--id", slug)
        assert made.exit_code == 0, made.stderr
    make_due(project)
    return project


def make_due(project: Project) -> None:
    database = Database(f"sqlite:///{project.folder}/audsync.db", clock=SystemClock())
    from sqlmodel import select

    with database.transaction() as session:
        for audience in session.exec(select(PlatformAudience)).all():
            audience.next_sync_at = datetime.now(UTC) - timedelta(minutes=1)
            audience.regular_sync_at = audience.next_sync_at
            session.add(audience)
    database.dispose()


def test_json_is_one_document_of_jobs_and_what_was_skipped(due: Project) -> None:
    done = due.run("run-due", "--json", "--max-concurrent", "2", "--time-budget", "50m")
    assert done.exit_code == 0
    assert list(done.json) == ["jobs", "skipped"]
    assert sorted(job["audience"] for job in done.json["jobs"]) == ["one", "two"]
    assert {job["triggered_by"] for job in done.json["jobs"]} == {"scheduled"}
    again = due.run("--json", "run-due")
    assert (again.exit_code, again.json) == (0, {"jobs": [], "skipped": []})


def test_success_is_silent_with_quiet(due: Project) -> None:
    done = due.run("run-due", "--quiet")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    assert due.run("run-due", "--quiet").stdout == ""


def test_people_see_what_was_done(due: Project) -> None:
    done = due.run("run-due", "--limit", "1")
    assert done.exit_code == 0
    assert "completed in" in done.stderr
    assert "1 more are due" in done.stdout
    due.run("run-due")
    assert due.run("run-due").stdout == "Nothing is due.\n"


def test_a_failure_is_told_by_name_although_quiet(due: Project) -> None:
    (due.folder / "vip.csv").unlink()
    done = due.run("run-due", "--quiet")
    assert (done.exit_code, done.stdout) == (1, "")
    assert sorted(line.split(": ")[:2] for line in done.stderr.splitlines()) == [
        ["one", "SOURCE_ERROR"],
        ["two", "SOURCE_ERROR"],
    ]


def test_a_budget_that_is_over_is_8(due: Project) -> None:
    done = due.run("run-due", "--json", "--time-budget", "0")
    assert done.exit_code == 8
    assert {one["reason"] for one in done.json["skipped"]} == {"TIME_BUDGET_ENDED"}


def test_quiet_hours_are_told(due: Project) -> None:
    now = datetime.now(UTC)
    span = f"{now - timedelta(minutes=5):%H:%M}-{now + timedelta(hours=1):%H:%M}"
    due.save(schedule={"quiet": [span]})
    done = due.run("run-due")
    assert done.exit_code == 0
    assert done.stdout.startswith("Quiet hours: nothing is begun before")


@pytest.mark.parametrize(
    "options", [["--time-budget", "50"], ["--limit", "0"], ["--max-concurrent", "none"]]
)
def test_what_cannot_be_asked_for_is_2(project: Project, options: list[str]) -> None:
    done = project.run("run-due", "--json", *options)
    assert (done.exit_code, done.json["error"]["code"]) == (2, "USAGE_ERROR")


def test_a_broken_file_is_2(project: Project) -> None:
    project.save(segmnts={})
    done = project.run("run-due", "--json")
    assert (done.exit_code, done.json["error"]["code"]) == (2, "CONFIG_ERROR")


@pytest.mark.parametrize("target", ["cron", "systemd", "kubernetes", "airflow"])
def test_deploy_prints_a_text_with_the_paths_of_here(project: Project, target: str) -> None:
    done = project.run("deploy", target)
    assert done.exit_code == 0
    assert "run-due" in done.stdout
    assert str(project.folder / "audsync.yaml") in done.stdout
    files = project.run("deploy", target, "--json").json["files"]
    assert len(files) == (2 if target == "systemd" else 1)
    assert all(json.dumps(one) for one in files)


def test_deploy_knows_four_schedulers(project: Project) -> None:
    assert project.run("deploy", "nomad").exit_code == 2
