"""`run-due`: everything that is due, once, several audiences at once, each for itself.

What fails never touches the others. An audience belongs to whoever holds its lease, so any number
of hosts may do this at the same moment.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from audsync.domain import SyncOperation, TriggeredBy
from audsync.errors import (
    AudsyncError,
    BusyError,
    ConfigError,
    FeatureDisabledError,
    LeaseLostError,
    SegmentInactiveError,
)
from audsync.services import bugs, reports
from audsync.services.connections import connection_health
from audsync.services.cron import pings, round_up, settlements
from audsync.services.cron.crew import Crew, Ended
from audsync.services.jobs.beginning import NoLongerDueError
from audsync.services.jobs.sync_audience import Wish, bring_in_step
from audsync.services.schedule import due
from audsync.services.schedule.due import Due, Task
from audsync.services.schedule.rhythm import timetable_of
from audsync.services.stopping import TimeBudget
from audsync.services.watch import last_run
from audsync.services.wiring import circuits
from audsync.services.wiring.runtime import Runtime
from audsync.store import settings
from audsync.store.due import candidates
from audsync.store.tables import PlatformAudience

_WORST_FIRST = (130, 1, 5, 3, 7, 6, 8, 4)
_LOOKS_S = (0.0, 0.2, 0.8, 3.0)
"""Pauses before each look whether whoever holds an audience has begun what is due."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How much one run may do."""

    max_concurrent: int | None = None
    """Audiences at once; None for `limits.max_concurrent_syncs`."""
    budget_s: float | None = None
    """Nothing new is begun after so many seconds; None: no end."""
    limit: int | None = None
    """Audiences that are synced; None for all that are due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A run that is over."""

    ended: Sequence[Ended] = field(default_factory=tuple)
    left: int = 0
    """Audiences that are due and were left to the next run by `Pace.limit`."""
    quiet_until: datetime | None = None
    """Where nothing was begun as these are quiet hours: their end."""

    @property
    def jobs(self) -> list[dict[str, Any]]:
        """Every job that was begun."""
        return [one.job for one in self.ended if one.job is not None]

    @property
    def skipped(self) -> list[Ended]:
        """Audiences that were due and of which no job was begun."""
        return [one for one in self.ended if one.error is not None]

    @property
    def exit_code(self) -> int:
        """0 where every job was completed, else the worst that happened."""
        codes = {one.exit_code for one in self.ended} - {0}
        return next((code for code in _WORST_FIRST if code in codes), 1 if codes else 0)

    def as_json(self) -> dict[str, Any]:
        """The one document on stdout."""
        skipped = [
            {"audience": one.audience, "reason": one.error.code} for one in self.ended if one.error
        ]
        return {"jobs": self.jobs, "skipped": skipped}


def run_due(
    runtime: Runtime, pace: Pace, *, told: Callable[[Ended], None] = lambda _ended: None
) -> Report:
    """Sync or follow up whatever is due at this moment, oldest first.

    Args:
        runtime: the program's.
        pace: how much of it.
        told: called with each audience as it ends, from this thread.

    Raises:
        StoreError: what is due cannot be found out.
    """
    with pings.around(runtime) as ended_with:
        report = _run(runtime, pace, told)
        ended_with(report.exit_code)
    return report


def _run(runtime: Runtime, pace: Pace, told: Callable[[Ended], None]) -> Report:
    budget = TimeBudget(runtime.clock, pace.budget_s)
    with runtime.database.reading() as session:
        started_at = runtime.database.now(session)
        found = due.due(candidates(session, runtime.config.tenant), started_at)
    timetable = timetable_of(runtime.config)
    is_quiet = timetable.is_quiet(started_at)
    queue = deque(() if is_quiet else found)
    _note(runtime, {"started_at": reports.moment(started_at), "due": len(queue), "ended_at": None})
    at_once = min(pace.max_concurrent or runtime.config.limits.max_concurrent_syncs, len(queue))
    crew = Crew(
        runtime=runtime.shared(max(at_once, 1), budget),
        budget=budget,
        limit=pace.limit,
        deal_with=_deal_with,
        put_right=partial(_put_right, runtime, started_at=started_at),
        told=told,
    )
    crew.work(queue)
    if not is_quiet:
        connection_health.retest(crew.runtime, may_go_on=lambda: crew.may_go_on)
    left = sum(one.task is Task.SYNC for one in queue)
    report = Report(
        ended=tuple(crew.ended),
        left=left if crew.may_go_on else 0,
        quiet_until=timetable.awake(started_at) if is_quiet else None,
    )
    _note(runtime, _summary(runtime, report, started_at=started_at, due_count=len(found)))
    refused = {one.audience: one.error for one in report.ended if one.error and one.exit_code}
    round_up.tell(runtime, refused)
    return report


