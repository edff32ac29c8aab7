"""Whether and when what failed is tried again by itself. Pure.

Waits are rows in the store, not sleeps: a run ends, and `run-due` goes on when the wait is over.
"""

from dataclasses import dataclass

from audsync.domain import SettlementState, SyncStatus
from audsync.errors import (
    AudsyncError,
    BudgetEndedError,
    CancelledError,
    MaintenanceError,
    OutcomeUnknownError,
    PartialFailureError,
)

RETRY_LADDER_S = (60, 300, 900, 3600)
"""Waits before the next attempts at what failed for a passing reason."""
TIMEOUT_WAITS_S = (60, 60, 60)
"""The same for a platform that gives no answer in time."""
CRASH_WAITS_S = (0, 0, 0, 900, 3600)
"""The same, since it began, for a job whose process died: a reboot is not the audience's fault, but
one that brings the process down every time must not do so to all the others for ever."""
MAINTENANCE_S = 300
"""An announced maintenance is given at least so long."""
FOLLOW_UP_S = 600
"""Between two questions about what a platform accepted, at least."""
LONGEST_FOLLOW_UP_S = 7200
_OLDER_THE_RARER = 4
_PASSING_EXIT_CODES = frozenset({PartialFailureError.exit_code, OutcomeUnknownError.exit_code})
_CUT_SHORT = frozenset({BudgetEndedError.code, CancelledError.code})
_FAILED = frozenset({SyncStatus.FAILED, SyncStatus.PARTIAL, SyncStatus.RUNNING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """The job before this one. `running`: its process is gone."""

    status: SyncStatus
    attempt: int
    is_to_be_retried: bool = False
    """A further attempt was planned."""
    code: str | None = None
    """Of its error."""
    settlement: str | None = None


def wait_s(error: AudsyncError | None, attempt: int) -> float | None:
    """Seconds until the next attempt; None where there is none but the usual rhythm.

    Args:
        error: how the job ended.
        attempt: which one of the attempts in a row that was, from 1 on.
    """
    if isinstance(error, BudgetEndedError | CancelledError):
        return 0.0
    if error is None or error.exit_code not in _PASSING_EXIT_CODES:
        return None
    waits_s = TIMEOUT_WAITS_S if _cause(error) == OutcomeUnknownError.code else RETRY_LADDER_S
    if attempt > len(waits_s):
        return None
    floor_s = MAINTENANCE_S if _cause(error) == MaintenanceError.code else 0
    return max(waits_s[attempt - 1], floor_s, _asked_s(error))


def crash_wait_s(attempt: int) -> float | None:
    """Seconds from the beginning of a job whose process died until it is finished by another.

    None where that happened too often: then the usual rhythm has to do.
    """
    return CRASH_WAITS_S[attempt - 1] if attempt <= len(CRASH_WAITS_S) else None


def ladder_s(attempt: int) -> float | None:
    """The step of the ladder after so many attempts in a row; None beyond its end."""
    return RETRY_LADDER_S[attempt - 1] if attempt <= len(RETRY_LADDER_S) else None


def attempt_after(earlier: Earlier | None) -> int:
    """Which attempt the next job is: failures in a row count until one is no more retried."""
    if earlier is None:
        return 1
    was_rejected = earlier.settlement == SettlementState.REJECTED.value
    if earlier.status is SyncStatus.RUNNING or (was_rejected and earlier.is_to_be_retried):
        return earlier.attempt + 1
    if not earlier.is_to_be_retried:
        return 1
    if earlier.code in _CUT_SHORT:
        return earlier.attempt
    return earlier.attempt + 1 if earlier.status in _FAILED else 1


def follow_up_wait_s(age_s: float) -> float:
    """Seconds until a platform is asked again about what it accepted `age_s` seconds ago."""
    return min(max(age_s / _OLDER_THE_RARER, FOLLOW_UP_S), LONGEST_FOLLOW_UP_S)


def _cause(error: AudsyncError) -> str:
    """The code of what went wrong first, where only some batches did."""
    cause = error.details.get("cause")
    return str(cause["code"]) if isinstance(cause, dict) else error.code


def _asked_s(error: AudsyncError) -> float:
    """What the platform asked for, where it did."""
    cause = error.details.get("cause")
    details = cause["details"] if isinstance(cause, dict) else error.details
    return float(details.get("retry_after_seconds") or 0)
