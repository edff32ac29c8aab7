"""From what a job ended with to the events that people hear of: tables, and pure choices.

An *event* is a word of `notify.on`. What a job meets may be several at once: a job that a guard
refused has failed, too. Each receiver hears the most telling one of those that it listens to.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from audsync.config.watching import NotifyEvent
from audsync.domain import SyncStatus

EVENT_OF_ERROR: Mapping[str, NotifyEvent] = {
    "AUDIENCE_NOT_FOUND": NotifyEvent.STALE,
    "AUDIENCE_STALE": NotifyEvent.STALE,
    "GUARD_REFUSED": NotifyEvent.GUARD_REFUSED,
    "INVALID_CREDENTIALS": NotifyEvent.CREDENTIALS_EXPIRED,
    "CREDENTIALS_EXPIRED": NotifyEvent.CREDENTIALS_EXPIRED,
    "PERMISSION_DENIED": NotifyEvent.CREDENTIALS_EXPIRED,
    "TERMS_NOT_ACCEPTED": NotifyEvent.CREDENTIALS_EXPIRED,
    "CIRCUIT_OPEN": NotifyEvent.CIRCUIT_OPEN,
}
"""What an error code says beyond `failed`."""
EVENT_OF_WARNING: Mapping[str, NotifyEvent] = {
    "EMPTY_SEGMENT": NotifyEvent.EMPTY_SEGMENT,
    "NO_VALID_IDENTIFIERS": NotifyEvent.EMPTY_SEGMENT,
    "LOW_MATCH_RATE": NotifyEvent.LOW_MATCH_RATE,
    "SIZE_DRIFT": NotifyEvent.SIZE_DRIFT,
    "NAME_CHANGED": NotifyEvent.NAME_CHANGED,
}
"""Of `CREDENTIALS_EXPIRING` the connection's own record tells: see `notices.note_connection`."""
EVENT_OF_STATUS: Mapping[str, NotifyEvent] = {
    SyncStatus.FAILED.value: NotifyEvent.FAILED,
    SyncStatus.PARTIAL.value: NotifyEvent.PARTIAL,
}
OF_CONNECTION = frozenset(
    {
        NotifyEvent.CREDENTIALS_EXPIRED,
        NotifyEvent.CREDENTIALS_EXPIRING,
        NotifyEvent.CIRCUIT_OPEN,
    }
)
"""Told once for a connection, not for each of its audiences."""
MOMENTS = frozenset({NotifyEvent.NAME_CHANGED})
"""These are over as they begin: nothing recovers from them."""
MOST_TELLING_FIRST = (
    NotifyEvent.CREDENTIALS_EXPIRED,
    NotifyEvent.STALE,
    NotifyEvent.GUARD_REFUSED,
    NotifyEvent.CIRCUIT_OPEN,
    NotifyEvent.PARTIAL,
    NotifyEvent.FAILED,
)
"""Why a job was not completed: of these, a receiver hears one."""
NO_NEWS = frozenset({"CANCELLED", "TIME_BUDGET_ENDED", "SYNC_IN_PROGRESS"})
"""Codes of jobs that were cut short: nothing is known to be better or worse for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """What a job met."""

    troubles: tuple[NotifyEvent, ...] = ()
    """Why it was not completed, most telling first; empty where it was."""
    oddities: frozenset[NotifyEvent] = frozenset()
    """What its warnings say."""
    is_whole: bool = False
    """Whether it came far enough for a warning that it has not to mean that all is well."""


def met_by(job: Mapping[str, Any]) -> Met | None:
    """What a job that ended met; None where its end says nothing.

    Args:
        job: its JSON, as `reports.job` makes it.
    """
    error = job["error"] or {}
    if error.get("code") in NO_NEWS or job["status"] == SyncStatus.CANCELLED.value:
        return None
    found = {EVENT_OF_STATUS.get(job["status"]), *(_event_of(code) for code in _codes(error))}
    warned = {EVENT_OF_WARNING.get(one["code"]) for one in job["warnings"]}
    return Met(
        troubles=tuple(one for one in MOST_TELLING_FIRST if one in found),
        oddities=frozenset(one for one in warned if one is not None),
        is_whole=job["status"] in {SyncStatus.COMPLETED.value, SyncStatus.PARTIAL.value},
    )


def met_without_job(code: str) -> Met | None:
    """What an audience met of which no job could be begun; None where that says nothing.

    A connection that rests is nobody's failure but its own.
    """
    if code in NO_NEWS:
        return None
    event = _event_of(code)
    if event in OF_CONNECTION:
        return Met(troubles=(event,))
    found = {NotifyEvent.FAILED, event}
    return Met(troubles=tuple(one for one in MOST_TELLING_FIRST if one in found))


def chosen(
    troubles: Collection[NotifyEvent], listened_to: Collection[NotifyEvent]
) -> NotifyEvent | None:
    """The one of the troubles, most telling first, that a receiver hears."""
    return next((one for one in troubles if one in listened_to), None)


def _event_of(code: str) -> NotifyEvent | None:
    return EVENT_OF_ERROR.get(code)


def _codes(error: Mapping[str, Any]) -> list[str]:
    """The code, and that of the cause where only some batches met it."""
    cause = (error.get("details") or {}).get("cause")
    causes = [cause.get("code")] if isinstance(cause, dict) else []
    return [str(code) for code in (error.get("code"), *causes) if code]
