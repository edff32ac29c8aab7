"""What TikTok's answers mean: the JSON of a success, or an error of ours. Pure.

TikTok answers HTTP 200 to nearly everything: the `code` in the body decides, see `codes`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from audsync.connectors.replies import Reply, json_object, retry_after_s, wordless
from audsync.connectors.tiktok import codes
from audsync.connectors.words import harmless, reference
from audsync.errors import (
    AudienceGoneError,
    AudsyncError,
    OutcomeUnknownError,
    RateLimitError,
    RejectedError,
    TransientError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a message may have to name."""

    account: str
    api_version: str
    secrets: tuple[str, ...] = field(repr=False)
    """Never to be repeated in a message."""


def decode(reply: Reply, scene: Scene, now: Callable[[], datetime]) -> dict[str, Any]:
    """The JSON object of a success.

    Raises:
        AudsyncError: what any other answer means; see `Dialect.decode`.
    """
    body = json_object(reply.body)
    code = None if body is None else body.get("code")
    if body is None or not isinstance(code, int) or isinstance(code, bool):
        raise wordless(reply, "TikTok", now())
    if code not in codes.DONE:
        raise _named(code, body, reply, scene, now())
    if not 200 <= reply.status < 300:  # noqa: PLR2004 - HTTP's own bounds
        raise wordless(reply, "TikTok", now())
    return body


def _named(
    code: int, body: Mapping[str, Any], reply: Reply, scene: Scene, now: datetime
) -> AudsyncError:
    words = body.get("message")
    rule = codes.meaning(code, words if isinstance(words, str) else "")
    message = rule.says.format(account=scene.account, api_version=scene.api_version)
    details: dict[str, Any] = {
        "platform": "tiktok",
        "error_code": code,
        **_told(
            error_message=harmless(words, scene.secrets), trace_id=reference(body.get("request_id"))
        ),
        **rule.details,
    }
    if issubclass(rule.kind, TransientError):
        wait_s = max(rule.wait_s, retry_after_s(reply.headers, now))
        if rule.kind is RateLimitError and not wait_s:
            details["retry_after_seconds"] = codes.MINUTE_REST_S
        return rule.kind(message, wait_s=wait_s, details=details)
    # A server that fails while it refuses has not proved that it did nothing.
    is_failing = reply.status >= 500  # noqa: PLR2004 - HTTP's own bound
    is_refusal = issubclass(rule.kind, RejectedError | AudienceGoneError)
    if rule.kind is OutcomeUnknownError or (is_failing and is_refusal):
        return OutcomeUnknownError(message, timed_out=False, details=details)
    return rule.kind(message, details=details)


def _told(**facts: str | None) -> dict[str, str]:
    return {name: value for name, value in facts.items() if value is not None}
