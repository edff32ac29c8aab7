import json
from datetime import UTC, datetime
from typing import Any

import pytest

from audsync.connectors.meta import failures
from audsync.connectors.replies import Reply
from audsync.errors import (
    AudienceGoneError,
    AudsyncError,
    ConfigError,
    ConflictError,
    CredentialsError,
    CredentialsExpiredError,
    OutcomeUnknownError,
    PermissionDeniedError,
    PlatformError,
    RateLimitError,
    TermsNotAcceptedError,
    ValidationError,
)

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SCENE = failures.Scene(account="900100200", api_version="v26.0", secrets=("EAAsecret", "s3cret"))

TABLE: list[tuple[int, int | None, type[AudsyncError]]] = [
    (1, None, OutcomeUnknownError),
    (1, 99, ValidationError),
    (2, None, OutcomeUnknownError),
    *((code, None, RateLimitError) for code in (4, 17, 32, 341, 613, *range(80000, 80015))),
    (4, 1504022, RateLimitError),
    (4, 1504039, RateLimitError),
    (17, 2446079, RateLimitError),
    (613, 1487742, RateLimitError),
    (613, 5044001, RateLimitError),
    (80003, 2446079, RateLimitError),
    (190, None, CredentialsError),
    (190, 467, CredentialsError),
    *((190, subcode, CredentialsExpiredError) for subcode in (458, 459, 460, 463, 464, 492)),
    (101, None, CredentialsError),
    (102, None, CredentialsExpiredError),
    (104, None, CredentialsExpiredError),
    *((code, None, PermissionDeniedError) for code in (3, 10, 200, 270, 294, 299, 368)),
    (200, 1870050, PermissionDeniedError),
    (200, 1870034, TermsNotAcceptedError),
    (200, 1870090, TermsNotAcceptedError),
    (1870092, None, TermsNotAcceptedError),
    (2663, None, TermsNotAcceptedError),
    (2664, None, TermsNotAcceptedError),
    (200, 1870047, ValidationError),
    (100, None, ValidationError),
    (100, 33, AudienceGoneError),
    (100, 1713098, ValidationError),
    *((100, subcode, PermissionDeniedError) for subcode in (1713228, 1713230, 1713231)),
    *((code, None, ValidationError) for code in (105, 194, 2500, 1487694)),
    *((code, None, AudienceGoneError) for code in (803, 1487301, 1487366)),
    (2635, None, ConfigError),
    (2650, 1870145, ConflictError),
    (2650, 1870158, ConflictError),
    (2650, 1870147, ConflictError),
    (2650, 1870159, ConflictError),
    (2650, 1870148, OutcomeUnknownError),
    (2650, 1870144, ValidationError),
    (2650, None, ValidationError),
    (2654, None, PermissionDeniedError),
    (2654, 1713092, PermissionDeniedError),
    (2656, None, PlatformError),
    *((code, None, PermissionDeniedError) for code in (1404078, 2859015, 3910001)),
    (424242, None, PlatformError),
]


def reply(status: int, error: object, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, headers=named, body=json.dumps({"error": error}).encode())


def error_of(answer: Reply) -> AudsyncError:
    with pytest.raises(AudsyncError) as caught:
        failures.decode(answer, SCENE, lambda: NOW)
    return caught.value


@pytest.mark.parametrize(("code", "subcode", "expected"), TABLE)
@pytest.mark.parametrize("status", [200, 400])
def test_every_code_has_its_meaning_whatever_the_http_status(
    status: int, code: int, subcode: int | None, expected: type[AudsyncError]
) -> None:
    words = {"message": "(#0) no", "code": code, "error_subcode": subcode, "fbtrace_id": "Ab1-_"}
    error = error_of(reply(status, words))
    assert type(error) is expected
    assert error.details["platform"] == "meta"
    assert error.details["error_code"] == code
    assert error.details.get("error_subcode") == subcode
    assert error.details["trace_id"] == "Ab1-_"
    assert "{" not in error.message


@pytest.mark.parametrize(("code", "subcode", "expected"), TABLE)
def test_a_failing_server_proves_no_refusal(
    code: int, subcode: int | None, expected: type[AudsyncError]
) -> None:
    error = error_of(reply(503, {"code": code, "error_subcode": subcode}))
    is_refusal = expected in {ValidationError, ConflictError, PlatformError, AudienceGoneError}
    assert type(error) is (OutcomeUnknownError if is_refusal else expected)


