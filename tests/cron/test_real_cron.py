"""Debian's own cron calls `run-due`: with its bare environment, from the text that `deploy` prints.

It takes a minute, since that is the shortest time that a crontab knows.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from audsync.clock import SystemClock
from audsync.domain import SyncStatus, TriggeredBy
from audsync.store import jobs
from audsync.store.database import Database
from audsync.store.tables import AudienceSyncJob, PlatformAudience
from tests.cli.conftest import TOKEN, Project

PATIENCE_S = 95
EVERY_MINUTE, EVERY_QUARTER = "* * * * *", "*/15 * * * *"
MAIL = "MAILTO=ops@example.com"


def _why_not() -> str:
    """Why cron cannot be tried on this machine; "" where it can."""
    if not (shutil.which("cron") and shutil.which("crontab")):
        return "Debian's cron is not installed"
    if os.geteuid() != 0:
        return "only root may start a cron daemon"
    listed = subprocess.run(["crontab", "-l"], capture_output=True, check=False)
    return "root has a crontab that is not ours" if listed.returncode == 0 else ""


@contextmanager
def cron_running() -> Iterator[None]:
    """The machine's cron, or one of our own while the block runs."""
    daemon = subprocess.Popen(
        ["cron", "-f"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        time.sleep(0.5)  # one that finds another running ends at once
        yield
    finally:
        daemon.terminate()
        daemon.wait(10)


@contextmanager
def installed(tab: Path) -> Iterator[None]:
    """The crontab of this user, while the block runs."""
    subprocess.run(["crontab", str(tab)], check=True)
    try:
        yield
    finally:
        subprocess.run(["crontab", "-r"], check=True)


def make_due(database: Database) -> None:
    with database.transaction() as session:
        audience = session.exec(select(PlatformAudience)).one()
        audience.next_sync_at = datetime.now(UTC) - timedelta(minutes=1)
        session.add(audience)


def latest_job(database: Database) -> AudienceSyncJob:
    with database.reading() as session:
        return jobs.recent(session, 1, limit=1)[0]


def is_done(job: AudienceSyncJob) -> bool:
    return job.triggered_by is TriggeredBy.SCHEDULED and job.completed_at is not None


@pytest.mark.skipif(bool(_why_not()), reason=_why_not())
@pytest.mark.xdist_group("cron")
def test_cron_syncs_what_is_due_and_says_nothing(project: Project) -> None:
    # Cron gives its jobs next to no environment: the secret comes from .env beside the file.
    (project.folder / ".env").write_text(f"META_ACCESS_TOKEN={TOKEN}\n")
    assert project.run("create", "vip", "--connection", "meta-main", "--id", "a").exit_code == 0
    with (project.folder / "vip.csv").open("a", newline="") as file:
        file.writelines(f"new-{n},p{n}@example.com,,{n}\r\n" for n in range(9))
    database = Database(f"sqlite:///{project.folder}/audsync.db", clock=SystemClock())
    make_due(database)
    printed, tab = project.folder / "printed", project.folder / "crontab"
    line = project.run("deploy", "cron").stdout.replace(EVERY_QUARTER, EVERY_MINUTE)
    tab.write_text(line.replace(MAIL, 'MAILTO=""').rstrip("\n") + f" > {printed} 2>&1\n")
    with installed(tab), cron_running():
        ends_at = time.monotonic() + PATIENCE_S
        while not is_done(latest_job(database)):
            assert time.monotonic() < ends_at, "cron never ran it"
            time.sleep(0.5)
    job = latest_job(database)
    database.dispose()
    assert (job.status, job.profiles_added) == (SyncStatus.COMPLETED, 9), job.error
    assert printed.read_text() == ""
