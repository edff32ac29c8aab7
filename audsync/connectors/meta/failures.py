"""What Meta's answers mean: the JSON of a success, or an error of ours. Pure.

Meta is judged by `code` and `error_subcode`, never by the HTTP status alone: see `codes`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from audsync.connectors.meta import codes, usage
from audsync.connectors.replies import Reply, json_object, wordless
from audsync.connectors.words import harmless, reference
from audsync.errors import (
    AudienceGoneError,
    AudsyncError,
    OutcomeUnknownError,
    PlatformError,
    RateLimitError,
    RejectedError,
    TermsNotAcceptedError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a message may have to name."""

    account: str
    """Digits, without `act_`."""
    api_version: str
    secrets: tuple[str, ...] = field(repr=False)
    """Never to be repeated in a message."""

    @property
    def terms_url(self) -> str:
        """Where a person accepts the terms of custom audiences."""
        return f"https://business.facebook.com/ads/manage/customaudiences/tos/?act={self.account}"


def decode(reply: Reply, scene: Scene, now: Callable[[], datetime]) -> dict[str, Any]:
    """The JSON object of a success.

    Raises:
        AudsyncError: what any other answer means; see `Dialect.decode`.
    """
    body = json_object(reply.body)
    is_success = 200 <= reply.status < 300  # noqa: PLR2004 - HTTP's own bounds
    if body is not None and isinstance(body.get("error"), dict):
        raise _named(body["error"], reply, scene)
    if body is None or not is_success or "error" in body:
        raise wordless(reply, "Meta", now())
    if body.get("success") is False:
        message = "Meta answered that the call did not succeed, without a reason. Try again later."
        raise PlatformError(message, details={"platform": "meta"})
    return body


def named(error: Mapping[str, Any], scene: Scene, *, wait_s: float = 0.0) -> AudsyncError:
    """Our error for an error object of Meta's: `code`, `error_subcode`, `message`."""
    code, subcode = _whole(error.get("code")), _whole(error.get("error_subcode"))
    rule = codes.meaning(code, subcode, error)
    details = {
        "platform": "meta",
        "error_code": code,
        "error_subcode": subcode,
        "error_message": harmless(error.get("message"), scene.secrets),
        "error_user_title": harmless(error.get("error_user_title"), scene.secrets),
        "trace_id": reference(error.get("fbtrace_id")),
    }
    details = {name: value for name, value in details.items() if value is not None}
    details.update(rule.details)
    message = rule.says.format(
        account=scene.account, api_version=scene.api_version, terms_url=scene.terms_url
    )
    if rule.kind is TermsNotAcceptedError:
        details["url"] = scene.terms_url
    if rule.kind is RateLimitError:
        return RateLimitError(message, wait_s=wait_s, details=details)
    if rule.kind is OutcomeUnknownError:
        return OutcomeUnknownError(message, timed_out=False, details=details)
    return rule.kind(message, details=details)


def _named(error: Mapping[str, Any], reply: Reply, scene: Scene) -> AudsyncError:
    failure = named(error, scene, wait_s=usage.regain_s(reply))
    is_refusal = isinstance(failure, RejectedError | AudienceGoneError)
    # A server that fails while it refuses has not proved that it did nothing.
    if reply.status >= 500 and is_refusal:  # noqa: PLR2004 - HTTP's own bound
        return OutcomeUnknownError(failure.message, timed_out=False, details=failure.details)
    return failure


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
