"""What the store knows of a tenant's recent past, for `health` and `metrics`. Reads only."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, func, select

from audsync.domain import AudienceState, Platform, SyncStatus
from audsync.store.tables import AudienceSyncJob, Budget, PlatformAudience

_BAD = frozenset({SyncStatus.FAILED, SyncStatus.PARTIAL})
_OF_ENDED = ("platform", "status", "completed_at", "duration_ms", "error")
_CREDENTIAL_CODES = frozenset({"INVALID_CREDENTIALS", "CREDENTIALS_EXPIRED"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedJob:
    """A job that is over."""

    audience: str
    platform: Platform
    status: SyncStatus
    at: datetime
    took_ms: int = 0
    code: str | None = None
    """Of its error."""

    @property
    def is_bad(self) -> bool:
        """Whether it did not complete, for a reason of its own."""
        return self.status in _BAD

    @property
    def is_refused(self) -> bool:
        """Whether it ended for its credentials."""
        return self.code in _CREDENTIAL_CODES


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """The jobs that ended since some moment, oldest first."""

    jobs: tuple[EndedJob, ...] = ()

    @property
    def by_status(self) -> dict[SyncStatus, int]:
        """How many ended how."""
        return dict(Counter(job.status for job in self.jobs))

    @property
    def slowest(self) -> EndedJob | None:
        """The job that took longest."""
        return max(self.jobs, key=lambda job: job.took_ms, default=None)

    @property
    def counted(self) -> tuple[EndedJob, ...]:
        """Those that say something of a rate: what a person cancelled does not."""
        return tuple(one for one in self.jobs if one.is_bad or one.status is SyncStatus.COMPLETED)

    def on(self, platform: Platform) -> "Past":
        """Those on one platform."""
        return Past(jobs=tuple(job for job in self.jobs if job.platform is platform))


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What the jobs of one platform came to since the store was made."""

    platform: Platform
    added: int
    removed: int
    failed: int
    confirmed_batches: int
    failed_batches: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetUse:
    """How far one rate of a quota is used up."""

    quota: str
    rate: str
    ahead_s: float
    """Until so far from now its places are taken; 0 while calls leave at once."""
    blocked_s: float
    """For so long the platform asked for calm."""


def past(session: Session, tenant_id: int, since: datetime) -> Past:
    """What became of the jobs that ended since then."""
    found = session.execute(
        select(AudienceSyncJob.audience)
        .add_columns(*(col(getattr(AudienceSyncJob, name)) for name in _OF_ENDED))
        .where(
            col(AudienceSyncJob.tenant_id) == tenant_id,
            col(AudienceSyncJob.completed_at) >= since,
        )
        .order_by(col(AudienceSyncJob.completed_at), col(AudienceSyncJob.id))
    ).all()
    return Past(
        jobs=tuple(
            EndedJob(
                audience=audience,
                platform=platform,
                status=status,
                at=at,
                took_ms=took_ms or 0,
                code=(error or {}).get("code"),
            )
            for audience, platform, status, at, took_ms, error in found
        )
    )


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


def rated_at(session: Session, tenant_id: int) -> datetime | None:
    """When the oldest of these match rates was found, by the last sync of its audience."""
    return session.exec(
        select(func.min(PlatformAudience.last_sync_at)).where(
            col(PlatformAudience.tenant_id) == tenant_id,
            col(PlatformAudience.state) != AudienceState.RETIRED,
            col(PlatformAudience.match_rate).is_not(None),
        )
    ).one()


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """An audience of another size than it should have."""

    percent: float
    since: datetime | None = None
    """When its platform first told it; None where an older version noted it."""


def drifts(session: Session, tenant_id: int) -> dict[str, Drift]:
    """Living audiences of another size than they should have, by slug."""
    found = session.exec(
        select(PlatformAudience.slug, PlatformAudience.told).where(
            col(PlatformAudience.tenant_id) == tenant_id,
            col(PlatformAudience.state) != AudienceState.RETIRED,
        )
    ).all()
    return {
        slug: _drift(told["drift"])
        for slug, told in found
        if told is not None and told.get("drift")
    }


def _drift(kept: dict[str, Any]) -> Drift:
    since = kept.get("since")
    return Drift(percent=kept["percent"], since=datetime.fromisoformat(since) if since else None)


def last_success(session: Session, audience_id: UUID) -> datetime | None:
    """When the audience was last brought wholly in step."""
    return session.exec(
        select(func.max(AudienceSyncJob.completed_at)).where(
            col(AudienceSyncJob.platform_audience_id) == audience_id,
            col(AudienceSyncJob.status) == SyncStatus.COMPLETED,
        )
    ).one()


def totals(session: Session, tenant_id: int) -> Sequence[Totals]:
    """Counts of every job of the tenant, by platform; they only grow."""
    sums = [
        func.sum(col(getattr(AudienceSyncJob, name)))
        for name in (
            "profiles_added",
            "profiles_removed",
            "profiles_failed",
            "successful_batches",
            "failed_batches",
        )
    ]
    found = session.execute(
        select(AudienceSyncJob.platform)
        .add_columns(*sums)
        .where(col(AudienceSyncJob.tenant_id) == tenant_id)
        .group_by(col(AudienceSyncJob.platform))
        .order_by(col(AudienceSyncJob.platform))
    ).all()
    return [
        Totals(
            platform=platform,
            added=int(added),
            removed=int(removed),
            failed=int(failed),
            confirmed_batches=int(confirmed),
            failed_batches=int(refused),
        )
        for platform, added, removed, failed, confirmed, refused in found
    ]


def budgets(session: Session, now: datetime) -> Sequence[BudgetUse]:
    """Every rate of every quota, of all tenants: a quota is the platform's, not a tenant's."""
    found = session.exec(select(Budget).order_by(col(Budget.key))).all()
    return [
        BudgetUse(
            quota=one.key,
            rate=rate,
            ahead_s=max(0.0, until_s - now.timestamp()),
            blocked_s=max(0.0, (one.blocked_until - now).total_seconds())
            if one.blocked_until
            else 0.0,
        )
        for one in found
        for rate, until_s in sorted(one.taken.items())
    ]
