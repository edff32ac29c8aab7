"""TikTok's result codes as data: what each means in our words, and what a person does about it.

Sources: the Return Codes appendix of the API for Business
(https://business-api.tiktok.com/portal/docs?id=1737172488964097) and the constants of the vendor's
own SDK (https://github.com/tiktok/tiktok-business-api-sdk, tiktok_code.py), read 2026-11-22;
docs/platforms/tiktok.md has the same table for people.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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
    RateLimitError,
    UnavailableError,
    ValidationError,
)

DONE = frozenset({0, 40012})
"""Success, and "nothing to update": what was asked for is already so."""
MINUTE_REST_S = 300
"""What TikTok advises once a minute's quota is used up; its answers do not say which quota was."""
EDIT_REST_S = 3_600


@dataclass(frozen=True, slots=True)
class Rule:
    """One meaning: the error, its message with places for `account` and `api_version`."""

    kind: type[AudsyncError]
    says: str
    details: Mapping[str, Any] = field(default_factory=dict)
    wait_s: float = 0.0
    """Seconds that pass at least before another try makes sense."""


_INVALID = Rule(
    ValidationError,
    "TikTok refused the request as invalid; details.error_message has its words.",
    {"rows_suspected": True},
)
_TOO_MANY_ROWS = Rule(
    ValidationError,
    "TikTok refused the request: too many rows. Send fewer rows in a request.",
    {"reduce_rows": True},
)
_TOO_MANY_AUDIENCES = Rule(
    ValidationError,
    "Ad account {account} holds as many audiences as TikTok allows (400). Delete some of them in "
    "TikTok Ads Manager, then try again.",
)
_NOT_EDITABLE = Rule(
    ConflictError,
    "TikTok takes no changes to this audience now: it is still being computed, which takes up to "
    "48 hours, met fewer than 1,000 people, or has expired. If that lasts, make another one.",
    {"retry_after_seconds": EDIT_REST_S},
)
_NOT_HASHED = Rule(
    ValidationError,
    "TikTok says that the request holds identifiers that are not hashed, and took none of them. "
    "Report this with details.trace_id.",
    {"rows_suspected": True},
)
_BAD_FILE = Rule(
    ValidationError,
    "TikTok refused an uploaded file. Nothing was changed; report this with details.trace_id.",
)
_FILE_LOST = Rule(
    # The same request would be refused again; a later one has files of its own.
    ConflictError,
    "TikTok got an uploaded file damaged, or does not have it any more. Nothing was changed; the "
    "next run uploads it again.",
)
_THROTTLED = Rule(
    RateLimitError,
    "Platform rate limit exceeded: TikTok takes no more calls for ad account {account} or its "
    "app for now. Nothing was applied; try again later.",
)
_MAINTENANCE = Rule(
    MaintenanceError,
    "TikTok is under maintenance. Nothing was applied; try again later.",
    wait_s=MINUTE_REST_S,
)
_NOT_READY = Rule(
    UnavailableError, "TikTok is not ready for this call. Nothing was applied; try again later."
)
_NO_VERDICT = Rule(OutcomeUnknownError, "TikTok reports a failure of its own.")
_IN_PART = Rule(OutcomeUnknownError, "TikTok applied the request only in part.")
_DUPLICATE = Rule(
    OutcomeUnknownError, "TikTok took the request for a duplicate of one that it has."
)
_GONE = Rule(
    AudienceGoneError,
    "The audience does not exist on TikTok any more. Recreate it, or unlink it.",
    {"where": "platform"},
)
_NO_TOKEN = Rule(
    CredentialsError,
    "Authentication failed with TikTok API. Check access_token and reconnect your account.",
)
_NO_APP = Rule(
    CredentialsError,
    "Authentication failed with TikTok API: the app or its authorisation is not known. Authorise "
    "the app again and reconnect your account.",
)
_EXPIRED = Rule(
    CredentialsExpiredError, "TikTok access token has expired. Please reconnect your account."
)
_REVOKED = Rule(
    CredentialsExpiredError,
    "TikTok access token is incorrect or was revoked. Please reconnect your account.",
)
_LOGGED_OUT = Rule(
    CredentialsExpiredError,
    "TikTok has logged the advertiser of the access token out. Please reconnect your account.",
)
_NOT_ALLOWED = Rule(
    PermissionDeniedError,
    "TikTok does not let this token do that in ad account {account}. Give the token's user this "
    "account, and authorise the app with Audience Management (scopes 30 and 31).",
)
_WRONG_USER = Rule(
    PermissionDeniedError,
    "The access token does not fit ad account {account}: its user has no part in it. Authorise "
    "the app as a user of this account.",
)
_NO_ACCOUNT = Rule(
    PermissionDeniedError,
    "Ad account {account} does not exist, or the access token may not see it. Check the account's "
    "number, and authorise the app for it.",
    {"where": "account"},
)
_NOT_LISTED = Rule(
    PermissionDeniedError,
    "The app of this access token is not on TikTok's list for this call. Ask your TikTok "
    "representative to allow the Streaming API for the app.",
)
_BLOCKED_APP = Rule(
    PermissionDeniedError,
    "TikTok has blocked the app of this access token, or does not know it. Look at the app at "
    "business-api.tiktok.com.",
)
_BLOCKED_COUNTRY = Rule(
    PermissionDeniedError,
    "TikTok serves no calls from the country of this machine's address. Run audsync elsewhere.",
)
_RETIRED = Rule(
    ConfigError,
    "TikTok does not serve this call in API {api_version} any more. Set api_version of this "
    "connection to a current version, or update audsync.",
)
_WRONG_HOST = Rule(
    ConfigError,
    "TikTok does not serve this call at base_url: its own test host has no audiences. Remove "
    "base_url for the real one.",
)

