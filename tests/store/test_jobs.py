from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from audsync.domain import SyncOperation, SyncStatus, TriggeredBy
from audsync.errors import UsageError
from audsync.store import jobs
from audsync.store.database import Database
from audsync.store.tables import AudienceSyncJob, PlatformAudience
from tests.databases import SetClock, add_audience

ERROR: dict[str, Any] = {
    "code": "TIMEOUT",
    "message": "No answer.",
    "details": {},
    "action_required": None,
}


def _begin(
    database: Database, audience: PlatformAudience, clock: SetClock, retry_of: UUID | None = None
) -> AudienceSyncJob:
    with database.transaction() as session:
        return jobs.begin(
            session,
            audience,
            SyncOperation.UPDATE,
            TriggeredBy.SCHEDULED,
            clock.now(),
            retry_of=retry_of,
        )


def _finish(database: Database, job: AudienceSyncJob, clock: SetClock, status: SyncStatus) -> None:
    with database.transaction() as session:
        jobs.finish(session, job, status=status, now=clock.now())


@pytest.fixture
def audience(database: Database) -> PlatformAudience:
    return add_audience(database)


def test_a_job_begins_running_with_empty_books(
    database: Database, audience: PlatformAudience, clock: SetClock
) -> None:
    begun = _begin(database, audience, clock)
    with database.reading() as session:
        job = jobs.by_id(session, 1, str(begun.id))
    assert job == begun
    assert (job.status, job.operation) == (SyncStatus.RUNNING, SyncOperation.UPDATE)
    assert (job.audience, job.platform) == (audience.slug, audience.platform)
    assert (job.started_at, job.completed_at, job.attempt) == (clock.now(), None, 1)
    assert (job.profiles_read, job.total_batches, job.warnings, job.rejected) == (0, 0, [], {})


def test_a_job_ends_with_its_counts_and_its_error(
    database: Database, audience: PlatformAudience, clock: SetClock
) -> None:
    job = _begin(database, audience, clock)
    clock.advance(61.5)
    job.profiles_sent = 5_000_000_000
    job.rejected = {"email": {"invalid_format": 3}}
    later = clock.now() + timedelta(minutes=5)
    with database.transaction() as session:
        jobs.finish(
            session,
            job,
            status=SyncStatus.PARTIAL,
            now=clock.now(),
            error=ERROR,
            next_attempt_at=later,
        )
    with database.reading() as session:
        row = jobs.by_id(session, 1, str(job.id))
    assert (row.status, row.duration_ms, row.completed_at) == ("partial", 61_500, clock.now())
    assert (row.error, row.error_message, row.next_attempt_at) == (ERROR, "No answer.", later)
    assert (row.profiles_sent, row.rejected) == (5_000_000_000, {"email": {"invalid_format": 3}})


def test_a_retry_counts_on(database: Database, audience: PlatformAudience, clock: SetClock) -> None:
    first = _begin(database, audience, clock)
    second = _begin(database, audience, clock, retry_of=first.id)
    third = _begin(database, audience, clock, retry_of=second.id)
    assert [job.attempt for job in (first, second, third)] == [1, 2, 3]


def test_a_job_goes_by_the_beginning_of_its_id(
    database: Database, audience: PlatformAudience, clock: SetClock
) -> None:
    job = _begin(database, audience, clock)
    with database.reading() as session:
        for reference in (str(job.id), job.id.hex, str(job.id)[:8], str(job.id)[:14].upper()):
            assert jobs.by_id(session, 1, reference).id == job.id


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("", "is no job id"),
        ("1234567", "is no job id"),
        ("vip-meta", "is no job id"),
        ("0" * 33, "is no job id"),
        ("deadbeef", "No job begins with"),
        ("ab" * 4, "Several jobs begin with"),
    ],
)
def test_a_job_that_cannot_be_told_is_an_error(
    database: Database, audience: PlatformAudience, clock: SetClock, reference: str, message: str
) -> None:
    for end in ("0", "f"):
        job = _begin(database, audience, clock)
        with database.transaction() as session:
            session.add(AudienceSyncJob(**job.model_dump() | {"id": UUID("ab" * 4 + end * 24)}))
    with database.reading() as session, pytest.raises(UsageError, match=message):
        jobs.by_id(session, 1, reference)


