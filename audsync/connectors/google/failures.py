"""What Google's answers mean: the JSON of a success, or an error of ours. Pure.

Nothing of Google's own words is repeated, since they may quote what was sent: only reasons,
places in the request and Google's name for it, each of them checked for its form.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from audsync.connectors.google import codes
from audsync.connectors.replies import Reply, json_object, retry_after_s, wordless
from audsync.errors import (
    AudienceGoneError,
    AudsyncError,
    OutcomeUnknownError,
    RateLimitError,
    RejectedError,
    ValidationError,
)

DATE = "audsync:date"
"""Where a decoded answer carries the text of its Date header; no field of Google's has a colon."""
A_MINUTE_S = 60.0
AN_HOUR_S = 3_600.0

_MEMBER = re.compile(r"(?:audience_members|audienceMembers)\[([0-9]{1,6})\]")
_FIELD = re.compile(r"[A-Za-z_]{1,60}(?:\[[0-9]{1,6}\])?(?:\.[A-Za-z_]{1,60}(?:\[[0-9]{1,6}\])?)*")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,80}")
_TRACE_ID = re.compile(r"[A-Za-z0-9_-]{1,60}")
_MAX_REASONS = 5


class MembersRefusedError(ValidationError):
    """Google refused a request because of some of its members, and names them all by place.

    `positions`: their places in the request, from 0.
    """

    def __init__(self, message: str, *, details: dict[str, Any], positions: frozenset[int]) -> None:
        super().__init__(message, details=details)
        self.positions = positions


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What Google says of a failure, in parts that cannot hold anything of ours."""

    status: str
    reasons: tuple[str, ...]
    fields: tuple[str, ...]
    """Places in the request, "" for one in no known form."""
    quota: str
    trace_id: str


def decode(reply: Reply, account: str, now: Callable[[], datetime]) -> dict[str, Any]:
    """The JSON object of a success, and under `DATE` when it was given.

    Args:
        reply: what came.
        account: whose calls these are, for messages.
        now: aware UTC.

    Raises:
        AudsyncError: what any other answer means; see `Dialect.decode`.
    """
    body = json_object(reply.body)
    is_success = 200 <= reply.status < 300  # noqa: PLR2004 - HTTP's own bounds
    if body is not None and isinstance(body.get("error"), dict):
        raise _named(body["error"], reply, account, now())
    if body is None or not is_success or "error" in body:
        raise wordless(reply, "Google", now())
    return {**body, DATE: reply.headers.get("date", "")}


def may_mean_missing(error: AudsyncError) -> bool:
    """Whether Google said "not found", or no more than "no permission or not found"."""
    is_vague = set(error.details.get("reasons", ())) <= {"PERMISSION_DENIED"}
    return isinstance(error, AudienceGoneError) or (
        is_vague and error.details.get("status") == "PERMISSION_DENIED"
    )


def served_at(answer: Mapping[str, Any]) -> datetime | None:
    """When a decoded answer was given, by Google's clock, aware UTC; None where it does not say."""
    try:
        date = parsedate_to_datetime(answer.get(DATE, ""))
    except ValueError:
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)


def _named(error: Mapping[str, Any], reply: Reply, account: str, now: datetime) -> AudsyncError:
    """Our error for Google's."""
    told = _told(error)
    rule = codes.meaning(told.reasons, told.status)
    message = rule.says.format(account=account)
    details = {**_details(told, reply.status), **rule.details}
    # A server that fails while it refuses has not proved that it did nothing.
    is_failing = reply.status >= 500  # noqa: PLR2004 - HTTP's own bound
    if is_failing and issubclass(rule.kind, RejectedError | AudienceGoneError):
        return OutcomeUnknownError(message, timed_out=False, details=details)
    if rule.kind is OutcomeUnknownError:
        return OutcomeUnknownError(message, timed_out=False, details=details)
    if rule.kind is RateLimitError:
        return RateLimitError(message, wait_s=_wait_s(told, reply, now), details=details)
    positions = _members(told) if rule is codes.INVALID else frozenset()
    if positions:
        return MembersRefusedError(message, details=details, positions=positions)
    return rule.kind(message, details=details)


def _told(error: Mapping[str, Any]) -> _Told:
    notes = list(_objects(error.get("details")))
    violations = [entry for note in notes for entry in _objects(note.get("fieldViolations"))]
    reasons = [_matching(_WORD, entry.get("reason")) for entry in (*violations, *notes)]
    metadata = [note["metadata"] for note in notes if isinstance(note.get("metadata"), dict)]
    return _Told(
        status=_matching(_WORD, error.get("status")),
        reasons=tuple(dict.fromkeys(filter(None, reasons))),
        fields=tuple(_matching(_FIELD, entry.get("field")) for entry in violations),
        quota=next((_matching(_WORD, facts.get("quota_limit")) for facts in metadata), ""),
        trace_id=next(filter(None, (_matching(_TRACE_ID, n.get("requestId")) for n in notes)), ""),
    )


def _details(told: _Told, http_status: int) -> dict[str, Any]:
    details = {
        "platform": "google",
        "http_status": http_status,
        "status": told.status,
        "reasons": list(told.reasons[:_MAX_REASONS]),
        "field": next(filter(None, told.fields), ""),
        "quota_limit": told.quota,
        "trace_id": told.trace_id,
    }
    return {name: value for name, value in details.items() if value}


def _members(told: _Told) -> frozenset[int]:
    """The places of the members at fault; empty where something else is at fault as well."""
    found = [_MEMBER.search(field) for field in told.fields]
    return frozenset(int(match[1]) for match in found if match) if all(found) else frozenset()


def _wait_s(told: _Told, reply: Reply, now: datetime) -> float:
    """Seconds until calls are let in again: Google names the quota, and rarely a time.

    A day's quota is not waited for: a later run tries again.
    """
    asked_s = retry_after_s(reply.headers, now)
    return asked_s or (AN_HOUR_S if "PerDay" in told.quota else A_MINUTE_S)


def _objects(value: object) -> Iterator[Mapping[str, Any]]:
    """The JSON objects in a list; nothing where it is none."""
    yield from (entry for entry in (value if isinstance(value, list) else ()) if _is_object(entry))


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _matching(form: re.Pattern[str], value: object) -> str:
    """`value` where it is text of that form, else ""."""
    return value if isinstance(value, str) and form.fullmatch(value) else ""
