"""The history: one row per operation, with its counts. Functions never commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, update
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from audsync.domain import TAKEN, SyncOperation, SyncStatus, TriggeredBy
from audsync.errors import UsageError
from audsync.store import audit
from audsync.store.audit import Act
from audsync.store.database import execute
from audsync.store.tables import METADATA, AudienceSyncJob, Batch, PlatformAudience

MIN_PREFIX_CHARS = 8
_UUID_DIGITS = 32
_BATCHES = select(Batch).where(col(Batch.job_id) == bindparam("job")).order_by(col(Batch.number))
"""Built once: a platform that settles later has it read in every run."""
_JOB = METADATA.tables["audience_sync_job"]
_SETTLEMENT = select_columns(_JOB.c.settlement).where(_JOB.c.id == bindparam("job"))
_SETTLE = update(_JOB).where(_JOB.c.id == bindparam("job"))
_COUNTED = (SyncStatus.COMPLETED, SyncStatus.FAILED, SyncStatus.PARTIAL)


def begin(
    session: Session,
    audience: PlatformAudience,
    operation: SyncOperation,
    triggered_by: TriggeredBy,
    now: datetime,
    *,
    retry_of: UUID | None = None,
) -> AudienceSyncJob:
    """A new job, running since `now`; its attempt goes on counting from the one it retries."""
    retried = session.get(AudienceSyncJob, retry_of) if retry_of is not None else None
    job = AudienceSyncJob(
        tenant_id=audience.tenant_id,
        platform_audience_id=audience.id,
        audience=audience.slug,
        platform=audience.platform,
        operation=operation,
        status=SyncStatus.RUNNING,
        triggered_by=triggered_by,
        retry_of=retry_of,
        attempt=retried.attempt + 1 if retried is not None else 1,
        started_at=now,
    )
    session.add(job)
    session.flush()
    told = {"operation": operation.value, "triggered_by": triggered_by.value}
    audit.note(session, job.tenant_id, Act.JOB_BEGUN, _subject(job), told)
    return job


def finish(
    session: Session,
    job: AudienceSyncJob,
    *,
    status: SyncStatus,
    now: datetime,
    error: dict[str, Any] | None = None,
    next_attempt_at: datetime | None = None,
) -> None:
    """Close a job with whatever counts its fields hold, whichever session it was read in.

    Args:
        session: the transaction it is written in.
        job: the job; its counters are set by the caller beforehand.
        status: how it ended.
        now: the moment it ended, aware UTC.
        error: an error's `as_json`; None when all went well.
        next_attempt_at: when it is tried again by itself; None if a person must act or it is done.
    """
    job.status = status
    job.completed_at = now
    started_at = job.started_at or now
    job.duration_ms = max(0, (now - started_at) // timedelta(milliseconds=1))
    job.error = error
    job.error_message = error["message"] if error is not None else None
    job.next_attempt_at = next_attempt_at
    session.add(job)
    session.flush()
    told = {
        "operation": job.operation.value,
        "status": status.value,
        "error": error["code"] if error is not None else None,
        "profiles_added": job.profiles_added,
        "profiles_removed": job.profiles_removed,
    }
    audit.note(session, job.tenant_id, Act.JOB_ENDED, _subject(job), told)


def _subject(job: AudienceSyncJob) -> dict[str, str]:
    return {"audience": job.audience, "job": str(job.id)}


def by_id(session: Session, tenant_id: int, reference: str) -> AudienceSyncJob:
    """The job of that UUID, or the only one whose UUID begins with these 8 digits or more.

    Raises:
        UsageError: there is none, several fit, or the reference is too short or no UUID at all.
    """
    digits = reference.strip().lower().replace("-", "")
    if not MIN_PREFIX_CHARS <= len(digits) <= _UUID_DIGITS or set(digits) - set("0123456789abcdef"):
        raise UsageError(
            f"`{reference}` is no job id: give the UUID, or its first {MIN_PREFIX_CHARS} digits "
            "or more. `audsync jobs` lists them.",
            details={"job": reference},
        )
    # A range is what a prefix is on both databases, whether UUIDs are text or not.
    statement = (
        select(AudienceSyncJob)
        .where(
            col(AudienceSyncJob.tenant_id) == tenant_id,
            col(AudienceSyncJob.id) >= UUID(digits.ljust(_UUID_DIGITS, "0")),
            col(AudienceSyncJob.id) <= UUID(digits.ljust(_UUID_DIGITS, "f")),
        )
        .limit(2)
    )
    found = session.exec(statement).all()
    if len(found) == 1:
        return found[0]
    reason = "Several jobs begin with" if found else "No job begins with"
    raise UsageError(
        f"{reason} `{reference}`: `audsync jobs` lists them.", details={"job": reference}
    )


def recent(
    session: Session,
    tenant_id: int,
    *,
    audience_id: UUID | None = None,
    status: SyncStatus | None = None,
    limit: int = 50,
) -> Sequence[AudienceSyncJob]:
    """The latest jobs, newest first, at most `limit`."""
    statement = select(AudienceSyncJob).where(col(AudienceSyncJob.tenant_id) == tenant_id)
    if audience_id is not None:
        statement = statement.where(col(AudienceSyncJob.platform_audience_id) == audience_id)
    if status is not None:
        statement = statement.where(col(AudienceSyncJob.status) == status)
    newest_first = (col(AudienceSyncJob.started_at).desc(), col(AudienceSyncJob.id).desc())
    return session.exec(statement.order_by(*newest_first).limit(limit)).all()


def abandoned(session: Session, audience_id: UUID) -> Sequence[AudienceSyncJob]:
    """Jobs of the audience that still say `running`, oldest first.

    For the holder of the audience's lease before it begins its own job: nobody else may be
    working on the audience then, so the processes of these are gone. `finish` closes them.
    """
    statement = (
        select(AudienceSyncJob)
        .where(
            col(AudienceSyncJob.platform_audience_id) == audience_id,
            col(AudienceSyncJob.status) == SyncStatus.RUNNING,
        )
        .order_by(col(AudienceSyncJob.started_at), col(AudienceSyncJob.id))
    )
    return session.exec(statement).all()


def batches(session: Session, job_id: UUID) -> Sequence[Batch]:
    """The ledger of one job, in the order of its plan."""
    return session.scalars(_BATCHES, {"job": job_id}).all()


def settlement(session: Session, job_id: UUID) -> dict[str, Any] | None:
    """How far the platform has come with what it accepted of a job; None where nothing is open."""
    known: dict[str, Any] | None = execute(session, _SETTLEMENT, {"job": job_id}).scalar_one()
    return known


def settle(session: Session, job_id: UUID, settlement: dict[str, Any]) -> None:
    """Note how far the platform has come; a record that the session holds does not notice."""
    execute(session, _SETTLE, {"job": job_id, "settlement": settlement})


def latest_settlement(session: Session, audience_id: UUID) -> dict[str, Any] | None:
    """The settlement of the latest job of the audience that sent anything to be worked off."""
    sent = select(col(Batch.id)).where(col(Batch.job_id) == col(AudienceSyncJob.id)).exists()
    statement = (
        select(AudienceSyncJob)
        .where(
            col(AudienceSyncJob.platform_audience_id) == audience_id,
            col(AudienceSyncJob.settlement).is_not(None),
            sent,
        )
        .order_by(col(AudienceSyncJob.started_at).desc(), col(AudienceSyncJob.id).desc())
    )
    found = session.exec(statement.limit(1)).first()
    return found.settlement if found else None


def has_completed(session: Session, audience_id: UUID) -> bool:
    """Whether the audience was ever brought wholly in step."""
    statement = select(col(AudienceSyncJob.id)).where(
        col(AudienceSyncJob.platform_audience_id) == audience_id,
        col(AudienceSyncJob.status) == SyncStatus.COMPLETED,
    )
    return session.exec(statement.limit(1)).first() is not None


def was_taken(session: Session, audience_id: UUID) -> bool:
    """Whether the audience was ever in step, or the platform took a request with its members."""
    if has_completed(session, audience_id):
        return True
    statement = select(col(Batch.id)).where(
        col(Batch.audience_id) == audience_id, col(Batch.state).in_(TAKEN)
    )
    return session.exec(statement.limit(1)).first() is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What some jobs may have changed on a platform, together."""

    identifiers: int
    profiles: int
    is_whole: bool
    """Whether one of them was to send everybody."""


