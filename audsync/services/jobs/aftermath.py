"""What a job leaves on the records: its end, the audience's health, and when it is due again."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from audsync.domain import (
    AudienceState,
    SettlementState,
    SyncStatus,
    TriggeredBy,
)
from audsync.errors import AttentionError, AudienceGoneError, UnavailableError
from audsync.services.jobs import told
from audsync.services.schedule import retries
from audsync.services.schedule.rhythm import Timetable, next_slot
from audsync.store import jobs
from audsync.store.tables import AudienceSyncJob, PlatformAudience
from audsync.sync.run import Outcome

if TYPE_CHECKING:
    from sqlmodel import Session

_YOUTH = timedelta(minutes=2)
"""For so long a platform may not know an audience that it has just made (observed on Meta)."""
ABANDONED = "The process that ran this job is gone; the next run went on where it stopped."


def settle(
    session: "Session",
    job: AudienceSyncJob,
    outcome: Outcome,
    *,
    timetable: Timetable,
    now: datetime,
) -> None:
    """Close the job and update its audience, in the caller's transaction."""
    audience = session.get_one(PlatformAudience, job.platform_audience_id)
    error = outcome.error
    wait_s = retries.wait_s(error, job.attempt)
    retry_at = None if wait_s is None else timetable.awake(now + timedelta(seconds=wait_s))
    if any(warning["code"] == "NO_VALID_IDENTIFIERS" for warning in job.warnings):
        audience.match_rate = 0.0
    elif outcome.error is None:
        audience.match_rate = told.match_rate(audience)
    job.match_rate = audience.match_rate
    jobs.finish(
        session,
        job,
        status=outcome.status,
        now=now,
        error=error.as_json() if error else None,
        next_attempt_at=retry_at or _ask_at(outcome, now),
    )
    audience.last_sync_at = now
    audience.last_sync_status = outcome.status
    audience.last_sync_error = error.message if error else None
    if error is None and job.triggered_by is not TriggeredBy.SCHEDULED:
        audience.regular_sync_at = None  # what a person did begins the rhythm anew
        audience.next_sync_at = None
    take_slot(audience, timetable, now=now)
    audience.next_sync_at = retry_at or audience.next_sync_at
    if isinstance(error, AudienceGoneError):
        audience.state = AudienceState.STALE
    if isinstance(error, AttentionError):
        audience.auto_sync = False
        audience.next_sync_at = now  # once it is resumed
    audience.updated_at = now
    session.add(audience)


def take_slot(audience: PlatformAudience, timetable: Timetable, *, now: datetime) -> None:
    """Move the audience on to the first moment of its rhythm after `now`.

    A run of cron takes its slot as it begins: nobody else finds it due then, and if the process
    dies, the job that it left is what is tried again.
    """
    interval = timetable.interval(audience.sync_interval_hours)
    slot = next_slot(audience.regular_sync_at or audience.next_sync_at, now, interval)
    audience.regular_sync_at = slot
    audience.next_sync_at = timetable.begin(slot, audience.id, interval)


def keep_time(audience: PlatformAudience, timetable: Timetable) -> None:
    """Count its interval from the last sync; what is tried again sooner stays so."""
    if audience.last_sync_at is None:
        return
    interval = timetable.interval(audience.sync_interval_hours)
    audience.regular_sync_at = audience.last_sync_at + interval
    begin_at = timetable.begin(audience.regular_sync_at, audience.id, interval)
    is_retried = audience.last_sync_status is not SyncStatus.COMPLETED
    sooner = audience.next_sync_at if is_retried else None
    audience.next_sync_at = min(begin_at, sooner or begin_at)


def patient(
    session: "Session", outcome: Outcome, audience: PlatformAudience, *, now: datetime
) -> Outcome:
    """`outcome`, unless it takes an audience for gone that a moment ago was not there yet.

    The run that made it waits for it to appear; one that goes on after a crash cannot tell how
    long ago that was, and must not give the audience up. One that took anybody was there already.
    """
    made_at = audience.create_attempted_at
    is_young = made_at is not None and now - made_at < _YOUTH
    if not (isinstance(outcome.error, AudienceGoneError) and is_young):
        return outcome
    if jobs.was_taken(session, audience.id):
        return outcome
    error = UnavailableError(
        f"{audience.platform.label} does not show the audience {audience.slug} yet, which was made"
        " a moment ago. Nothing is lost: run the command again in a minute.",
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


def _ask_at(outcome: Outcome, now: datetime) -> datetime | None:
    """When the platform is to be asked how far it has come with what it accepted."""
    if (outcome.settlement or {}).get("status") != SettlementState.PENDING.value:
        return None
    return now + timedelta(seconds=retries.FOLLOW_UP_S)
