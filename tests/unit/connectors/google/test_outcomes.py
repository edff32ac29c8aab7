from typing import Any

import pytest

from audsync.connectors.google.outcomes import settlement
from audsync.domain import RemoteId, Settlement, SettlementState
from audsync.errors import OutcomeUnknownError

LIST = RemoteId("8765432109")


def told(status: object = "SUCCESS", **facts: object) -> dict[str, Any]:
    entry = {
        "destination": {
            "operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": "1234567890"},
            "productDestinationId": LIST,
        },
        "requestStatus": status,
        **facts,
    }
    return {"requestStatusPerDestination": [entry]}


def errors(**counts: object) -> dict[str, Any]:
    entries = [
        {"recordCount": count, "reason": f"PROCESSING_ERROR_REASON_{reason}"}
        for reason, count in counts.items()
    ]
    return {"errorCounts": entries}


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("PROCESSING", SettlementState.PENDING),
        ("REQUEST_STATUS_UNKNOWN", SettlementState.PENDING),
        ("SUCCESS", SettlementState.CONFIRMED),
        ("PARTIAL_SUCCESS", SettlementState.CONFIRMED),
        ("FAILED", SettlementState.REJECTED),
        ("FAILURE", SettlementState.REJECTED),
    ],
)
def test_a_request_stands_as_google_says(status: str, state: SettlementState) -> None:
    assert settlement(told(status), LIST) == Settlement(state=state)


def test_rows_left_out_are_counted_by_reason() -> None:
    info = errors(DENIED_CONSENT="3", INVALID_FORMAT=2)
    entry = told("PARTIAL_SUCCESS", errorInfo=info, warningInfo={})
    told_again = settlement(entry, LIST)
    assert told_again.state is SettlementState.CONFIRMED
    assert told_again.rejected_rows == 5
    assert told_again.reasons == {"DENIED_CONSENT": 3, "INVALID_FORMAT": 2}


@pytest.mark.parametrize("reason", ["DENIED_CONSENT", "NO_CONSENT", "UNKNOWN_CONSENT"])
def test_a_request_of_people_without_consent_alone_is_not_sent_for_ever(reason: str) -> None:
    outcome = settlement(told("FAILED", errorInfo=errors(**{reason: "1"})), LIST)
    assert outcome.state is SettlementState.CONFIRMED
    assert outcome.reasons == {reason: 1}
    mixed = errors(**{reason: "1", "INVALID_FORMAT": "1"})
    assert settlement(told("FAILED", errorInfo=mixed), LIST).state is SettlementState.REJECTED


def test_rows_lost_by_googles_own_fault_make_the_request_go_again() -> None:
    info = errors(INTERNAL_ERROR="1")
    outcome = settlement(told("PARTIAL_SUCCESS", errorInfo=info), LIST)
    assert outcome.state is SettlementState.REJECTED


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("MATCH_RATE_RANGE_51_TO_60", (51, 60)),
        ("MATCH_RATE_RANGE_91_TO_100", (91, 100)),
        ("MATCH_RATE_RANGE_LESS_THAN_20", (0, 20)),
        ("MATCH_RATE_RANGE_NOT_ELIGIBLE", None),
        ("MATCH_RATE_RANGE_UNKNOWN", None),
        (51, None),
        (None, None),
    ],
)
@pytest.mark.parametrize("part", ["compositeDataIngestionStatus", "userDataIngestionStatus"])
def test_the_match_rate_is_a_range(
    part: str, value: object, expected: tuple[int, int] | None
) -> None:
    status = {part: {"recordCount": "10000", "uploadMatchRateRange": value}}
    outcome = settlement(told(audienceMembersIngestionStatus=status), LIST)
    assert outcome.match_rate_percent == expected


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"requestStatusPerDestination": {}},
        {"requestStatusPerDestination": [None, 4, {}]},
        {"requestStatusPerDestination": [{"destination": {"productDestinationId": "1"}}]},
        told("SOMETHING_NEW"),
    ],
)
def test_an_answer_about_something_else_is_none(answer: dict[str, Any]) -> None:
    with pytest.raises(OutcomeUnknownError):
        settlement(answer, LIST)


@pytest.mark.parametrize(
    "info",
    [
        [],
        {"errorCounts": "3"},
        {"errorCounts": [None, {"reason": "mary@example.com", "recordCount": "1"}, {"reason": 3}]},
    ],
)
def test_hostile_counts_are_left_unread(info: object) -> None:
    outcome = settlement(told("PARTIAL_SUCCESS", errorInfo=info), LIST)
    assert outcome == Settlement(state=SettlementState.CONFIRMED)
