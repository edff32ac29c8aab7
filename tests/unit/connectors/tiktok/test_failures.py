import json
from datetime import UTC, datetime

import pytest

from audsync.connectors.replies import Reply
from audsync.connectors.tiktok import failures
from audsync.errors import (
    AudienceGoneError,
    AudsyncError,
    ConfigError,
    ConflictError,
    CredentialsError,
    CredentialsExpiredError,
    MaintenanceError,
    OutcomeUnknownError,
    PermissionDeniedError,
    PlatformError,
    RateLimitError,
    TransientError,
    UnavailableError,
    ValidationError,
)

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SCENE = failures.Scene(account="7001", api_version="v1.3", secrets=("tok-secret", "s3cret"))
INVALID = (ValidationError, "VALIDATION_ERROR", 1)
UPLOAD_AGAIN = (ConflictError, "PLATFORM_UNAVAILABLE", 6)
LIMITED = (RateLimitError, "RATE_LIMITED", 6)
UNKNOWN = (OutcomeUnknownError, "PLATFORM_UNAVAILABLE", 6)
DENIED = (PermissionDeniedError, "PERMISSION_DENIED", 5)
CONFIG = (ConfigError, "CONFIG_ERROR", 2)
BAD_CREDENTIALS = (CredentialsError, "INVALID_CREDENTIALS", 5)
EXPIRED = (CredentialsExpiredError, "CREDENTIALS_EXPIRED", 5)

Expected = tuple[type[AudsyncError], str, int]

TABLE: list[tuple[int, Expected]] = [
    *((code, INVALID) for code in (40000, 40002, 40011, 40061, 40062, 40502, 40700)),
    *((code, INVALID) for code in (40906, 40907, 40908, 40909, 40914, 40915, 49999)),
    *((code, UPLOAD_AGAIN) for code in (40900, 40905, 40910)),
    *((code, LIMITED) for code in (40016, 40100, 40132, 40133, 51021, 61000)),
    *((code, DENIED) for code in (40001, 40003, 40106, 40113, 40117, 40118, 40119, 40125)),
    *((code, DENIED) for code in (40130, 40300, 40301, 41000)),
    *((code, CONFIG) for code in (40006, 40008, 40009, 40010, 40013, 40014, 40051, 40400)),
    *((code, CONFIG) for code in (41001, 41002)),
    *((code, BAD_CREDENTIALS) for code in (40101, 40104, 40108, 40110, 40115)),
    *((code, EXPIRED) for code in (40102, 40103, 40105, 40107, 40114)),
    (40007, (AudienceGoneError, "AUDIENCE_NOT_FOUND", 1)),
    (40201, (UnavailableError, "PLATFORM_UNAVAILABLE", 6)),
    (60001, (MaintenanceError, "PLATFORM_MAINTENANCE", 6)),
    *((code, UNKNOWN) for code in (20001, 40050, 40200, 40202, 50000, 50002, 51000, 51003)),
    *((code, UNKNOWN) for code in (51010, 51063, 51067, 51099, 52001, 53001, 60002, 69999)),
    *((code, UNKNOWN) for code in (-1, 1, 2, 20002, 30000, 70000, 10**18)),
]


def reply(status: int, code: object, message: object = "no", **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"code": code, "message": message, "request_id": "20261122ABC", "data": {}}
    return Reply(status=status, headers=named, body=json.dumps(body).encode())


def error_of(answer: Reply) -> AudsyncError:
    with pytest.raises(AudsyncError) as caught:
        failures.decode(answer, SCENE, lambda: NOW)
    return caught.value


@pytest.mark.parametrize(("code", "expected"), TABLE)
@pytest.mark.parametrize("status", [200, 400, 403])
def test_every_code_has_its_meaning_whatever_the_http_status(
    status: int, code: int, expected: Expected
) -> None:
    error = error_of(reply(status, code))
    assert (type(error), error.code, error.exit_code) == expected
    assert error.details["platform"] == "tiktok"
    assert error.details["error_code"] == code
    assert error.details["trace_id"] == "20261122ABC"
    assert "{" not in error.message


@pytest.mark.parametrize(("code", "expected"), TABLE)
def test_a_failing_server_proves_no_refusal(code: int, expected: Expected) -> None:
    is_refusal = expected[0] in {ValidationError, ConflictError, AudienceGoneError}
    assert type(error_of(reply(503, code))) is (OutcomeUnknownError if is_refusal else expected[0])


@pytest.mark.parametrize("code", [0, 40012])
def test_nothing_left_to_do_is_a_success_as_well(code: int) -> None:
    assert failures.decode(reply(200, code), SCENE, lambda: NOW)["data"] == {}


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Audience is not editable, please check audience status", ConflictError),
        ("The audience is processing", ConflictError),
        ("The number of custom audiences exceeds the limit", ValidationError),
        ("batch_data: length exceeds the maximum of 10000", ValidationError),
        ("custom_audience_name: length exceeds the limit 128", ValidationError),
        ("", ValidationError),
        (None, ValidationError),
        (["not editable"], ValidationError),
    ],
)
def test_a_parameter_error_is_told_apart_by_its_words(
    message: object, kind: type[AudsyncError]
) -> None:
    assert type(error_of(reply(200, 40002, message))) is kind


