import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from audsync.connectors.google import failures
from audsync.connectors.replies import Reply
from audsync.errors import AudsyncError, OutcomeUnknownError, RateLimitError
from tests.unit.connectors.google.accounts import failure

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MEMBER = "audience_members.audience_members[{}].user_data.user_identifiers"

INVALID = ("VALIDATION_ERROR", 1)
GONE = ("AUDIENCE_NOT_FOUND", 1)
CONFIG = ("CONFIG_ERROR", 2)
TERMS = ("TERMS_NOT_ACCEPTED", 5)
DENIED = ("PERMISSION_DENIED", 5)
EXPIRED = ("CREDENTIALS_EXPIRED", 5)
DUPLICATE = ("DUPLICATE_NAME", 1)
LIMITED = ("RATE_LIMITED", 6)
NOT_NOW = ("PLATFORM_UNAVAILABLE", 6)
OTHER = ("PLATFORM_ERROR", 1)

REASONS: list[tuple[int, str, str, tuple[str, int]]] = [
    *(
        (400, "INVALID_ARGUMENT", reason, INVALID)
        for reason in (
            "REQUIRED_FIELD_MISSING",
            "INVALID_HEX_ENCODING",
            "INVALID_BASE64_ENCODING",
            "INVALID_SHA256_FORMAT",
            "INVALID_FORMAT",
            "INVALID_ENUM_VALUE",
            "INVALID_POSTAL_CODE",
            "INVALID_REGION_CODE",
            "INVALID_MOBILE_ID_FORMAT",
            "NO_IDENTIFIERS_PROVIDED",
            "TOO_MANY_AUDIENCE_MEMBERS",
            "TOO_MANY_USER_IDENTIFIERS",
            "TOO_MANY_DESTINATIONS",
            "MULTIPLE_DATA_TYPES_NOT_ALLOWED",
            "INVALID_AUDIENCE_MEMBER",
            "FIELD_VALUE_TOO_LONG",
            "DUPLICATE_DESTINATION_REFERENCE",
            "INVALID_REMOVE_AS_OF_TIME",
            "INVALID_FILTER",
            "INVALID_PAGE_TOKEN",
            "MEMBERSHIP_DURATION_TOO_LONG",
            "INVALID_DISPLAY_NAME",
            "USER_LIST_NAME_RESERVED",
            "IMMUTABLE_FIELD_FOR_UPDATE",
            "UNSUPPORTED_USER_LIST_UPLOAD_KEY_TYPES",
            "A_REASON_OF_TOMORROW",
        )
    ),
    (400, "INVALID_ARGUMENT", "INVALID_DESTINATION", GONE),
    (400, "INVALID_ARGUMENT", "INVALID_USER_LIST_ID", GONE),
    (400, "INVALID_ARGUMENT", "INVALID_USER_LIST_TYPE", CONFIG),
    (400, "INVALID_ARGUMENT", "DESTINATION_ACCOUNT_TYPE_MISMATCH", CONFIG),
    (400, "INVALID_ARGUMENT", "OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH", CONFIG),
    (400, "INVALID_ARGUMENT", "TERMS_AND_CONDITIONS_NOT_SIGNED", TERMS),
    (400, "INVALID_ARGUMENT", "ADVERTISER_TOS_NOT_ACCEPTED", TERMS),
    (400, "INVALID_ARGUMENT", "EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED", DENIED),
    (400, "INVALID_ARGUMENT", "DISPLAY_NAME_ALREADY_USED", DUPLICATE),
    (409, "ALREADY_EXISTS", "DISPLAY_NAME_ALREADY_USED", DUPLICATE),
    (409, "ALREADY_EXISTS", "ALREADY_EXISTS", DUPLICATE),
    (400, "INVALID_ARGUMENT", "ALREADY_EXISTS", DUPLICATE),
    (401, "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED", EXPIRED),
    (401, "UNAUTHENTICATED", "CREDENTIALS_MISSING", EXPIRED),
    (401, "UNAUTHENTICATED", "A_REASON_OF_TOMORROW", EXPIRED),
    (403, "PERMISSION_DENIED", "PERMISSION_DENIED", DENIED),
    (403, "PERMISSION_DENIED", "NOT_ALLOWLISTED", DENIED),
    (403, "PERMISSION_DENIED", "OWNERSHIP_REQUIRED_FOR_UPDATE", DENIED),
    (403, "PERMISSION_DENIED", "SENSITIVE_USER_LIST_IMMUTABLE", DENIED),
    (403, "PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", DENIED),
    (403, "PERMISSION_DENIED", "SERVICE_DISABLED", DENIED),
    (404, "NOT_FOUND", "NOT_FOUND", GONE),
    (429, "RESOURCE_EXHAUSTED", "RESOURCE_EXHAUSTED", LIMITED),
    (400, "FAILED_PRECONDITION", "A_REASON_OF_TOMORROW", NOT_NOW),
    (409, "ABORTED", "A_REASON_OF_TOMORROW", NOT_NOW),
    (500, "INTERNAL", "INTERNAL_ERROR", NOT_NOW),
    (503, "UNAVAILABLE", "UNAVAILABLE", NOT_NOW),
    (504, "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED", NOT_NOW),
    (400, "INVALID_ARGUMENT", "REQUEST_TOO_OLD", OTHER),
    (400, "INVALID_ARGUMENT", "INVALID_REQUEST_ID", OTHER),
    (418, "TEAPOT", "A_REASON_OF_TOMORROW", OTHER),
]


