"""How a job ends: all that its outcome changes on the records, in one transaction."""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from audsync import logs
from audsync.domain import RemoteAudience
from audsync.services import aftermath, connection_health, expiry, notices
from audsync.services.notices import Desk
from audsync.services.runtime import Runtime
from audsync.services.schedule import timetable_of
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


def conclude(session: "Session", runtime: Runtime, ending: Ending, *, now: datetime) -> Outcome:
    """Close the job; update its audience and its connection; note who is to hear of it.

    Returns:
        the outcome as it is recorded.
    """
    job, audience = ending.job, ending.audience
    outcome = aftermath.patient(ending.outcome, audience, now=now)
    desk = Desk.of(runtime.config, session, now)
    soon = expiry.warnings_for(session, audience, now, left=desk.credentials_left)
    job.warnings = [*job.warnings, *soon]
    timetable = timetable_of(runtime.config)
    aftermath.settle(session, job, outcome, ending.remote, timetable=timetable, now=now)
    connection_health.note_job(session, audience, outcome.error, now=now)
    notices.note_job(desk, audience, job)
    runtime.timings.write(session, desk.tenant_id, now=now)
    _log_end(job)
    return outcome


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
