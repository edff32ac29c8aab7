import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audsync.connectors.replies import Reply
from audsync.connectors.snapchat import failures, wire
from audsync.domain import RemoteId
from audsync.errors import (
    AudienceGoneError,
    AudsyncError,
    CredentialsExpiredError,
    MaintenanceError,
    OutcomeUnknownError,
    PermissionDeniedError,
    PlatformError,
    RateLimitError,
    ValidationError,
)

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SCENE = failures.Scene(account="acc-1", secrets=("s3cret", "r3fresh"))

CODES: list[tuple[str, type[AudsyncError]]] = [
    ("E1001", ValidationError),
    ("E1165", ValidationError),
    ("E1166", ValidationError),
    ("E2001", ValidationError),
    ("E2023", ValidationError),
    ("E2025", ValidationError),
    ("E3002", PermissionDeniedError),
    ("E3004", AudienceGoneError),
    ("E3999", PermissionDeniedError),
    ("E4001", OutcomeUnknownError),
    ("E4999", OutcomeUnknownError),
    ("E5000", OutcomeUnknownError),
    ("E9999", PlatformError),
]
STATUSES: list[tuple[int, type[AudsyncError], int]] = [
    (400, ValidationError, 1),
    (403, PermissionDeniedError, 5),
    (404, AudienceGoneError, 1),
    (405, PlatformError, 1),
    (406, PlatformError, 1),
    (410, AudienceGoneError, 1),
    (418, ValidationError, 1),
    (429, RateLimitError, 6),
    (500, OutcomeUnknownError, 6),
    (502, OutcomeUnknownError, 6),
    (503, MaintenanceError, 6),
    (504, OutcomeUnknownError, 6),
]
EXIT_CODES = {
    ValidationError: 1,
    PermissionDeniedError: 5,
    AudienceGoneError: 1,
    OutcomeUnknownError: 6,
    PlatformError: 1,
}
SUCCESS = {"request_status": "success", "request_id": "1", "segments": []}


def reply(status: int, body: object, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, headers=named, body=json.dumps(body).encode())


def refusal(code: str | None = None, **words: object) -> dict[str, Any]:
    body = {"request_status": "ERROR", "request_id": "98e2a602-0000-4000-8000-000000000001"}
    return {**body, **({"error_code": code} if code else {}), **words}


def in_200(reason: object, status: str = "ERROR") -> dict[str, Any]:
    entity = {"sub_request_status": "ERROR", "sub_request_error_reason": reason}
    return {"request_status": status, "request_id": "6740a1c5", "segments": [entity]}


def error_of(answer: Reply) -> AudsyncError:
    with pytest.raises(AudsyncError) as caught:
        failures.decode(answer, SCENE, lambda: NOW)
    return caught.value


@pytest.mark.parametrize(("code", "expected"), CODES)
def test_every_code_has_its_meaning_in_every_form(code: str, expected: type[AudsyncError]) -> None:
    reason = f"Error code: {code}, message: something"
    nested = {"sub_request_status": "ERROR", "errors": [None, {"message": reason}]}
    for answer in (
        reply(400, refusal(code, debug_message="something")),
        reply(200, in_200(reason)),
        reply(200, in_200(reason, status="SUCCESS")),
        reply(200, in_200(reason, status="PARTIAL")),
        reply(200, {"request_status": "error", "users": [nested]}),
        reply(200, refusal(None, debug_message=reason)),
    ):
        error = error_of(answer)
        assert type(error) is expected
        assert error.exit_code == EXIT_CODES[expected]
        assert error.details["error_code"] == code
        assert error.details["platform"] == "snapchat"
        assert "{" not in error.message


@pytest.mark.parametrize(("status", "expected", "exit_code"), STATUSES)
def test_a_status_speaks_where_there_is_no_code(
    status: int, expected: type[AudsyncError], exit_code: int
) -> None:
    error = error_of(reply(status, refusal()))
    assert type(error) is expected
    assert error.exit_code == exit_code


@pytest.mark.parametrize(("code", "expected"), CODES)
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_failing_server_proves_no_refusal(
    status: int, code: str, expected: type[AudsyncError]
) -> None:
    error = error_of(reply(status, refusal(code)))
    is_permission = expected is PermissionDeniedError
    assert type(error) is (expected if is_permission else OutcomeUnknownError)


@pytest.mark.parametrize("body", [b"unauthorized", b"", b"<html>", b'{"request_status":"SUCCESS"}'])
def test_401_is_an_expired_token_whatever_the_body(body: bytes) -> None:
    error = error_of(Reply(status=401, headers={}, body=body))
    assert type(error) is CredentialsExpiredError
    assert error.message.startswith(
        "Snapchat access token has expired. Please reconnect your account"
    )
    assert error.action_required == "reconnect_platform"


def test_429_needs_no_body_and_no_header() -> None:
    error = error_of(Reply(status=429, headers={}, body=b"slow down"))
    assert isinstance(error, RateLimitError)
    assert error.wait_s == 0
    assert error.message.startswith("Platform rate limit exceeded")


def test_429_of_a_proxy_that_names_a_time_is_obeyed() -> None:
    error = error_of(reply(429, refusal("E1001"), retry_after="7"))
    assert isinstance(error, RateLimitError)
    assert error.wait_s == 7