def reply(http_status: int, body: object, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status=http_status, headers=named, body=text)


def error_of(answer: Reply) -> AudsyncError:
    with pytest.raises(AudsyncError) as caught:
        failures.decode(answer, "1234567890", lambda: NOW)
    return caught.value


@pytest.mark.parametrize(("http_status", "status", "reason", "expected"), REASONS)
@pytest.mark.parametrize("is_by_field", [True, False])
def test_a_reason_means_the_same_wherever_it_stands(
    http_status: int, status: str, reason: str, expected: tuple[str, int], is_by_field: bool
) -> None:
    body = (
        failure(status, status, fields={"user_list.display_name": reason})
        if is_by_field
        else failure(status, reason)
    )
    error = error_of(reply(http_status, body))
    assert (error.code, error.exit_code) == expected
    assert error.details["trace_id"] == "trace-1"
    assert reason in error.details["reasons"]
    assert "mary" not in f"{error!r} {error.as_json()}"


@pytest.mark.parametrize("http_status", [500, 502, 503, 504])
def test_a_server_that_fails_while_it_refuses_has_proved_nothing(http_status: int) -> None:
    for reason in ("INVALID_HEX_ENCODING", "DISPLAY_NAME_ALREADY_USED", "INVALID_USER_LIST_ID"):
        body = failure("INVALID_ARGUMENT", reason)
        assert isinstance(error_of(reply(http_status, body)), OutcomeUnknownError)


def test_what_a_person_must_do_outweighs_a_value_that_is_wrong_as_well() -> None:
    fields = {
        MEMBER.format(0): "INVALID_HEX_ENCODING",
        "terms_of_service": "TERMS_AND_CONDITIONS_NOT_SIGNED",
    }
    error = error_of(reply(400, failure("INVALID_ARGUMENT", "INVALID_ARGUMENT", fields=fields)))
    assert error.code == "TERMS_NOT_ACCEPTED"
    assert error.details["url"].startswith("https://support.google.com/")


@pytest.mark.parametrize(
    "place",
    [
        "audience_members.audience_members[{}].user_data.user_identifiers",
        "audience_members.audience_members[{}]",
        "audience_members[{}].composite_data.user_data.user_identifiers[1].email_address",
        "audienceMembers.audienceMembers[{}].userData",
        "audienceMembers[{}]",
    ],
)
def test_members_at_fault_are_named_by_their_places(place: str) -> None:
    fields = {place.format(at): "INVALID_HEX_ENCODING" for at in (4, 17)}
    error = error_of(reply(400, failure("INVALID_ARGUMENT", "INVALID_ARGUMENT", fields=fields)))
    assert isinstance(error, failures.MembersRefusedError)
    assert error.positions == {4, 17}
    assert error.details["field"] == place.format(4)


