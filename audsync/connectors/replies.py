"""HTTP answers before a platform's own words: reading them, and what bare HTTP already proves.

Pure. Only an answer that says so proves that nothing was applied; whatever else is not a usable
success is an `OutcomeUnknownError`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any

import orjson

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

LONGEST_REST_S = 86_400.0
GATEWAY_REST_S = 300
"""What a 502, 503 or 504 without a Retry-After asks of the scheduler."""
_GATEWAY = {502, 503, 504}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One HTTP answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    """Looked up without regard to case."""
    body: bytes


_MOVED = (ConfigError, "{0} answered with a redirect (HTTP {1}). Check base_url.")
_NO_SUCH_PLACE = (PlatformError, "{0} knows no such address (HTTP {1}). Check base_url.")
_TOO_LARGE = (ValidationError, "The request is too large for {0} (HTTP {1}). Send fewer rows.")
_REFUSALS: Mapping[int, tuple[type[AudsyncError], str]] = {
    301: _MOVED,
    307: _MOVED,
    308: _MOVED,
    401: (
        CredentialsError,
        "Authentication failed with {0} API (HTTP {1}). Check the credentials.",
    ),
    403: (PermissionDeniedError, "{0}, or a proxy before it, forbids this call (HTTP {1})."),
    404: _NO_SUCH_PLACE,
    405: _NO_SUCH_PLACE,
    413: _TOO_LARGE,
    414: _TOO_LARGE,
    431: _TOO_LARGE,
}
"""Statuses that prove by themselves that nothing was done."""


def wordless(reply: Reply, platform: str, now: datetime) -> AudsyncError:
    """What an answer means in which the platform's own words are missing.

    Args:
        reply: any answer, such as a proxy's HTML page.
        platform: its name for people.
        now: aware UTC, for a Retry-After that names a moment.
    """
    details: dict[str, Any] = {"platform": platform.lower(), "http_status": reply.status}
    rest_s = retry_after_s(reply.headers, now)
    # 429: RFC 6585. It alone says both that nothing was done and that it may be later.
    if reply.status == 429:  # noqa: PLR2004 - an HTTP status says more as a number
        message = f"Platform rate limit exceeded: {platform} asks for a pause (HTTP 429)."
        return RateLimitError(message, wait_s=rest_s, details=details)
    if reply.status in _REFUSALS:
        kind, text = _REFUSALS[reply.status]
        if kind is ValidationError:
            details["reduce_rows"] = True
        return kind(text.format(platform, reply.status), details=details)
    if reply.status in _GATEWAY:
        details["retry_after_seconds"] = round(rest_s) or GATEWAY_REST_S
    message = f"{platform} gave an answer that cannot be used (HTTP {reply.status})."
    return OutcomeUnknownError(message, timed_out=False, details=details)


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float:
    """Seconds that a Retry-After header asks for, 0 to a day; 0 where it says nothing usable."""
    text = headers.get("retry-after", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(text) - now).total_seconds()
        except (ValueError, TypeError):  # no date, or one without a zone
            return 0.0
    return min(max(seconds, 0.0), LONGEST_REST_S) if isfinite(seconds) else 0.0


def json_object(body: bytes) -> dict[str, Any] | None:
    """The JSON object that `body` is, None where it is anything else."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def text_field(answer: Mapping[str, Any], name: str) -> str:
    """The non-empty text, or whole number as text, under `name`.

    Raises:
        OutcomeUnknownError: there is none.
    """
    value = answer.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value:
        raise unusable(name)
    return value


def count_field(answer: Mapping[str, Any], name: str) -> int:
    """The whole number from 0 on under `name`.

    Raises:
        OutcomeUnknownError: there is none.
    """
    value = answer.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise unusable(name)
    return value


def unusable(name: str) -> OutcomeUnknownError:
    """The error for a success whose field `name` is missing or cannot be true."""
    message = f"The platform's answer has no usable `{name}`."
    return OutcomeUnknownError(message, timed_out=False, details={"field": name})