def test_announced_maintenance_asks_for_a_rest() -> None:
    error = error_of(reply(503, refusal()))
    assert isinstance(error, MaintenanceError)
    assert error.details["retry_after_seconds"] == 300
    told = error_of(reply(503, refusal(), retry_after="30"))
    assert isinstance(told, MaintenanceError)
    assert told.wait_s == told.details["retry_after_seconds"] == 30


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_page_of_a_gateway_proves_nothing(status: int) -> None:
    error = error_of(Reply(status=status, headers={}, body=b"<html>Sorry</html>"))
    assert type(error) is OutcomeUnknownError


@pytest.mark.parametrize(
    ("status", "expected"),
    [(400, OutcomeUnknownError), (403, PermissionDeniedError), (404, PlatformError)],
)
def test_a_page_of_a_proxy_never_calls_an_audience_gone(
    status: int, expected: type[AudsyncError]
) -> None:
    assert type(error_of(Reply(status=status, headers={}, body=b"<html>no</html>"))) is expected


@pytest.mark.parametrize("word", ["success", "SUCCESS", "Success"])
def test_a_success_may_be_written_in_any_case(word: str) -> None:
    entity = {"sub_request_status": word}
    answer = {"request_status": word, "segments": [entity]}
    assert failures.decode(reply(200, answer), SCENE, lambda: NOW) == answer


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"segments": []},
        [],
        "SUCCESS",
        None,
        {"request_status": None},
        {"request_status": True},
        {"request_status": ["SUCCESS"]},
        {"request_status": "ERROR"},
        {"request_status": "PARTIAL"},
        {"request_status": "SUCCESS", "users": [{"sub_request_status": None}]},
        {"request_status": "SUCCESS", "users": [{"sub_request_status": "ERROR"}]},
        {"request_status": "ERROR", "users": [{"sub_request_status": "SUCCESS"}]},
        in_200(None),
        in_200(5),
        in_200("no code in here"),
    ],
)
def test_an_answer_that_says_neither_yes_nor_why_not_proves_nothing(body: object) -> None:
    assert type(error_of(reply(200, body))) is OutcomeUnknownError


def test_a_success_on_an_http_error_is_none() -> None:
    assert type(error_of(reply(500, SUCCESS))) is OutcomeUnknownError


def test_snapchats_words_and_its_name_for_the_request_are_told() -> None:
    words = {"debug_message": "Caller does not have permission", "display_message": "Sorry"}
    error = error_of(reply(403, refusal("E3002", **words)))
    assert error.details["error_message"] == "Caller does not have permission"
    assert error.details["trace_id"] == "98e2a602-0000-4000-8000-000000000001"
    assert "acc-1" in error.message


def test_a_lost_audience_is_lost_on_the_platform() -> None:
    error = error_of(reply(404, refusal("E3004")))
    assert error.details["where"] == "platform"
    assert error.action_required == "recreate_or_unlink"


@pytest.mark.parametrize(
    "leak",
    [
        "pii-canary-1@example.com",
        "787dae556374718352eb39aedfa4f2616157d3c1b3939065518b957c8d5fa81b",
        "+1 (555) 010-4477",
        "ab1234cd-e123-12f0-a123-4567890abcde",
        "s3cret",
        "r3fresh",
        "\x1b[31m",
    ],
)
def test_nobodys_data_comes_back_out_of_snapchats_words(leak: str) -> None:
    text = f"Error code: E1001, message: Bad value {leak} in row"
    for body in (in_200(text), refusal("E1001", debug_message=text, display_message=text)):
        error = error_of(reply(400, {**body, "request_id": f"x {leak}", "hint": text}))
        assert leak not in json.dumps(error.as_json(), ensure_ascii=False)
        assert "Bad value" in error.details["error_message"]
        assert "trace_id" not in error.details


def test_secrets_stay_out_of_the_repr() -> None:
    assert "s3cret" not in repr(SCENE)


NAMES = st.sampled_from(
    [
        "request_status",
        "request_id",
        "sub_request_status",
        "sub_request_error_reason",
        "error_code",
        "debug_message",
        "errors",
        "segments",
        "segment",
        "users",
        "user",
        "id",
        "name",
        "created_at",
        "paging",
        "next_link",
        "number_uploaded_users",
    ]
)
WORDS = st.sampled_from(["SUCCESS", "success", "ERROR", "E3004", "E0", "vip", "https://[", "?a=1"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2**53) | st.floats() | WORDS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(
    body=st.dictionaries(NAMES, ANYTHING, max_size=6),
    status=st.sampled_from([200, 204, 302, 400, 401, 404, 429, 500, 503, 599]),
)
def test_whatever_is_answered_ends_in_an_error_of_ours(body: dict[str, Any], status: int) -> None:
    answer = Reply(status=status, headers={}, body=json.dumps(body).encode("utf-8", "replace"))
    try:
        decoded = failures.decode(answer, SCENE, lambda: NOW)
    except AudsyncError as error:
        json.dumps(error.as_json())
        return
    assert 200 <= status < 300
    for read in (
        wire.seen,
        wire.segment_id,
        lambda answer: wire.page(answer, "vip", "/segments"),
        lambda answer: wire.remote_audience(answer, RemoteId("1")),
    ):
        with suppress(OutcomeUnknownError):
            read(decoded)
