"""A `run-due` that would do nothing is over at once, and only then."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import select, update

from audsync.config.watching import NotifyEvent
from audsync.domain import ConnectionStatus, SyncStatus
from audsync.services import audiences
from audsync.services.cron import run_due
from audsync.services.cron.run_due import Pace
from audsync.services.watch.health import known
from audsync.services.watch.last_run import was_idle
from audsync.store.tables import (
    AudienceSyncJob,
    Connection,
    Head,
    Incident,
    Notification,
    PlatformAudience,
)
from tests.databases import KINDS, fresh_url
from tests.services.conftest import CONFIG, Project

HEAVY = {"sqlalchemy", "alembic", "polars", "duckdb", "pyarrow", "numpy", "httpx", "rich.console"}


@pytest.fixture(params=KINDS)
def quiet(project: Project, request: pytest.FixtureRequest) -> Iterator[Project]:
    """An audience in step, a tested connection, and a first run that found nothing to do."""
    with fresh_url(request.param, project.folder) as url:
        config = f"store: {{url: '{url}'}}\n{CONFIG}"
        (project.folder / "audsync.yaml").write_text(config, encoding="utf-8")
        project.restart()
        project.segment([{"id": "1", "email": "ann@example.com"}])
        project.create()
        assert run_due.run_due(project.runtime, Pace()) == run_due.Report()
        yield project
        project.runtime.database.dispose()


def change(project: Project, table: type, **values: object) -> None:
    with project.runtime.database.transaction() as session:
        session.exec(update(table).values(**values))


def test_a_run_with_nothing_to_do_is_noted(quiet: Project) -> None:
    quiet.clock.advance(60)
    before = known(quiet.runtime)
    assert was_idle(quiet.runtime)
    after = known(quiet.runtime)
    assert before.last_run is not None
    assert after.last_run is not None
    assert after.last_run.keys() == before.last_run.keys(), "as a whole run would note it"
    assert after.last_run["pid"] == os.getpid()
    assert after.last_run["due"] == 0


def after_a_day(project: Project) -> None:
    project.clock.advance(24 * 3600)
    change(project, PlatformAudience, next_sync_at=project.clock.now() - timedelta(days=1000))


def nobody_has_begun(project: Project) -> None:
    change(project, PlatformAudience, next_sync_at=None)


def with_an_open_plan(project: Project) -> None:
    with project.runtime.database.transaction() as session:
        job = session.exec(select(AudienceSyncJob)).one()
        session.exec(update(Head).values(open_job_id=job.id))


def with_a_job_that_runs(project: Project) -> None:
    change(project, AudienceSyncJob, status=SyncStatus.RUNNING)


def not_tested_for_a_day(project: Project) -> None:
    change(project, Connection, tested_at=project.clock.now() - timedelta(days=1000))


def with_refused_credentials(project: Project) -> None:
    change(project, Connection, status=ConnectionStatus.ERROR)


def with_credentials_that_end(project: Project) -> None:
    # Both the store's clock and the project's are within some days of each other.
    change(project, Connection, expires_at=project.clock.now() + timedelta(days=5))


def with_something_to_tell(project: Project) -> None:
    now = project.clock.now()
    with project.runtime.database.transaction() as session:
        incident = Incident(tenant_id=1, subject="audience:x", event="failed", opened_at=now)
        session.add(incident)
        session.flush()
        session.add(
            Notification(
                tenant_id=1,
                incident_id=incident.id,
                receiver=1,
                event=NotifyEvent.FAILED,
                message={},
                created_at=now,
                next_attempt_at=now,
            )
        )


def with_a_connection_that_may_be_in_order_again(project: Project) -> None:
    with project.runtime.database.transaction() as session:
        session.add(
            Incident(
                tenant_id=1,
                subject="connection:meta-main",
                event="credentials_expired",
                opened_at=project.clock.now(),
            )
        )


def from_another_version(project: Project) -> None:
    with project.runtime.database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0001'"))


def with_a_monitor(project: Project) -> None:
    reconfigured(project, "heartbeat_url: http://127.0.0.1:9/ping\n")


def in_quiet_hours(project: Project) -> None:
    with project.runtime.database.reading() as session:
        hour = project.runtime.database.now(session).hour
    span = f"{(hour - 1) % 24:02}:00-{(hour + 2) % 24:02}:00"
    reconfigured(project, f"schedule: {{quiet: ['{span}']}}\n")


def of_another_tenant(project: Project) -> None:
    reconfigured(project, "tenant: 2\n")


def reconfigured(project: Project, more: str) -> None:
    path = project.folder / "audsync.yaml"
    path.write_text(more + path.read_text(encoding="utf-8"), encoding="utf-8")
    project.restart()


@pytest.mark.parametrize(
    "happen",
    [
        after_a_day,
        nobody_has_begun,
        with_an_open_plan,
        with_a_job_that_runs,
        not_tested_for_a_day,
        with_refused_credentials,
        with_credentials_that_end,
        with_something_to_tell,
        with_a_connection_that_may_be_in_order_again,
        from_another_version,
        with_a_monitor,
        in_quiet_hours,
        of_another_tenant,
    ],
)
def test_whatever_there_may_be_to_do_is_left_to_a_whole_run(
    quiet: Project, happen: Callable[[Project], None]
) -> None:
    assert was_idle(quiet.runtime)
    happen(quiet)
    assert not was_idle(quiet.runtime)


def test_paused_and_retired_audiences_are_nothing_to_do(quiet: Project) -> None:
    audiences.schedule(quiet.runtime, "a", auto_sync=False)
    change(quiet, PlatformAudience, next_sync_at=None)
    assert was_idle(quiet.runtime)


def test_a_store_that_somebody_writes_to_is_asked_by_a_whole_run(project: Project) -> None:
    run_due.run_due(project.runtime, Pace())
    assert was_idle(project.runtime)
    with closing(sqlite3.connect(project.folder / "audsync.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert not was_idle(project.runtime)


@pytest.mark.parametrize(
    ("arguments", "forbidden"),
    [
        (["run-due"], HEAVY),
        (["run-due", "--json"], HEAVY),
        (["status"], HEAVY),
        (["--version"], HEAVY | {"pydantic", "yaml", "rich", "cryptography"}),
    ],
)
def test_what_cron_and_scripts_call_most_loads_little(
    project: Project, arguments: list[str], forbidden: set[str]
) -> None:
    run_due.run_due(project.runtime, Pace())
    code = (
        "import sys; from audsync.__main__ import main; code = 0\n"
        f"sys.argv = ['audsync', *{arguments!r}]\n"
        "try: main()\n"
        "except SystemExit as end: code = end.code\n"
        f"sys.exit(code or ','.join(sorted({forbidden!r} & set(sys.modules))) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project.folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    if arguments == ["run-due", "--json"]:
        assert json.loads(done.stdout) == {"jobs": [], "skipped": []}
