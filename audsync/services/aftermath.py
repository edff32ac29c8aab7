"""What a job leaves on the records: its end, the audience's health, and when it is due again."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from audsync.domain import AudienceState, RemoteAudience, SyncStatus
from audsync.errors import AttentionError, AudienceGoneError, AudsyncError
from audsync.store import jobs
from audsync.store.tables import AudienceSyncJob, PlatformAudience
from audsync.sync.run import Outcome

if TYPE_CHECKING:
    from sqlmodel import Session

RETRY_LADDER_S = (60, 300, 900, 3600)
"""Waits before the next attempts at what failed for a passing reason."""
_RESUMED_EXIT_CODES = frozenset({3, 6, 8, 130})
ABANDONED = "The process that ran this job is gone; the next run went on where it stopped."


def settle(
    session: "Session",
    audience: PlatformAudience,
    job: AudienceSyncJob,
    outcome: Outcome,
    remote: RemoteAudience | None,
    *,
    now: datetime,
) -> None:
    """Close the job and update the audience, in the caller's transaction."""
    error = outcome.error
    retry_at = _retry_at(job, error, now)
    if remote is not None:
        audience.platform_size = remote.size_upper
    if any(warning["code"] == "NO_VALID_IDENTIFIERS" for warning in job.warnings):
        audience.match_rate = 0.0
    job.match_rate = audience.match_rate
    jobs.finish(
        session,
        job,
        status=outcome.status,
        now=now,
        error=error.as_json() if error else None,
        next_attempt_at=retry_at,
    )
    audience.last_sync_at = now
    audience.last_sync_status = outcome.status
    audience.last_sync_error = error.message if error else None
    audience.next_sync_at = retry_at or now + timedelta(hours=audience.sync_interval_hours)
    if isinstance(error, AudienceGoneError):
        audience.state = AudienceState.STALE
    if isinstance(error, AttentionError):
        audience.auto_sync = False
    audience.updated_at = now
    session.add(audience)


def close_abandoned(session: "Session", job: AudienceSyncJob, *, now: datetime) -> None:
    """Close a job whose process died."""
    error: dict[str, Any] = {
        "code": "CANCELLED",
        "message": ABANDONED,
        "details": {},
        "action_required": None,
    }
    jobs.finish(session, job, status=SyncStatus.FAILED, now=now, error=error)


def _retry_at(job: AudienceSyncJob, error: AudsyncError | None, now: datetime) -> datetime | None:
    """When to try again by itself, for failures that pass."""
    if error is None or error.exit_code not in _RESUMED_EXIT_CODES:
        return None
    step = RETRY_LADDER_S[min(job.attempt, len(RETRY_LADDER_S)) - 1]
    asked = float(error.details.get("retry_after_seconds") or 0)
    return now + timedelta(seconds=max(step, asked))
