from datetime import UTC, datetime

import pytest

from audsync.connectors import replies
from audsync.connectors.replies import Reply
from audsync.errors import (
    AudsyncError,
    ConfigError,
    CredentialsError,
    OutcomeUnknownError,
    PermissionDeniedError,
    PlatformError,
    RateLimitError,
    ValidationError,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, OutcomeUnknownError),
        (204, OutcomeUnknownError),
        (301, ConfigError),
        (302, OutcomeUnknownError),
        (308, ConfigError),
        (400, OutcomeUnknownError),
        (401, CredentialsError),
        (403, PermissionDeniedError),
        (404, PlatformError),
        (408, OutcomeUnknownError),
        (413, ValidationError),
        (429, RateLimitError),
        (500, OutcomeUnknownError),
        (502, OutcomeUnknownError),
        (599, OutcomeUnknownError),
    ],
)
def test_a_status_proves_only_what_it_says(status: int, expected: type[AudsyncError]) -> None:
    reply = Reply(status=status, headers={}, body=b"<html>somebody@example.com</html>")
    error = replies.wordless(reply, "Adland", NOW)
    assert type(error) is expected
    assert error.details["http_status"] == status
    assert "somebody" not in str(error.as_json())


def test_a_request_too_large_asks_for_fewer_rows() -> None:
    error = replies.wordless(Reply(status=413, headers={}, body=b""), "Adland", NOW)
    assert error.details["reduce_rows"] is True


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        ("-1", 0),
        ("36000", 36_000),
        ("1e300", 86_400),
        ("nan", 0),
        ("inf", 0),
        ("", 0),
        ("soon", 0),
        ("Sun, 22 Nov 2026 12:05:00 GMT", 300),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0),
        ("Sun, 22 Nov 2026 12:05:00", 0),
    ],
)
def test_retry_after_in_all_its_forms(text: str, seconds: float) -> None:
    assert replies.retry_after_s({"retry-after": text}, NOW) == seconds


def test_a_429_says_for_how_long() -> None:
    reply = Reply(status=429, headers={"retry-after": "9"}, body=b"")
    error = replies.wordless(reply, "Adland", NOW)
    assert isinstance(error, RateLimitError)
    assert error.wait_s == 9


@pytest.mark.parametrize(
    ("answer", "is_usable"),
    [({"n": 0}, True), ({"n": 5}, True), ({"n": -1}, False), ({"n": 1.0}, False)]
    + [({"n": wrong}, False) for wrong in ("1", True, None, list[object]())]
    + [({}, False)],
)
def test_a_count_is_a_whole_number_from_zero_on(answer: dict[str, object], is_usable: bool) -> None:
    if is_usable:
        assert replies.count_field(answer, "n") == answer["n"]
    else:
        with pytest.raises(OutcomeUnknownError, match="`n`"):
            replies.count_field(answer, "n")


def test_a_number_is_taken_for_text_and_nothing_else_is() -> None:
    assert replies.text_field({"id": 12}, "id") == "12"
    for value in ("", True, None, 1.5, ["1"]):
        with pytest.raises(OutcomeUnknownError):
            replies.text_field({"id": value}, "id")
