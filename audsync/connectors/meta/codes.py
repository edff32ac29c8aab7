"""Meta's error codes as data: what each means in our words, and what a person does about it.

Sources: https://developers.facebook.com/docs/marketing-api/error-reference and the reference
pages of custom audiences, read 2026-11-22; docs/platforms/meta.md has the same table for people.
"""

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
    OutcomeUnknownError,
    PermissionDeniedError,
    PlatformError,
    RateLimitError,
    TermsNotAcceptedError,
    ValidationError,
)

SESSION_TIMED_OUT = 1870158
SESSION_NEVER_BEGAN = 1870147
SESSION_FINISHED = 1870159


@dataclass(frozen=True, slots=True)
class Rule:
    """One meaning: the error, its message with places for `account`, `api_version`, `terms_url`."""

    kind: type[AudsyncError]
    says: str
    details: Mapping[str, Any] = field(default_factory=dict)


_EXPIRED = "Meta access token has expired. Please reconnect your account."
_UNKNOWN_TOKEN = Rule(
    CredentialsError,
    "Authentication failed with Meta API. Check access_token and reconnect your account.",
)
_WRONG_APP = Rule(
    CredentialsError,
    "Authentication failed with Meta API: the app is not known. Check app_id and app_secret.",
)
_WRONG_PROOF = Rule(
    CredentialsError,
    "Authentication failed with Meta API: it wants another app secret proof. Check app_secret.",
)
_THROTTLED = Rule(
    RateLimitError,
    "Platform rate limit exceeded: Meta refuses calls for ad account act_{account} for now. "
    "Nothing was applied; try again later.",
)
_NOT_ALLOWED = Rule(
    PermissionDeniedError,
    "Meta does not let this token do that in ad account act_{account}. Give it the scope "
    "ads_management, and its user the right to manage campaigns of this account.",
)
_NEEDS_BUSINESS = Rule(
    PermissionDeniedError,
    "Ad account act_{account} must belong to a Business before it can hold customer lists. "
    "Add it to one in Meta Business Settings.",
)
_BLOCKED = Rule(
    PermissionDeniedError,
    "Meta has blocked this action for ad account act_{account} or its user. Look at Account "
    "Quality in Meta Business Suite; nothing will be sent until that is settled.",
)
_FLAGGED = Rule(
    PermissionDeniedError,
    "Meta flags this audience because its name or description suggests health or financial "
    "status. Rename it in Ads Manager, then sync again.",
)
_TERMS = Rule(
    TermsNotAcceptedError,
    "The terms of custom audiences are not accepted for ad account act_{account}. Open "
    "{terms_url}, accept them, then try again.",
)
_INVALID = Rule(ValidationError, "Meta refused the request as invalid.", {"rows_suspected": True})
_TOO_MUCH_DATA = Rule(
    ValidationError,
    "Meta refused the request as too large. Send fewer rows in a request.",
    {"reduce_rows": True},
)
_GONE = Rule(
    AudienceGoneError,
    "The audience does not exist on Meta any more. Recreate it, or unlink it.",
    {"where": "platform"},
)
_RESTART = Rule(
    ConflictError, "Meta has ended this replace session. Run the replace again from its start."
)
_NO_VERDICT = Rule(OutcomeUnknownError, "Meta reports a failure of its own.")

_PAIRS: Mapping[tuple[int, int], Rule] = {
    (1, 99): _TOO_MUCH_DATA,
    (100, 33): _GONE,
    (190, 458): Rule(
        CredentialsExpiredError,
        "Meta access token was revoked: the app was removed. Please reconnect your account.",
    ),
    (190, 459): Rule(
        CredentialsExpiredError,
        "Meta wants the token's user to log in at facebook.com first. Then reconnect your account.",
    ),
    (190, 460): Rule(
        CredentialsExpiredError,
        "Meta access token was revoked by a changed password. Please reconnect your account.",
    ),
    (190, 463): Rule(CredentialsExpiredError, _EXPIRED),
    (190, 464): Rule(
        CredentialsExpiredError,
        "Meta wants the token's user to confirm their account first. Then reconnect your account.",
    ),
    (190, 492): Rule(
        CredentialsExpiredError,
        "Meta has ended the session behind the access token. Please reconnect your account.",
    ),
}

