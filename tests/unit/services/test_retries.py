"""Which failures are tried again, when, and how often."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audsync.domain import SyncStatus
from audsync.errors import (
    AudsyncError,
    BudgetEndedError,
    CancelledError,
    ConflictError,
    CredentialsExpiredError,
    GuardError,
    MaintenanceError,
    OutcomeUnknownError,
    PartialFailureError,
    RateLimitError,
    SourceError,
    UnavailableError,
    ValidationError,
)
from audsync.services.schedule import retries
from audsync.services.schedule.retries import Earlier


def waits(error: AudsyncError, attempts: int = 6) -> list[float | None]:
    return [retries.wait_s(error, attempt) for attempt in range(1, attempts + 1)]


def partial(cause: AudsyncError) -> PartialFailureError:
    return PartialFailureError("some", details={"cause": cause.as_json()})


@pytest.mark.parametrize(
    "error",
    [
        RateLimitError("x"),
        UnavailableError("x"),
        ConflictError("x"),
        OutcomeUnknownError("x", timed_out=False),
        partial(UnavailableError("x")),
        partial(ValidationError("x")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_passes_climbs_the_ladder_and_then_ends(error: AudsyncError) -> None:
    assert waits(error) == [60, 300, 900, 3600, None, None]


@pytest.mark.parametrize("error", [OutcomeUnknownError("x"), partial(OutcomeUnknownError("x"))])
def test_timeouts_are_tried_three_times_a_minute_apart(error: AudsyncError) -> None:
    assert waits(error, 4) == [60, 60, 60, None]


@pytest.mark.parametrize(
    "error",
    [CredentialsExpiredError("x"), ValidationError("x"), GuardError("x"), SourceError("x"), None],
)
def test_what_needs_a_person_is_never_tried_again(error: AudsyncError | None) -> None:
    assert retries.wait_s(error, 1) is None


def test_maintenance_is_given_five_minutes_or_what_the_platform_says() -> None:
    assert waits(MaintenanceError("x"), 3) == [300, 300, 900]
    assert waits(MaintenanceError("x", details={"retry_after_seconds": 1200}), 2) == [1200, 1200]


def test_a_platforms_own_wait_counts_where_it_is_longer() -> None:
    error = RateLimitError("x", details={"retry_after_seconds": 420})
    assert waits(error, 3) == [420, 420, 900]
    assert waits(partial(error), 3) == [420, 420, 900]


@pytest.mark.parametrize("error", [BudgetEndedError("x"), CancelledError("x")])
def test_what_was_cut_short_is_due_at_once_and_for_ever(error: AudsyncError) -> None:
    assert waits(error) == [0.0] * 6


def earlier(status: SyncStatus, attempt: int = 1, **more: object) -> Earlier:
    return Earlier(status=status, attempt=attempt, **more)  # type: ignore[arg-type]


def test_attempts_count_failures_in_a_row() -> None:
    assert retries.attempt_after(None) == 1
    failed = earlier(SyncStatus.FAILED, 2, is_to_be_retried=True, code="RATE_LIMITED")
    assert retries.attempt_after(failed) == 3
    assert retries.attempt_after(earlier(SyncStatus.PARTIAL, 1, is_to_be_retried=True)) == 2
    assert retries.attempt_after(earlier(SyncStatus.RUNNING, 3)) == 4


def test_a_success_or_the_end_of_the_ladder_begins_anew() -> None:
    assert retries.attempt_after(earlier(SyncStatus.COMPLETED, 3)) == 1
    assert retries.attempt_after(earlier(SyncStatus.FAILED, 5)) == 1


@pytest.mark.parametrize("code", ["TIME_BUDGET_ENDED", "CANCELLED"])
def test_what_was_cut_short_is_no_failure(code: str) -> None:
    cut = earlier(SyncStatus.PARTIAL, 2, is_to_be_retried=True, code=code)
    assert retries.attempt_after(cut) == 2


def test_a_settlement_that_still_pends_is_no_failure_and_a_rejected_one_is() -> None:
    pending = earlier(SyncStatus.COMPLETED, is_to_be_retried=True, settlement="pending")
    assert retries.attempt_after(pending) == 1
    rejected = earlier(SyncStatus.COMPLETED, 2, is_to_be_retried=True, settlement="rejected")
    assert retries.attempt_after(rejected) == 3


@given(st.lists(st.sampled_from([RateLimitError("x"), OutcomeUnknownError("x")]), min_size=6))
def test_no_history_of_failures_is_tried_more_than_five_times_in_a_row(
    errors: Sequence[AudsyncError],
) -> None:
    before, in_a_row = None, 0
    for error in errors:
        attempt = retries.attempt_after(before)
        in_a_row = in_a_row + 1 if attempt > 1 else 1
        assert attempt == in_a_row <= 5
        wait_s = retries.wait_s(error, attempt)
        before = Earlier(
            status=SyncStatus.FAILED, attempt=attempt, is_to_be_retried=wait_s is not None
        )


def test_a_platform_is_asked_the_rarer_the_longer_it_takes() -> None:
    found = [retries.follow_up_wait_s(hours * 3600) for hours in (0, 0.5, 1, 2, 4, 24)]
    assert found == sorted(found)
    assert (found[0], found[-1]) == (600, 7200)