def test_another_tenant_s_job_is_unknown(
    database: Database, audience: PlatformAudience, clock: SetClock
) -> None:
    job = _begin(database, audience, clock)
    with database.reading() as session, pytest.raises(UsageError):
        jobs.by_id(session, 2, str(job.id))


def test_the_history_is_newest_first(
    database: Database, audience: PlatformAudience, clock: SetClock
) -> None:
    begun = []
    for _ in range(3):
        begun.append(_begin(database, audience, clock).id)
        clock.advance(1)
    other = _begin(database, add_audience(database, slug="other"), clock)
    _finish(database, other, clock, SyncStatus.FAILED)
    with database.reading() as session:
        newest = jobs.recent(session, 1, limit=2)
        of_audience = jobs.recent(session, 1, audience_id=audience.id)
        failed = jobs.recent(session, 1, status=SyncStatus.FAILED)
        foreign = jobs.recent(session, 2)
    assert [job.id for job in newest] == [other.id, begun[2]]
    assert [job.id for job in of_audience] == begun[::-1]
    assert [job.id for job in failed] == [other.id]
    assert foreign == []


def test_the_success_rate_leaves_out_what_a_person_cancelled(
    database: Database, audience: PlatformAudience, clock: SetClock
) -> None:
    _finish(database, _begin(database, audience, clock), clock, SyncStatus.FAILED)
    clock.advance(60)
    since = clock.now()
    with database.reading() as session:
        assert jobs.success_rate(session, audience.id, since) is None
    for status in ("completed", "completed", "completed", "partial", "cancelled"):
        _finish(database, _begin(database, audience, clock), clock, SyncStatus(status))
    _begin(database, audience, clock)
    with database.reading() as session:
        assert jobs.success_rate(session, audience.id, since) == 0.75


def test_jobs_whose_process_is_gone_are_found(
    database: Database, audience: PlatformAudience, clock: SetClock
) -> None:
    gone = _begin(database, audience, clock)
    _finish(database, _begin(database, audience, clock), clock, SyncStatus.COMPLETED)
    _begin(database, add_audience(database, slug="other"), clock)
    with database.transaction() as session:
        (found,) = jobs.abandoned(session, audience.id)
        assert found.id == gone.id
        jobs.finish(session, found, status=SyncStatus.FAILED, now=clock.now(), error=ERROR)
    with database.reading() as session:
        assert jobs.abandoned(session, audience.id) == []


def test_what_jobs_changed_since_a_moment_is_counted_together(
    database: Database, audience: PlatformAudience, clock: SetClock
) -> None:
    for status in (SyncStatus.COMPLETED, SyncStatus.PARTIAL, SyncStatus.FAILED):
        job = _begin(database, audience, clock)
        job.identifiers_added, job.identifiers_removed = 5, 2
        job.profiles_sent, job.profiles_removed = 3, 1
        job.total_batches = 0 if status is SyncStatus.FAILED else 1
        clock.advance(60)
        _finish(database, job, clock, status)
    since = clock.now() - timedelta(seconds=90)
    with database.reading() as session:
        recent = jobs.changes_since(session, audience.id, since)
        all_of_it = jobs.changes_since(session, audience.id, since - timedelta(hours=1))
        nothing = jobs.changes_since(session, audience.id, clock.now())
    assert (recent.identifiers, recent.profiles, recent.is_whole) == (7, 4, False)
    assert (all_of_it.identifiers, all_of_it.profiles) == (14, 8)
    assert nothing == jobs.Changes(identifiers=0, profiles=0, is_whole=False)


def test_a_replace_changes_all_of_it(
    database: Database, audience: PlatformAudience, clock: SetClock
) -> None:
    job = _begin(database, audience, clock)
    job.operation, job.total_batches = SyncOperation.REPLACE, 1
    clock.advance(60)
    _finish(database, job, clock, SyncStatus.COMPLETED)
    with database.reading() as session:
        assert jobs.changes_since(session, audience.id, clock.now() - timedelta(hours=1)).is_whole