def test_an_audience_that_takes_no_changes_is_tried_again_in_hours() -> None:
    error = error_of(reply(200, 40002, "Audience is not editable"))
    assert error.exit_code == 6
    assert error.details["retry_after_seconds"] >= 3600


@pytest.mark.parametrize(
    ("code", "message", "says"),
    [
        (40002, "Number of audiences over the maximum", "400"),
        (40502, "", "400"),
        (40118, "", "Streaming API"),
        (40113, "", "blocked the app"),
        (40001, "", "scopes 30 and 31"),
        (40300, "", "7001"),
        (41001, "", "v1.3"),
        (40008, "", "base_url"),
        (40105, "", "revoked"),
    ],
)
def test_what_a_person_can_mend_is_named(code: int, message: str, says: str) -> None:
    assert says in error_of(reply(200, code, message)).message


@pytest.mark.parametrize("name", ["custom_audience_name", "Audience name"])
def test_a_name_that_is_too_long_is_no_audience_too_many(name: str) -> None:
    assert "400" not in error_of(reply(200, 40002, f"{name} exceeds the limit")).message


@pytest.mark.parametrize(
    ("code", "message"), [(40061, ""), (40011, ""), (40002, "batch_data: too many users")]
)
def test_too_many_rows_ask_for_fewer(code: int, message: str) -> None:
    assert error_of(reply(200, code, message)).details["reduce_rows"] is True


@pytest.mark.parametrize(("code", "least_s"), [(40100, 0), (60001, 300)])
@pytest.mark.parametrize(("header", "asked_s"), [("", 0), ("7", 7), ("900", 900), ("-1", 0)])
def test_a_rest_is_as_long_as_known(code: int, least_s: int, header: str, asked_s: int) -> None:
    error = error_of(reply(200, code, **({"retry_after": header} if header else {})))
    assert isinstance(error, TransientError)
    assert error.wait_s == max(asked_s, least_s)
    if code == 40100:
        assert error.details.get("retry_after_seconds") == (None if asked_s else 300)


def test_words_that_scripts_rely_on() -> None:
    expired = error_of(reply(200, 40102))
    assert expired.message == "TikTok access token has expired. Please reconnect your account."
    assert expired.action_required == "reconnect_platform"
    message = "Access token is null, you should set it in http header with key Access-Token."
    unknown = error_of(reply(200, 40104, message))
    assert unknown.message.startswith("Authentication failed with TikTok API")
    assert unknown.details["error_message"] == message
    assert error_of(reply(200, 40133)).message.startswith("Platform rate limit exceeded")
    assert error_of(reply(200, 40007)).details["where"] == "platform"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, b"404 page not found", PlatformError),
        (405, b"", PlatformError),
        (429, b"<html>", RateLimitError),
        (413, b"<html>", ValidationError),
        (302, b"", OutcomeUnknownError),
        (500, b"oops", OutcomeUnknownError),
        (502, b"<html>", OutcomeUnknownError),
        (200, b"<html>", OutcomeUnknownError),
        (200, b"", OutcomeUnknownError),
        (200, b"{}", OutcomeUnknownError),
        (200, b"[]", OutcomeUnknownError),
        (200, b'{"code":"0","data":{}}', OutcomeUnknownError),
        (200, b'{"code":false}', OutcomeUnknownError),
        (200, b'{"code":0.0}', OutcomeUnknownError),
        (200, b'{"code":null}', OutcomeUnknownError),
        (200, b'{"code":0,"data":', OutcomeUnknownError),
        (500, b'{"code":0,"data":{}}', OutcomeUnknownError),
        (404, b'{"code":0,"data":{}}', PlatformError),
    ],
)
def test_an_answer_without_a_code_proves_what_http_proves(
    status: int, body: bytes, kind: type[AudsyncError]
) -> None:
    assert type(error_of(Reply(status=status, headers={}, body=body))) is kind


@pytest.mark.parametrize(
    "leak",
    [
        "pii-canary-1@example.com",
        "787dae556374718352eb39aedfa4f2616157d3c1b3939065518b957c8d5fa81b",
        "+1 (555) 010-4477",
        "15550104477",
        "ab1234cd-e123-12f0-a123-4567890abcde",
        '"crm-0042"',
        "tok-secret",
        "s3cret",
        "\x1b[31m",
    ],
)
def test_nobodys_data_comes_back_out_of_tiktoks_words(leak: str) -> None:
    text = f"Bad value {leak} in row"
    body = {"code": 40002, "message": text, "request_id": text, "data": text}
    error = error_of(Reply(status=200, headers={}, body=json.dumps(body).encode()))
    assert leak not in json.dumps(error.as_json(), ensure_ascii=False)
    assert error.details["error_message"].startswith("Bad value ")


def test_secrets_stay_out_of_the_repr() -> None:
    assert "s3cret" not in repr(SCENE)
