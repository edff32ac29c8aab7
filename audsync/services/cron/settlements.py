"""What `run-due` does about requests that a platform accepted and works off later.

The platform is asked now and then, the later the rarer. What came to nothing is sent again by a
sync that is due soon; everything else needs none.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from audsync.domain import SettlementState
from audsync.errors import BusyError
from audsync.services.cron import follow_up
from audsync.services.schedule import due, retries
from audsync.services.schedule.due import Due
from audsync.services.schedule.rhythm import timetable_of
from audsync.services.wiring.runtime import Runtime
from audsync.store import jobs
from audsync.store.due import OpenPlan, candidates, take_question
from audsync.store.tables import AudienceSyncJob, PlatformAudience

if TYPE_CHECKING:
    from sqlmodel import Session

_PENDING = SettlementState.PENDING.value
_REJECTED = SettlementState.REJECTED.value


def pursue(runtime: Runtime, one: Due) -> None:
    """Ask how far the platform is, and plan what follows from its answer.

    Nothing happens where another process asks at this moment.

    Raises:
        AudsyncError: the platform cannot be asked; it is asked again later all the same.
    """
    plan = _take(runtime, one)
    if plan is None:
        return
    with runtime.database.reading() as session:
        audience = session.get_one(PlatformAudience, one.audience_id)
    try:
        follow_up.follow_up(runtime, audience)
    except BusyError:
        return
    with runtime.database.transaction() as session:
        job = session.get_one(AudienceSyncJob, plan.job_id)
        if (job.settlement or {}).get("status") != _PENDING:
            _conclude(runtime, session, job)


def _take(runtime: Runtime, one: Due) -> OpenPlan | None:
    """The plan to ask about; the next question is put off first, so that a crash repeats none."""
    with runtime.database.transaction() as session:
        now = runtime.database.now(session)
        found = candidates(session, runtime.config.tenant, audience_id=one.audience_id)
        plan = next((due.question(each, now) for each in found), None)
        if plan is None:
            return None
        wait_s = retries.follow_up_wait_s((now - plan.completed_at).total_seconds())
        ask_at = now + timedelta(seconds=wait_s)
        return plan if take_question(session, plan, now=now, ask_at=ask_at) else None


def _conclude(runtime: Runtime, session: "Session", job: AudienceSyncJob) -> None:
    """The answer is final: it holds for the later jobs, too, that had nothing new to send."""
    now = runtime.database.now(session)
    told = job.settlement or {}
    recent = jobs.recent(session, job.tenant_id, audience_id=job.platform_audience_id)
    for later in recent:
        if later.id == job.id:
            break
        if (later.settlement or {}).get("status") == _PENDING:
            later.settlement = dict(told)
            later.next_attempt_at = None
            session.add(later)
    job.next_attempt_at = None
    session.add(job)
    if told.get("status") == _REJECTED:
        _send_again(runtime, session, recent[0], now)


def _send_again(
    runtime: Runtime, session: "Session", latest: AudienceSyncJob, now: datetime
) -> None:
    """Let a sync be due soon, unless too many in a row came to nothing."""
    wait_s = retries.ladder_s(latest.attempt)
    if wait_s is None:
        return
    again_at = timetable_of(runtime.config).awake(now + timedelta(seconds=wait_s))
    latest.next_attempt_at = again_at
    audience = session.get_one(PlatformAudience, latest.platform_audience_id)
    audience.next_sync_at = min(again_at, audience.next_sync_at or again_at)
    session.add(latest)
    session.add(audience)