def changes_since(session: Session, audience_id: UUID, since: datetime) -> Changes:
    """What the audience's jobs changed that ended after `since`, whole or not."""
    counts = (
        func.coalesce(func.sum(col(AudienceSyncJob.identifiers_added)), 0),
        func.coalesce(func.sum(col(AudienceSyncJob.identifiers_removed)), 0),
        func.coalesce(func.sum(col(AudienceSyncJob.profiles_sent)), 0),
        func.coalesce(func.sum(col(AudienceSyncJob.profiles_removed)), 0),
    )
    mine = (
        col(AudienceSyncJob.platform_audience_id) == audience_id,
        col(AudienceSyncJob.completed_at) > since,
        col(AudienceSyncJob.total_batches) > 0,
    )
    added, removed, sent, left = session.execute(select(*counts).where(*mine)).one()
    whole = select(col(AudienceSyncJob.id)).where(
        *mine, col(AudienceSyncJob.operation).in_((SyncOperation.CREATE, SyncOperation.REPLACE))
    )
    return Changes(
        identifiers=int(added + removed),
        profiles=int(sent + left),
        is_whole=session.exec(whole.limit(1)).first() is not None,
    )


def success_rate(session: Session, audience_id: UUID, since: datetime) -> float | None:
    """Completed jobs among those that ended completed, partial or failed; None when none did.

    `since`: jobs that started earlier do not count. Cancelled jobs never count: a person did that.
    """
    statement = (
        select(col(AudienceSyncJob.status), func.count())
        .where(
            col(AudienceSyncJob.platform_audience_id) == audience_id,
            col(AudienceSyncJob.started_at) >= since,
            col(AudienceSyncJob.status).in_(_COUNTED),
        )
        .group_by(col(AudienceSyncJob.status))
    )
    counts = dict(session.exec(statement).all())
    total = sum(counts.values())
    return counts.get(SyncStatus.COMPLETED, 0) / total if total else None
