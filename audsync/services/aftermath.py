"""What a job leaves on the records: its end, the audience's health, and when it is due again."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from audsync.domain import AudienceState, RemoteAudience, SyncStatus
from audsync.errors import AttentionError, AudienceGoneError, AudsyncError, UnavailableError
from audsync.services import told
from audsync.store import jobs
from audsync.store.tables import AudienceSyncJob, PlatformAudience
from audsync.sync.run import Outcome

if TYPE_CHECKING:
    from sqlmodel import Session

RETRY_LADDER_S = (60, 300, 900, 3600)
"""Waits before the next attempts at what failed for a passing reason."""
_RESUMED_EXIT_CODES = frozenset({3, 6, 8, 130})
_YOUTH = timedelta(minutes=1)
"""For so long a platform may not know an audience that it has just made (observed on Meta)."""
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
        told.remember(audience, remote, now=now)
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


def patient(outcome: Outcome, audience: PlatformAudience, *, now: datetime) -> Outcome:
    """`outcome`, unless it takes an audience for gone that a moment ago was not there yet.

    The run that made it waits for it to appear; one that goes on after a crash cannot tell how
    long ago that was, and must not give the audience up. One that was ever filled is not young.
    """
    made_at = audience.create_attempted_at
    is_young = made_at is not None and now - made_at < _YOUTH
    is_filled = audience.last_sync_status is SyncStatus.COMPLETED
    if not isinstance(outcome.error, AudienceGoneError) or is_filled or not is_young:
        return outcome
    error = UnavailableError(
        f"{audience.platform} does not show the audience {audience.slug} yet, which was made a"
        " moment ago. Nothing is lost: run the command again in a minute.",
        details={"platform": audience.platform.value, "audience": audience.slug},
    )
    return replace(outcome, error=error)


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
