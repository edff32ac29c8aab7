"""Which audiences are synced by themselves, and what is known of each."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from audsync.domain import AudienceState, SyncOperation, SyncStatus, TriggeredBy
from audsync.store import due, jobs, leases, ledger
from audsync.store.database import Database
from audsync.store.due import Candidate, LatestJob
from audsync.store.tables import PlatformAudience
from tests.databases import SetClock, add_audience

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def candidates(database: Database) -> list[Candidate]:
    with database.reading() as session:
        return list(due.candidates(session, 1))


def add_job(
    database: Database,
    audience: PlatformAudience,
    now: datetime,
    status: SyncStatus = SyncStatus.RUNNING,
    **fields: Any,  # noqa: ANN401 - whatever columns the test is about
) -> Any:  # noqa: ANN401 - its id
    with database.transaction() as session:
        job = jobs.begin(
            session, audience, SyncOperation.UPDATE, TriggeredBy.SCHEDULED, now - timedelta(hours=1)
        )
        for name, value in fields.items():
            setattr(job, name, value)
        if status is not SyncStatus.RUNNING:
            jobs.finish(session, job, status=status, now=now)
    return job.id


@pytest.mark.parametrize(
    "fields",
    [
        {"is_active": False},
        {"auto_sync": False},
        {"state": AudienceState.STALE},
        {"state": AudienceState.RETIRED},
        {"tenant_id": 2},
    ],
)
def test_what_may_not_be_synced_is_no_candidate(database: Database, fields: dict[str, Any]) -> None:
    add_audience(database, **({"next_sync_at": LONG_AGO} | fields))
    assert candidates(database) == []


def test_an_audience_whose_creation_broke_is_one(database: Database) -> None:
    audience = add_audience(database, state=AudienceState.CREATING, next_sync_at=LONG_AGO)
    (found,) = candidates(database)
    assert (found.audience_id, found.next_sync_at) == (audience.id, LONG_AGO)
    assert (found.latest, found.settling, found.is_held) == (None, None, False)


def test_the_job_that_began_last_counts(database: Database, clock: SetClock) -> None:
    audience = add_audience(database)
    add_audience(database, slug="other")
    add_job(database, audience, clock.now(), SyncStatus.FAILED, attempt=4)
    clock.advance(60)
    add_job(database, audience, clock.now(), attempt=5)
    found = {one.slug: one for one in candidates(database)}
    assert found["other"].latest is None
    assert found[audience.slug].latest == LatestJob(
        status=SyncStatus.RUNNING, attempt=5, started_at=clock.now() - timedelta(hours=1)
    )


def test_a_plan_that_is_worked_off_is_told_until_it_is_closed(
    database: Database, clock: SetClock
) -> None:
    audience = add_audience(database)
    job_id = add_job(
        database, audience, clock.now(), SyncStatus.COMPLETED, settlement={"status": "pending"}
    )
    lease = leases.claim(database, audience.id, owner=leases.this_process())
    with database.transaction() as session:
        ledger.commit_plan(session, lease, job_id=job_id, files={}, facts={}, batches=[])
    (found,) = candidates(database)
    assert found.is_held
    assert found.settling is not None
    assert (found.settling.job_id, found.settling.ask_at) == (job_id, clock.now())
    with database.transaction() as session:
        ledger.close_plan(session, lease, files={}, facts={})
    leases.release(database, lease)
    (found,) = candidates(database)
    assert (found.settling, found.is_held) == (None, False)


@pytest.mark.parametrize("status", [SyncStatus.PARTIAL, SyncStatus.FAILED])
def test_what_was_taken_of_a_partial_plan_is_worked_off_and_of_a_failed_one_nothing(
    database: Database, clock: SetClock, status: SyncStatus
) -> None:
    audience = add_audience(database)
    job_id = add_job(database, audience, clock.now(), status, settlement={"status": "pending"})
    lease = leases.claim(database, audience.id, owner=leases.this_process())
    with database.transaction() as session:
        ledger.commit_plan(session, lease, job_id=job_id, files={}, facts={}, batches=[])
    is_worked_off = candidates(database)[0].settling is not None
    assert is_worked_off is (status is SyncStatus.PARTIAL)
