"""Snapchat's error codes as data: what each means in our words, and what a person does about it.

Snapchat publishes HTTP statuses and three codes (E1165, E1166, E2023); the others were seen by
users of the API. Codes come in families, told by their first digit: E1 request, E2 business rule,
E3 access, E4 and E5 server. Sources, read 2026-11-22: the error pages of developers.snap.com;
docs/platforms/snapchat.md has the same table for people.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from audsync.errors import (
    AudienceGoneError,
    AudsyncError,
    MaintenanceError,
    OutcomeUnknownError,
    PermissionDeniedError,
    PlatformError,
    ValidationError,
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One meaning: the error, its message with places for `account` and `code`."""

    kind: type[AudsyncError]
    says: str
    details: Mapping[str, Any] = field(default_factory=dict)


_INVALID = Rule(
    ValidationError, "Snapchat refused the request as invalid.", {"rows_suspected": True}
)
_AGAINST_THE_RULES = Rule(
    ValidationError,
    "Snapchat refused the request by one of its rules. An ad account holds at most 1,000 segments; "
    "details.error_message has Snapchat's words.",
)
_NOT_ALLOWED = Rule(
    PermissionDeniedError,
    "Snapchat does not let this user do that in ad account {account}. Make the user a Member of "
    "the organisation and a Data Manager of the ad account.",
)
_GONE = Rule(
    AudienceGoneError,
    "The audience does not exist on Snapchat any more. Recreate it, or unlink it.",
    {"where": "platform"},
)
_NO_SUCH_CALL = Rule(
    PlatformError, "Snapchat does not take this call at this address. Check base_url."
)
_CLOSED = Rule(
    MaintenanceError,
    "Snapchat is closed for maintenance or overload. Nothing was applied; try again later.",
)
_NO_VERDICT = Rule(OutcomeUnknownError, "Snapchat reports a failure of its own.")
_NO_REASON = Rule(
    OutcomeUnknownError, "Snapchat reports a failure without a reason that audsync can read."
)
_UNKNOWN = Rule(PlatformError, "Snapchat refused the request with {code}, unknown to audsync.")

_CODES: Mapping[str, Rule] = {
    "E1165": _INVALID,
    "E1166": _INVALID,
    "E2023": Rule(
        ValidationError, "Snapchat does not let this field be changed once it has been set."
    ),
    "E2025": _AGAINST_THE_RULES,
    "E3002": _NOT_ALLOWED,
    "E3004": _GONE,
    "E4001": _NO_VERDICT,
}
_FAMILIES: Mapping[str, Rule] = {
    "1": _INVALID,
    "2": _AGAINST_THE_RULES,
    "3": _NOT_ALLOWED,
    "4": _NO_VERDICT,
    "5": _NO_VERDICT,
}
_STATUSES: Mapping[int, Rule] = {
    400: _INVALID,
    403: _NOT_ALLOWED,
    404: _GONE,
    405: _NO_SUCH_CALL,
    406: _NO_SUCH_CALL,
    410: _GONE,
    418: _INVALID,
    503: _CLOSED,
}
"""What an HTTP status means on an error of Snapchat's own that has no code."""


def meaning(code: str | None, status: int) -> Rule:
    """The rule for an error of Snapchat's own.

    Args:
        code: such as `E3004`; None where the error has none.
        status: of the HTTP answer that it came with.
    """
    if code is None:
        return _STATUSES.get(status, _NO_REASON)
    return _CODES.get(code) or _FAMILIES.get(code[1], _UNKNOWN)
