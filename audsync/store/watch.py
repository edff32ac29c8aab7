"""What the store knows of a tenant's recent past, for `health` and `metrics`. Reads only."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, func, select

from audsync.domain import AudienceState, SyncStatus
from audsync.store.tables import AudienceSyncJob, PlatformAudience


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """The jobs that ended since some moment."""

    by_status: dict[SyncStatus, int]
    slowest: tuple[str, int] | None
    """Audience and milliseconds of the job that took longest."""
    refused: tuple[tuple[str, str], ...]
    """Audience and error code of each job that ended for its credentials, oldest first."""


def past(session: Session, tenant_id: int, since: datetime) -> Past:
    """What became of the jobs that ended since then."""
    recent = (
        col(AudienceSyncJob.tenant_id) == tenant_id,
        col(AudienceSyncJob.completed_at) >= since,
    )
    counts = session.exec(
        select(AudienceSyncJob.status, func.count())
        .where(*recent)
        .group_by(col(AudienceSyncJob.status))
    ).all()
    slowest = session.exec(
        select(AudienceSyncJob.audience, AudienceSyncJob.duration_ms)
        .where(*recent, col(AudienceSyncJob.duration_ms).is_not(None))
        .order_by(col(AudienceSyncJob.duration_ms).desc())
        .limit(1)
    ).first()
    failed = session.exec(
        select(AudienceSyncJob.audience, AudienceSyncJob.error)
        .where(*recent, col(AudienceSyncJob.status) == SyncStatus.FAILED)
        .order_by(col(AudienceSyncJob.completed_at))
    ).all()
    refusals = [(audience, str((error or {}).get("code"))) for audience, error in failed]
    return Past(
        by_status={SyncStatus(status): int(count) for status, count in counts},
        slowest=(slowest[0], int(slowest[1])) if slowest and slowest[1] is not None else None,
        refused=tuple(one for one in refusals if one[1] in _CREDENTIAL_CODES),
    )


_CREDENTIAL_CODES = frozenset({"INVALID_CREDENTIALS", "CREDENTIALS_EXPIRED"})


def match_rates(session: Session, tenant_id: int) -> dict[str, float]:
    """The match rate of each living audience whose platform tells one, by slug."""
    found = session.exec(
        select(PlatformAudience.slug, PlatformAudience.match_rate).where(
            col(PlatformAudience.tenant_id) == tenant_id,
            col(PlatformAudience.state) != AudienceState.RETIRED,
            col(PlatformAudience.match_rate).is_not(None),
        )
    ).all()
    return {slug: rate for slug, rate in found if rate is not None}


def last_success(session: Session, audience_id: UUID) -> datetime | None:
    """When the audience was last brought wholly in step."""
    return session.exec(
        select(func.max(AudienceSyncJob.completed_at)).where(
            col(AudienceSyncJob.platform_audience_id) == audience_id,
            col(AudienceSyncJob.status) == SyncStatus.COMPLETED,
        )
    ).one()