def _put_right(runtime: Runtime, queue: deque[Due], one: Due, *, started_at: datetime) -> None:
    """Leave out what other processes have dealt with; what they are at comes last.

    Asked for `one` alone: while nobody else is about, it is free, and so are the others.
    """
    try:
        with runtime.database.reading() as session:
            tenant = runtime.config.tenant
            found = candidates(session, tenant, audience_id=one.audience_id)
            if due.due(found, started_at) and not any(one.is_held for one in found):
                return
            found = candidates(session, tenant)
    except AudsyncError as error:
        # Whoever deals with the first finds out for itself, and tells.
        _log.info("what others have done is not known: %s", error.code)
        return
    is_held = {one.audience_id: one.is_held for one in found}
    now_due = {one.audience_id: one for one in due.due(found, started_at)}
    still = [now_due[one.audience_id] for one in queue if one.audience_id in now_due]
    queue.clear()
    queue.extend(sorted(still, key=lambda one: is_held[one.audience_id]))


def _deal_with(runtime: Runtime, one: Due) -> Ended:
    """Do for one audience what is due; whatever goes wrong is told, never raised."""
    try:
        with runtime.database.reading() as session:
            audience = session.get_one(PlatformAudience, one.audience_id)
        circuits.require_closed(runtime, audience)
        if one.task is Task.FOLLOW_UP:
            settlements.pursue(runtime, one)
            return Ended(audience=one.slug)
        return _sync(runtime, one, audience)
    except AudsyncError as error:
        return _refused(one, error)
    except Exception as error:  # noqa: BLE001 - one audience's bug stops no other
        _log.info("a bug", exc_info=True)
        return _refused(one, bugs.as_error(error))


def _sync(runtime: Runtime, one: Due, audience: PlatformAudience) -> Ended:
    wish = Wish(operation=SyncOperation.UPDATE, triggered_by=TriggeredBy.SCHEDULED)
    try:
        report = bring_in_step(runtime, audience, wish)
    except NoLongerDueError:
        return Ended(audience=one.slug)
    except LeaseLostError:
        raise
    except BusyError:
        if _is_somebodys(runtime, one):
            return Ended(audience=one.slug)
        raise
    code = 1 if report.exit_code == ConfigError.exit_code else report.exit_code
    return Ended(audience=one.slug, job=report.job, exit_code=code)


def _is_somebodys(runtime: Runtime, one: Due) -> bool:
    """Whether its holder does what is due: another `run-due` says so within a moment."""
    for pause_s in _LOOKS_S:
        if pause_s:
            runtime.clock.sleep(pause_s)
        with runtime.database.reading() as session:
            now = runtime.database.now(session)
            found = candidates(session, runtime.config.tenant, audience_id=one.audience_id)
        if not any(due.wants_sync(each, now, is_held=True) for each in found):
            return True
    return False


def _refused(one: Due, error: AudsyncError) -> Ended:
    """No job was begun. What a person has switched off is no failure; 2 is for the whole file."""
    code = 1 if isinstance(error, ConfigError) else error.exit_code
    if isinstance(error, FeatureDisabledError | SegmentInactiveError):
        code = 0
    return Ended(audience=one.slug, error=error, exit_code=code)


def _summary(
    runtime: Runtime, report: Report, *, started_at: datetime, due_count: int
) -> dict[str, Any]:
    with runtime.database.reading() as session:
        ended_at = runtime.database.now(session)
    return {
        "started_at": reports.moment(started_at),
        "due": due_count,
        "ended_at": reports.moment(ended_at),
        "quiet_until": reports.moment(report.quiet_until),
        "jobs": len(report.jobs),
        "skipped": len(report.skipped),
        "left": report.left,
        "exit_code": report.exit_code,
    }


def _note(runtime: Runtime, summary: dict[str, Any]) -> None:
    """Leave word of this run for `health`, at its beginning and at its end."""
    with runtime.database.transaction() as session:
        settings.write(session, last_run.key_of(runtime.config.tenant), last_run.as_text(summary))
