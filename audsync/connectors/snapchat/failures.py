"""What Snapchat's answers mean: the JSON of a success, or an error of ours. Pure.

Errors come in three forms: an HTTP error with `request_status`, HTTP 200 whose request or one of
whose entities is not a success, and 401 with any body. A success has all three: HTTP 2xx, a
`request_status` and every `sub_request_status` of SUCCESS, in any case of letters.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from audsync.connectors.replies import (
    GATEWAY_REST_S,
    Reply,
    json_object,
    retry_after_s,
    wordless,
)
from audsync.connectors.snapchat import codes
from audsync.connectors.words import harmless, reference
from audsync.errors import (
    AudienceGoneError,
    AudsyncError,
    CredentialsExpiredError,
    MaintenanceError,
    OutcomeUnknownError,
    RejectedError,
)

_CODE = re.compile(r"\bE\d{4}\b")
_LOOKED_AT_CHARS = 2_000
_WORDS = ("sub_request_error_reason", "debug_message", "display_message", "message")
"""Where Snapchat says what went wrong, the most telling first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a message may have to name."""

    account: str
    secrets: tuple[str, ...] = field(repr=False)
    """Never to be repeated in a message."""


def decode(reply: Reply, scene: Scene, now: Callable[[], datetime]) -> dict[str, Any]:
    """The JSON object of a success.

    Raises:
        AudsyncError: what any other answer means; see `Dialect.decode`.
    """
    if reply.status == 401:  # noqa: PLR2004 - an HTTP status says more as a number
        raise CredentialsExpiredError(
            "Snapchat access token has expired. Please reconnect your account; its user must still "
            "belong to the organisation.",
            details={"platform": "snapchat", "http_status": reply.status},
        )
    body = json_object(reply.body)
    # 429 alone says by itself what it means.
    if body is None or "request_status" not in body or reply.status == 429:  # noqa: PLR2004
        raise wordless(reply, "Snapchat", now())
    failed = next(_failures(body), None)
    if failed is not None:
        raise _named(failed, body, reply, scene, now)
    if not 200 <= reply.status < 300:  # noqa: PLR2004 - HTTP's own bounds
        raise wordless(reply, "Snapchat", now())
    return body


def is_success(status: object) -> bool:
    """Whether a `request_status` or `sub_request_status` says so; the case of letters varies."""
    return isinstance(status, str) and status.upper() == "SUCCESS"


def _failures(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The parts of an answer that are no success: entities first, they say why."""
    for entities in body.values():
        if isinstance(entities, list):
            yield from (
                entity
                for entity in entities
                if isinstance(entity, dict)
                and not is_success(entity.get("sub_request_status", "SUCCESS"))
            )
    if not is_success(body["request_status"]):
        yield body


def _named(
    failed: Mapping[str, Any],
    body: Mapping[str, Any],
    reply: Reply,
    scene: Scene,
    now: Callable[[], datetime],
) -> AudsyncError:
    """Our error for the part of an answer that failed."""
    code = _code_of(failed) or _code_of(body)
    rule = codes.meaning(code, reply.status)
    words = (harmless(part.get(name), scene.secrets) for part in (failed, body) for name in _WORDS)
    details = {
        "platform": "snapchat",
        "http_status": reply.status,
        "error_code": code,
        "error_message": next(filter(None, words), None),
        "trace_id": reference(body.get("request_id")),
    }
    details = {name: value for name, value in details.items() if value is not None}
    details.update(rule.details)
    message = rule.says.format(account=scene.account, code=code)
    # A server that fails while it refuses has not proved that it did nothing.
    is_refusal = issubclass(rule.kind, RejectedError | AudienceGoneError)
    if issubclass(rule.kind, OutcomeUnknownError) or (is_refusal and reply.status >= 500):  # noqa: PLR2004
        return OutcomeUnknownError(message, timed_out=False, details=details)
    if issubclass(rule.kind, MaintenanceError):
        wait_s = retry_after_s(reply.headers, now())
        details["retry_after_seconds"] = round(wait_s) or GATEWAY_REST_S
        return MaintenanceError(message, wait_s=wait_s, details=details)
    return rule.kind(message, details=details)


def _code_of(part: Mapping[str, Any]) -> str | None:
    """The code, from its own field or out of the words; None where there is none.

    Newer calls put a list `errors` of objects into the entity.
    """
    nested = part.get("errors")
    parts = [part, *(nested if isinstance(nested, list) else [])]
    texts = (
        entry.get(name)
        for entry in parts
        if isinstance(entry, dict)
        for name in ("error_code", "error_type", *_WORDS)
    )
    found = (_CODE.search(text[:_LOOKED_AT_CHARS]) for text in texts if isinstance(text, str))
    return next((match.group() for match in found if match), None)