_CODES: Mapping[int, Rule] = {
    20001: _IN_PART,
    40001: _NOT_ALLOWED,
    40003: _NOT_ALLOWED,
    40006: _RETIRED,
    40007: _GONE,
    **dict.fromkeys((40008, 40009, 40010, 40013, 40014), _WRONG_HOST),
    40011: _TOO_MANY_ROWS,
    40016: _THROTTLED,
    40050: _DUPLICATE,
    40051: _RETIRED,
    40061: _TOO_MANY_ROWS,
    40062: _NOT_HASHED,
    40100: _THROTTLED,
    40101: _NO_APP,
    40102: _EXPIRED,
    40103: _EXPIRED,
    40104: _NO_TOKEN,
    40105: _REVOKED,
    40106: _WRONG_USER,
    40107: _EXPIRED,
    40108: _NO_APP,
    40110: _NO_APP,
    40113: _BLOCKED_APP,
    40114: _LOGGED_OUT,
    40115: _NO_APP,
    40117: _NOT_ALLOWED,
    40118: _NOT_LISTED,
    40119: _NOT_ALLOWED,
    40125: _NOT_ALLOWED,
    40130: _NOT_ALLOWED,
    40132: _THROTTLED,
    40133: _THROTTLED,
    # A failed task or a conflict of writes may have come after a part of the rows.
    40200: _NO_VERDICT,
    40201: _NOT_READY,
    40202: _NO_VERDICT,
    40300: _NO_ACCOUNT,
    40301: _NO_ACCOUNT,
    40400: _WRONG_HOST,
    40502: _TOO_MANY_AUDIENCES,
    **dict.fromkeys((40900, 40905, 40910), _FILE_LOST),
    **dict.fromkeys((40906, 40907, 40908, 40909, 40914, 40915), _BAD_FILE),
    41000: _BLOCKED_COUNTRY,
    41001: _RETIRED,
    41002: _RETIRED,
    51021: _THROTTLED,
    60001: _MAINTENANCE,
    61000: _THROTTLED,
}

_PARAMETER_ERROR = 40002
_REFUSALS = range(40_000, 50_000)
_TOO_MANY = re.compile(r"limit|maximum|exceed|too many")
_AUDIENCES = re.compile(r"\baudiences?\b(?!.*\bname\b)")
"""The word itself, which no field's name holds; an audience's name may be too long as well."""


def meaning(code: int, words: str) -> Rule:
    """The rule for a result code and TikTok's message; never for one of `DONE`."""
    if code == _PARAMETER_ERROR:
        return _parameter_error(words.lower())
    # What is no refusal by its family may have been applied.
    return _CODES.get(code, _INVALID if code in _REFUSALS else _NO_VERDICT)


def _parameter_error(words: str) -> Rule:
    """40002 stands for many things that only its words tell apart."""
    if "not editable" in words or "processing" in words:
        return _NOT_EDITABLE
    if not _TOO_MANY.search(words):
        return _INVALID
    if "batch_data" in words:
        return _TOO_MANY_ROWS
    return _TOO_MANY_AUDIENCES if _AUDIENCES.search(words) else _INVALID