@pytest.mark.parametrize("place", ["encoding", "", "user_list[3]", "x@example.com", 7, None])
def test_members_are_not_at_fault_alone_where_something_else_is_too(place: Any) -> None:  # noqa: ANN401 - whatever comes
    body = failure("INVALID_ARGUMENT", fields={MEMBER.format(0): "INVALID_HEX_ENCODING"})
    violations = body["error"]["details"][0]["fieldViolations"]
    violations.append({"field": place, "reason": "INVALID_ENUM_VALUE"})
    error = error_of(reply(400, body))
    assert not isinstance(error, failures.MembersRefusedError)
    assert error.code == "VALIDATION_ERROR"


def test_a_member_that_does_not_fit_the_list_is_not_the_members_fault() -> None:
    fields = {MEMBER.format(0): "INVALID_USER_LIST_TYPE"}
    assert error_of(reply(400, failure("INVALID_ARGUMENT", fields=fields))).code == "CONFIG_ERROR"


@pytest.mark.parametrize(
    ("quota", "retry_after", "wait_s"),
    [
        ("IngestionMutateRequestsPerMinutePerProject", None, 60),
        ("ManagementReadRequestsPerMinutePerProject", "7", 7),
        ("IngestionMutateRequestsPerDayPerProject", None, 3_600),
        ("IngestionMutateRequestsPerDayPerProject", "Sun, 22 Nov 2026 14:00:00 GMT", 7_200),
        (None, None, 60),
        (["PerDay"], "soon", 60),
    ],
)
def test_the_quota_says_how_long_to_wait(
    quota: object, retry_after: str | None, wait_s: float
) -> None:
    body = failure("RESOURCE_EXHAUSTED", "RESOURCE_EXHAUSTED")
    body["error"]["details"][0]["metadata"] = {"quota_limit": quota}
    headers = {"retry_after": retry_after} if retry_after else {}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = Reply(status=429, headers=named, body=json.dumps(body).encode())
    error = error_of(answer)
    assert isinstance(error, RateLimitError)
    assert error.wait_s == wait_s


@pytest.mark.parametrize(
    "error",
    [
        {},
        {"status": 7, "details": "no"},
        {"details": [1, None, "x", {"fieldViolations": 3, "metadata": [], "requestId": {}}]},
        {"details": [{"fieldViolations": [{"field": {}, "reason": ["INVALID"]}, None, 4]}]},
        {"status": "x" * 500, "details": [{"reason": "mary@example.com", "requestId": "a b"}]},
        {"status": "INVALID_ARGUMENT\n", "message": "mary@example.com"},
    ],
)
@pytest.mark.parametrize("http_status", [200, 400, 403, 500])
def test_hostile_words_are_not_repeated(http_status: int, error: dict[str, Any]) -> None:
    told = error_of(reply(http_status, {"error": error}))
    assert "mary" not in f"{told!r} {told.as_json()}"
    assert len(str(told.as_json())) < 1_000


@pytest.mark.parametrize(
    "body", [b"", b"{", b"<html>no</html>", b"[]", b"null", b'{"error": "denied"}']
)
def test_an_answer_in_no_known_form_proves_nothing(body: bytes) -> None:
    assert isinstance(error_of(reply(200, body)), OutcomeUnknownError)
    assert isinstance(error_of(reply(502, body)), OutcomeUnknownError)
    assert error_of(reply(429, body)).code == "RATE_LIMITED"


def test_a_success_carries_the_time_it_was_given() -> None:
    answer = failures.decode(
        reply(200, {"id": "1"}, date="Sun, 22 Nov 2026 11:59:58 GMT"), "1", lambda: NOW
    )
    assert failures.served_at(answer) == NOW - timedelta(seconds=2)


@pytest.mark.parametrize("date", ["", "yesterday", "Sun, 99 Nov 2026 11:59:58 GMT"])
def test_a_date_that_cannot_be_read_is_none(date: str) -> None:
    answer = failures.decode(reply(200, {}, date=date), "1", lambda: NOW)
    assert failures.served_at(answer) is None
