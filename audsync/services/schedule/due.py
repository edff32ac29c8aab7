"""What is due at a moment, and since when. Pure.

An audience is due when its time has come, when the process that worked on it died, or when the
platform is to be asked how far it has come with what it accepted. Oldest first: whatever was dealt
with gets a later time, so nothing waits for ever.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from audsync.domain import SyncStatus
from audsync.services.schedule import retries
from audsync.store.due import Candidate, OpenPlan


class Task(StrEnum):
    """What is to be done."""

    SYNC = "sync"
    FOLLOW_UP = "follow_up"
    """Ask the platform, record the answer, send nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An audience that something is to be done for."""

    audience_id: UUID
    slug: str
    segment: str
    connection: str
    task: Task
    since: datetime


def due(candidates: Iterable[Candidate], now: datetime) -> Sequence[Due]:
    """What is due of all that may be, oldest first."""
    found = [one for candidate in candidates if (one := _due(candidate, now)) is not None]
    return sorted(found, key=lambda one: (one.since, one.audience_id))


def companions(queue: Sequence[Due], behind: Collection[str] = ()) -> Sequence[Due]:
    """Who is begun next: the first, and whoever else is to be synced with the same segment.

    Args:
        queue: at least one, in order.
        behind: connections whose calls are used up for a while: who would have to wait for one
            has its turn when nobody else is left.
    """
    waiting = {one.segment for one in queue if one.task is Task.SYNC and one.connection in behind}
    first = queue[0]
    if behind:
        ready = (one for one in queue if one.connection not in behind)
        alone = (one for one in ready if one.task is not Task.SYNC or one.segment not in waiting)
        first = next(alone, first)
    if first.task is not Task.SYNC:
        return [first]
    others = [one for one in queue if one.task is Task.SYNC and one.segment == first.segment]
    return [first, *(one for one in others if one is not first)]


def question(candidate: Candidate, now: datetime) -> OpenPlan | None:
    """The plan about which the platform is to be asked now; None while somebody else asks."""
    plan = candidate.settling
    is_time = plan is not None and plan.ask_at <= now
    return plan if is_time and not candidate.is_held else None


def wants_sync(candidate: Candidate, now: datetime, *, is_held: bool) -> bool:
    """Whether it is to be synced now.

    `is_held`: whether somebody works on it; then a job that says `running` is no dead one.
    """
    return _sync_at(candidate, is_held=is_held) <= now


def _due(candidate: Candidate, now: datetime) -> Due | None:
    if candidate.settling is not None:
        # A change could leave only when the earlier ones are final: ask about these first.
        plan = question(candidate, now)
        return None if plan is None else _of(candidate, Task.FOLLOW_UP, plan.ask_at)
    if wants_sync(candidate, now, is_held=candidate.is_held):
        return _of(candidate, Task.SYNC, _sync_at(candidate, is_held=candidate.is_held))
    return None


def _sync_at(candidate: Candidate, *, is_held: bool) -> datetime:
    """From when on it is due: its time, or earlier, when it is to be tried again after a crash."""
    sync_at = candidate.next_sync_at or candidate.created_at
    latest = candidate.latest
    if latest is None or latest.status is not SyncStatus.RUNNING or is_held:
        return sync_at
    wait_s = retries.crash_wait_s(latest.attempt)
    if wait_s is None:
        return sync_at
    return min(sync_at, latest.started_at + timedelta(seconds=wait_s))


def _of(candidate: Candidate, task: Task, since: datetime) -> Due:
    return Due(
        audience_id=candidate.audience_id,
        slug=candidate.slug,
        segment=candidate.segment,
        connection=candidate.connection,
        task=task,
        since=since,
    )