def test_words_that_scripts_rely_on() -> None:
    expired = error_of(reply(401, {"code": 190, "error_subcode": 463}))
    assert expired.message == "Meta access token has expired. Please reconnect your account."
    assert expired.action_required == "reconnect_platform"
    invalid = error_of(reply(400, {"code": 190, "message": "Invalid OAuth 2.0 Access Token"}))
    assert invalid.message.startswith("Authentication failed with Meta API")
    assert invalid.details["error_message"] == "Invalid OAuth 2.0 Access Token"
    limited = error_of(reply(400, {"code": 80003}))
    assert limited.message.startswith("Platform rate limit exceeded")


def test_a_throttle_waits_for_as_long_as_meta_says() -> None:
    usage = {"900100200": [{"type": "custom_audience", "estimated_time_to_regain_access": 7}]}
    headers = {"x_business_use_case_usage": json.dumps(usage)}
    error = error_of(reply(400, {"code": 80003}, **headers))
    assert isinstance(error, RateLimitError)
    assert error.wait_s == 420


def test_terms_come_with_the_place_to_accept_them() -> None:
    error = error_of(reply(400, {"code": 2663}))
    assert error.details["url"].endswith("/tos/?act=900100200")
    assert error.details["url"] in error.message


def test_a_retired_version_is_named() -> None:
    assert "v26.0" in error_of(reply(400, {"code": 2635})).message


def test_a_lost_audience_is_lost_on_the_platform() -> None:
    assert error_of(reply(400, {"code": 100, "error_subcode": 33})).details["where"] == "platform"


@pytest.mark.parametrize(
    "words",
    [
        {"code": 1, "error_subcode": 99},
        {"code": 1, "message": "Please reduce the amount of data you're asking for"},
        {"code": 100, "message": "reduce the amount of data"},
    ],
)
def test_too_much_data_asks_for_fewer_rows(words: dict[str, Any]) -> None:
    assert error_of(reply(400, words)).details["reduce_rows"] is True


def test_a_missing_proof_is_about_credentials_and_a_missing_object_is_not() -> None:
    words = {"code": 100, "type": "GraphMethodException", "message": "Invalid appsecret_proof"}
    assert isinstance(error_of(reply(400, words)), CredentialsError)
    assert isinstance(error_of(reply(400, {**words, "error_subcode": 33})), AudienceGoneError)


def test_an_unknown_code_that_says_it_is_transient_proves_nothing() -> None:
    error = error_of(reply(400, {"code": 424242, "is_transient": True}))
    assert isinstance(error, OutcomeUnknownError)


@pytest.mark.parametrize("words", ["broken", [], 5, None])
def test_an_error_that_is_no_object_proves_nothing(words: object) -> None:
    assert isinstance(error_of(reply(200, words)), OutcomeUnknownError)
    assert isinstance(error_of(reply(400, words)), OutcomeUnknownError)


@pytest.mark.parametrize("words", [{}, {"code": "190"}, {"code": True}, {"code": 1.5}])
def test_an_error_without_a_code_proves_nothing(words: object) -> None:
    assert isinstance(error_of(reply(400, words)), OutcomeUnknownError)


def test_success_false_is_no_success() -> None:
    answer = Reply(status=200, headers={}, body=b'{"success": false}')
    assert isinstance(error_of(answer), PlatformError)


@pytest.mark.parametrize(
    "leak",
    [
        "pii-canary-1@example.com",
        "787dae556374718352eb39aedfa4f2616157d3c1b3939065518b957c8d5fa81b",
        "+1 (555) 010-4477",
        "15550104477",
        "ab1234cd-e123-12f0-a123-4567890abcde",
        '"crm-0042"',
        "EAAsecret",
        "s3cret",
        "\x1b[31m",
    ],
)
def test_nobodys_data_comes_back_out_of_metas_words(leak: str) -> None:
    text = f"Bad value {leak} in row"
    words = {"code": 100, "message": text, "error_user_title": text, "error_user_msg": text}
    error = error_of(reply(400, {**words, "fbtrace_id": text, "error_data": text}))
    assert leak not in json.dumps(error.as_json(), ensure_ascii=False)
    assert error.details["error_message"].startswith("Bad value ")
    assert "trace_id" not in error.details


def test_secrets_stay_out_of_the_repr() -> None:
    assert "s3cret" not in repr(SCENE)
