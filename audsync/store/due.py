"""What decides whether an audience is due, of all audiences at once. Nothing here commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import aliased
from sqlmodel import Session, col, or_, select, update

from audsync.domain import AudienceState, SyncStatus
from audsync.store import leases
from audsync.store.tables import AudienceSyncJob, Head, Lease, PlatformAudience

_TAKEN = (SyncStatus.COMPLETED, SyncStatus.PARTIAL)
"""Of a partial one the rest may leave only when what was taken is final."""
_CAN_BE_SYNCED = (AudienceState.CREATING, AudienceState.ACTIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestJob:
    """The job of an audience that began last."""

    status: SyncStatus
    attempt: int
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPlan:
    """A plan of which the platform took requests that are not final yet."""

    job_id: UUID
    completed_at: datetime
    ask_at: datetime
    """When the platform is to be asked how far it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An audience that is synced by itself, with all that decides when."""

    audience_id: UUID
    slug: str
    segment: str
    connection: str
    created_at: datetime
    next_sync_at: datetime | None
    latest: LatestJob | None
    settling: OpenPlan | None
    is_held: bool
    """Somebody alive works on it."""


def candidates(
    session: Session, tenant_id: int, *, audience_id: UUID | None = None
) -> Sequence[Candidate]:
    """Every audience of the tenant, or the one, that is to be synced by itself.

    Paused, stale and retired ones are not among them.
    """
    # The first of an index's range, for each audience: history may be long.
    newest = (
        select(AudienceSyncJob.id)
        .where(col(AudienceSyncJob.platform_audience_id) == PlatformAudience.id)
        .order_by(col(AudienceSyncJob.started_at).desc(), col(AudienceSyncJob.id).desc())
        .limit(1)
        .correlate(PlatformAudience)
        .scalar_subquery()
    )
    latest, planned = aliased(AudienceSyncJob), aliased(AudienceSyncJob)
    statement = (
        select(PlatformAudience, latest, planned, Lease)
        .select_from(PlatformAudience)
        .outerjoin(latest, col(latest.id) == newest)
        .outerjoin(Head, col(Head.audience_id) == PlatformAudience.id)
        .outerjoin(planned, col(planned.id) == Head.open_job_id)
        .outerjoin(Lease, col(Lease.audience_id) == PlatformAudience.id)
        .where(
            col(PlatformAudience.tenant_id) == tenant_id,
            col(PlatformAudience.is_active).is_(True),
            col(PlatformAudience.auto_sync).is_(True),
            col(PlatformAudience.state).in_(_CAN_BE_SYNCED),
        )
    )
    if audience_id is not None:
        statement = statement.where(col(PlatformAudience.id) == audience_id)
    return [
        Candidate(
            audience_id=audience.id,
            slug=audience.slug,
            segment=audience.segment,
            connection=audience.connection,
            created_at=audience.created_at,
            next_sync_at=audience.next_sync_at,
            latest=_latest(job),
            settling=_settling(open_job),
            is_held=_is_held(session, lease),
        )
        for audience, job, open_job, lease in session.exec(statement).all()
    ]


def take_question(session: Session, plan: OpenPlan, *, now: datetime, ask_at: datetime) -> bool:
    """Put the next question off until `ask_at`; False where another process was quicker."""
    next_at = col(AudienceSyncJob.next_attempt_at)
    statement = (
        update(AudienceSyncJob)
        .where(col(AudienceSyncJob.id) == plan.job_id, or_(next_at.is_(None), next_at <= now))
        .values(next_attempt_at=ask_at)
    )
    taken: int = session.exec(statement).rowcount
    return taken == 1


def _is_held(session: Session, lease: Lease | None) -> bool:
    return lease is not None and lease.owner is not None and leases.is_live(session, lease)


def _latest(job: AudienceSyncJob | None) -> LatestJob | None:
    if job is None or job.started_at is None:
        return None
    return LatestJob(status=job.status, attempt=job.attempt, started_at=job.started_at)


def _settling(job: AudienceSyncJob | None) -> OpenPlan | None:
    if job is None or job.status not in _TAKEN or job.completed_at is None:
        return None
    if (job.settlement or {}).get("status") != "pending":
        return None
    return OpenPlan(
        job_id=job.id,
        completed_at=job.completed_at,
        ask_at=job.next_attempt_at or job.completed_at,
    )
