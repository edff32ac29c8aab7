"""What a failure means for the rest of a plan, when others were under way beside it."""

import pytest

from audsync.domain import Action, BatchState
from audsync.errors import (
    AudienceGoneError,
    AudsyncError,
    PermissionDeniedError,
    RateLimitError,
    UnavailableError,
    ValidationError,
)
from audsync.sync.contract import BatchFacts
from audsync.sync.delivery import send
from audsync.sync.delivery.sending import Sending

BATCHES = {
    number: BatchFacts(
        number=number,
        action=Action.REMOVE,
        first_row=number,
        stop_row=number + 1,
        rows=1,
        state=BatchState.SENDING,
    )
    for number in (1, 2)
}
PASSING = UnavailableError("not now")
DENIED = PermissionDeniedError("not you")
GONE = AudienceGoneError("not there")
CALM = RateLimitError("later")
REFUSED = ValidationError("not so")


def after(*errors: AudsyncError) -> Sending:
    sending = Sending(batches=dict(BATCHES), sessions={})
    for number, error in enumerate(errors, start=1):
        send._note_failure(sending, BATCHES[number], error)  # noqa: SLF001 - pure, and all of it
    return sending


@pytest.mark.parametrize("stop", [DENIED, GONE, CALM])
@pytest.mark.parametrize("other", [PASSING, REFUSED])
def test_a_stop_holds_whatever_lands_after_it(stop: AudsyncError, other: AudsyncError) -> None:
    assert after(stop, other).stopped
    assert after(other, stop).stopped
    assert not after(other).stopped


@pytest.mark.parametrize("final", [DENIED, GONE])
@pytest.mark.parametrize("passing", [PASSING, CALM, REFUSED])
def test_what_a_later_run_cannot_mend_is_what_is_told(
    final: AudsyncError, passing: AudsyncError
) -> None:
    assert after(passing, final).error is final
    assert after(final, passing).error is final


def test_of_failures_that_pass_the_first_is_told() -> None:
    assert after(PASSING, CALM).error is PASSING
