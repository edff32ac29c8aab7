"""How a job ends: all that its outcome changes on the records, in one transaction."""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from audsync import logs
from audsync.domain import RemoteAudience, SyncStatus
from audsync.services.connections import connection_health
from audsync.services.jobs import aftermath, told
from audsync.services.jobs.size_watch import Scene
from audsync.services.schedule.rhythm import timetable_of
from audsync.services.watch import expiry, notices
from audsync.services.watch.notices import Desk
from audsync.services.wiring.runtime import Runtime
from audsync.store.tables import AudienceSyncJob, PlatformAudience
from audsync.sync.run import Outcome

if TYPE_CHECKING:
    from sqlmodel import Session

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A job that ends, and what is known of it."""

    job: AudienceSyncJob
    audience: PlatformAudience
    outcome: Outcome
    remote: RemoteAudience | None
    """What the platform said before anything was sent."""
    scene: Scene | None = None
    """What the size in it can be held against."""
    was_anew: bool = False
    """Whether everybody was to be sent again, whatever is there."""


def conclude(session: "Session", runtime: Runtime, ending: Ending, *, now: datetime) -> Outcome:
    """Close the job; update its audience and its connection; note who is to hear of it.

    Returns:
        the outcome as it is recorded.
    """
    job, audience = ending.job, ending.audience
    outcome = aftermath.patient(session, ending.outcome, audience, now=now)
    desk = Desk.of(runtime.config, session, now)
    sizes = _note_sizes(ending, outcome, runtime, now=now)
    soon = expiry.warnings_for(session, audience, now, left=desk.credentials_left)
    job.warnings = [*job.warnings, *sizes, *soon, *_slow(runtime, job, now=now)]
    timetable = timetable_of(runtime.config)
    aftermath.settle(session, job, outcome, timetable=timetable, now=now)
    connection_health.note_job(session, audience, outcome.error, now=now)
    notices.note_job(desk, audience, job)
    runtime.timings.write(session, desk.tenant_id, now=now)
    _log_end(job)
    return outcome


def _slow(runtime: Runtime, job: AudienceSyncJob, *, now: datetime) -> list[dict[str, str]]:
    """The warning that the job took longer than `health.max_sync`."""
    took_s = (now - (job.started_at or now)).total_seconds()
    most_s = runtime.config.health.max_sync
    if took_s <= most_s:
        return []
    message = (
        f"This job took {took_s:,.0f} s, longer than the {most_s:,} s of `health.max_sync`. Where"
        " that is usual, raise it."
    )
    return [{"code": "SLOW_SYNC", "message": message}]


def _note_sizes(
    ending: Ending, outcome: Outcome, runtime: Runtime, *, now: datetime
) -> list[dict[str, str]]:
    """Keep what the platform said; the warnings that it is not what it should be, if it is not."""
    if ending.remote is not None:
        told.remember(ending.audience, ending.remote, now=now, scene=ending.scene)
    if ending.was_anew and outcome.status in {SyncStatus.COMPLETED, SyncStatus.PARTIAL}:
        # What is left of it, such as Google's sweep, belongs to a later run.
        told.start_anew(ending.audience, now=now)
    least = runtime.config.health.min_match_percent
    few = told.matches_few(ending.audience, least_percent=least)
    return [one for one in (told.drifts(ending.audience), few) if one]


def _log_end(job: AudienceSyncJob) -> None:
    if job.error is None:
        _log.info(
            "%s: %d profiles added, %d removed, in %d ms",
            job.status,
            job.profiles_added,
            job.profiles_removed,
            job.duration_ms or 0,
        )
    else:
        extra = logs.of(job.error, is_told=True)
        _log.error("%s: %s", job.status, job.error["message"], extra=extra)