_SUBCODES: Mapping[int, Rule] = {
    1487301: _GONE,
    1487366: _GONE,
    1487694: _INVALID,
    1404078: _BLOCKED,
    2859015: _BLOCKED,
    3910001: _BLOCKED,
    1713092: _NOT_ALLOWED,
    1713098: _INVALID,
    1713228: _FLAGGED,
    1713230: _FLAGGED,
    1713231: _FLAGGED,
    1870034: _TERMS,
    1870090: _TERMS,
    1870092: _TERMS,
    1870050: _NEEDS_BUSINESS,
    1870047: Rule(
        ValidationError,
        "Meta refuses this removal: it would leave the audience with too few people (about 100 "
        "matched). Add people first, replace the audience, or delete it.",
    ),
    1870144: Rule(
        ValidationError, "Meta cannot replace an audience of 100 million people or more. Sync it."
    ),
    1870145: Rule(
        ConflictError,
        "A replace of this audience is still running on Meta. It ends by itself after 90 minutes.",
    ),
    SESSION_NEVER_BEGAN: _RESTART,
    # Meta says itself that the audience may have been changed in part.
    1870148: Rule(
        OutcomeUnknownError, "Meta reports a failed replace; the audience may be partly changed."
    ),
    SESSION_TIMED_OUT: _RESTART,
    SESSION_FINISHED: _RESTART,
}
"""Long numbers mean one thing wherever they stand: as a subcode of any code, or as a code."""

_CODES: Mapping[int, Rule] = {
    1: _NO_VERDICT,
    2: _NO_VERDICT,
    3: _NOT_ALLOWED,
    **dict.fromkeys((4, 17, 32, 341, 613, *range(80000, 80015)), _THROTTLED),
    10: _NOT_ALLOWED,
    100: _INVALID,
    101: _WRONG_APP,
    102: Rule(CredentialsExpiredError, _EXPIRED),
    104: Rule(CredentialsExpiredError, _EXPIRED),
    105: _INVALID,
    190: _UNKNOWN_TOKEN,
    194: _INVALID,
    **dict.fromkeys(range(200, 300), _NOT_ALLOWED),
    368: _BLOCKED,
    803: _GONE,
    2500: _INVALID,
    2635: Rule(
        ConfigError,
        "Meta has retired Graph API {api_version}. Set api_version of this connection to a "
        "current version, or remove it to use audsync's default.",
    ),
    2650: Rule(
        ValidationError,
        "Meta does not take this kind of list for this audience: it was first filled another way. "
        "Recreate it.",
    ),
    2654: _NOT_ALLOWED,
    2656: Rule(
        PlatformError, "Meta keeps this audience because lookalikes are built on it. Delete them."
    ),
    2663: _TERMS,
    2664: _TERMS,
}


def meaning(code: int | None, subcode: int | None, error: Mapping[str, Any]) -> Rule:
    """The rule for an error object of Meta's with these two numbers."""
    for rule in (
        _PAIRS.get((code or 0, subcode or 0)),
        _SUBCODES.get(subcode or 0),
        _SUBCODES.get(code or 0),
    ):
        if rule:
            return rule
    # The one case that Meta tells apart by its words only.
    if "reduce the amount of data" in str(error.get("message")):
        return _TOO_MUCH_DATA
    if code == 100 and error.get("type") == "GraphMethodException":  # noqa: PLR2004 - Meta's code
        return _WRONG_PROOF
    rule = _CODES.get(code or 0)
    if rule:
        return rule
    if error.get("is_transient") is True or code is None:
        return _NO_VERDICT
    return Rule(PlatformError, f"Meta refused the request with code {code}, unknown to audsync.")
