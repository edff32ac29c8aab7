"""Requests that Google works off later, and its clock."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from audsync.connectors.google.connector import GoogleConnector
from audsync.domain import SettlementState
from audsync.errors import AudsyncError, PermissionDeniedError, UnavailableError, ValidationError
from tests.unit.connectors.fakes import FakeClock
from tests.unit.connectors.google.accounts import failure
from tests.unit.connectors.google.script import (
    DENIED,
    FAILING,
    GONE,
    ID,
    SILENCE,
    TAKEN,
    Script,
    Scripted,
    connected,
)


def test_an_accepted_upload_is_asked_about_by_its_reference(
    google: GoogleConnector, script: Script
) -> None:
    entry = {"destination": {"productDestinationId": ID}, "requestStatus": "SUCCESS"}
    script.answers = [{"requestStatusPerDestination": [entry]}]
    assert google.settlement(ID, "126365e1").state is SettlementState.CONFIRMED
    (request,) = script.seen
    assert request.url.path == "/v1/requestStatus:retrieve"
    assert dict(request.url.params) == {"requestId": "126365e1"}


@pytest.mark.parametrize(
    "forgotten",
    [
        (400, failure("INVALID_ARGUMENT", "REQUEST_TOO_OLD")),
        (400, failure("INVALID_ARGUMENT", fields={"request_id": "INVALID_REQUEST_ID"})),
        GONE,
    ],
)
def test_an_upload_that_google_has_forgotten_is_lost(
    google: GoogleConnector, script: Script, forgotten: Scripted
) -> None:
    script.answers = [forgotten]
    assert google.settlement(ID, "126365e1").state is SettlementState.LOST


@pytest.mark.parametrize(
    ("answer", "error"),
    [(DENIED, PermissionDeniedError), (FAILING, UnavailableError), ({}, UnavailableError)],
)
def test_an_upload_that_cannot_be_asked_about_is_not_lost(
    google: GoogleConnector, script: Script, answer: Scripted, error: type[AudsyncError]
) -> None:
    script.answers = [answer] * 3
    with pytest.raises(error):
        google.settlement(ID, "126365e1")


def test_a_refusal_to_tell_is_not_a_loss(google: GoogleConnector, script: Script) -> None:
    script.answers = [(400, failure("INVALID_ARGUMENT", "INVALID_FORMAT"))]
    with pytest.raises(ValidationError):
        google.settlement(ID, "126365e1")


def test_a_mark_has_calm_on_both_sides_by_googles_clock(
    google: GoogleConnector, script: Script, clock: FakeClock
) -> None:
    script.skew = timedelta(hours=2)
    script.answers = [{}] * 5
    asked_at = clock.now() + script.skew
    mark = google.clock_mark()
    assert mark >= asked_at + timedelta(seconds=6)
    assert clock.now() + script.skew >= mark + timedelta(seconds=5)
    assert sum(clock.slept_s) <= 12


def test_without_googles_clock_ours_is_set_back(
    google: GoogleConnector, script: Script, clock: FakeClock
) -> None:
    script.skew = None
    script.answers = [{}]
    assert google.clock_mark() == clock.now() - timedelta(minutes=5)


def test_a_clock_that_stands_still_is_not_trusted(
    clock: FakeClock,
) -> None:
    class Stopped(Script):
        def __call__(self, request: httpx.Request) -> httpx.Response:
            response = super().__call__(request)
            response.headers["Date"] = "Sun, 22 Nov 2026 12:00:00 GMT"
            return response

    stopped = Stopped(clock, answers=[{}] * 10)
    before = clock.now() - timedelta(minutes=5)
    assert connected(stopped).clock_mark() <= before
    assert sum(clock.slept_s) < 120


def test_a_sweep_says_as_of_when_and_is_worked_off_later(
    google: GoogleConnector, script: Script
) -> None:
    script.answers = [SILENCE, TAKEN]
    receipt = google.sweep(ID, datetime(2026, 11, 22, 10, tzinfo=UTC))
    assert (receipt.is_settled, receipt.unanswered_tries) == (False, 1)
    assert script.paths() == ["/v1/audienceMembers:removeAll"] * 2
    assert script.bodies()[0] == {
        "destinations": [
            {
                "operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": "1234567890"},
                "productDestinationId": ID,
            }
        ],
        "removeAsOfTime": "2026-11-22T10:00:00Z",
    }
