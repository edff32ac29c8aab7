"""How a job begins: what dead processes left is closed, its attempt counted, its slot taken.

All in one transaction under the audience's lease. A job of `run-due` begins only while the audience
is still due: another host's may have been quicker between the look and the lease.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from audsync import logs
from audsync.domain import SyncOperation, TriggeredBy
from audsync.services.jobs import aftermath
from audsync.services.schedule import due, retries
from audsync.services.schedule.retries import Earlier
from audsync.services.schedule.rhythm import Timetable
from audsync.store import jobs
from audsync.store.due import candidates
from audsync.store.tables import AudienceSyncJob, PlatformAudience

if TYPE_CHECKING:
    from sqlmodel import Session

_log = logging.getLogger(__name__)


class NoLongerDueError(Exception):
    """The audience was due when it was looked for, and is not any more: nothing was begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The job that is to begin."""

    operation: SyncOperation
    triggered_by: TriggeredBy
    retry_of: UUID | None


def begin(
    session: "Session",
    audience: PlatformAudience,
    order: Order,
    *,
    timetable: Timetable,
    now: datetime,
) -> AudienceSyncJob:
    """A running job, in the caller's transaction, which holds the audience's lease.

    Raises:
        NoLongerDueError: the order came from `run-due`, and there is nothing left to do.
    """
    is_scheduled = order.triggered_by is TriggeredBy.SCHEDULED
    if is_scheduled and not _is_due(session, audience, now):
        raise NoLongerDueError
    latest = next(
        iter(jobs.recent(session, audience.tenant_id, audience_id=audience.id, limit=1)), None
    )
    attempt = retries.attempt_after(_earlier(latest))
    for left in jobs.abandoned(session, audience.id):
        aftermath.close_abandoned(session, left, now=now)
    retried = latest.id if latest and is_scheduled and attempt > 1 else None
    job = jobs.begin(
        session,
        audience,
        order.operation,
        order.triggered_by,
        now,
        retry_of=order.retry_of or retried,
    )
    job.attempt = attempt
    logs.also(job_id=str(job.id))
    _log.info("%s begins, attempt %d, %s", job.operation, attempt, job.triggered_by)
    if is_scheduled:
        aftermath.take_slot(audience, timetable, now=now)
        session.add(audience)
    return job


def _is_due(session: "Session", audience: PlatformAudience, now: datetime) -> bool:
    found = candidates(session, audience.tenant_id, audience_id=audience.id)
    # Whoever asks holds the lease: a job that still says `running` was left by a dead process.
    return any(due.wants_sync(one, now, is_held=False) for one in found)


def _earlier(job: AudienceSyncJob | None) -> Earlier | None:
    if job is None:
        return None
    return Earlier(
        status=job.status,
        attempt=job.attempt,
        is_to_be_retried=job.next_attempt_at is not None,
        code=(job.error or {}).get("code"),
        settlement=(job.settlement or {}).get("status"),
    )
