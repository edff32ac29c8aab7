"""Google's reasons as data: what each means in our words, and what a person does about it.

Sources: https://developers.google.com/data-manager/api/devguides/concepts/understand-errors and
the enum ErrorReason of the vendor's client library 0.9.4, read 2026-11-22; docs/platforms/google.md
has the same table for people. HTTP statuses of single reasons are mostly undocumented, so the
reason decides wherever there is one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from audsync.errors import (
    AudienceGoneError,
    AudsyncError,
    ConfigError,
    ConflictError,
    CredentialsExpiredError,
    DuplicateNameError,
    OutcomeUnknownError,
    PermissionDeniedError,
    PlatformError,
    RateLimitError,
    TermsNotAcceptedError,
    UnavailableError,
    ValidationError,
)

TERMS_URL = "https://support.google.com/adspolicy/answer/6299717"
"""Google's page on its Customer Match policy, with the way to the terms."""
REQUEST_FORGOTTEN = {"REQUEST_TOO_OLD", "INVALID_REQUEST_ID"}


@dataclass(frozen=True, slots=True)
class Rule:
    """One meaning: the error, its message with a place for `account`, and facts about it."""

    kind: type[AudsyncError]
    says: str
    details: Mapping[str, Any] = field(default_factory=dict)


INVALID = Rule(
    ValidationError,
    "Google refused the request as invalid; nothing was applied.",
    {"rows_suspected": True},
)
_TOO_MANY = Rule(
    ValidationError,
    "Google refused the request as too large. Send fewer rows in a request.",
    {"reduce_rows": True},
)
_WRONG_PLACE = Rule(
    ConfigError,
    "Google does not take these members for this list: account, login_account and list_kind of "
    "the connection must fit the list, and none of them can be changed once it exists.",
)
GONE = Rule(
    AudienceGoneError,
    "The list does not exist on Google any more. Recreate it, or unlink it.",
    {"where": "platform"},
)
_TERMS = Rule(
    TermsNotAcceptedError,
    "The Customer Match terms are not accepted for Google Ads account {account}. Accept them in "
    "Google Ads, then try again.",
    {"url": TERMS_URL},
)
_NOT_ALLOWED = Rule(
    PermissionDeniedError,
    "Google does not let these credentials do that in account {account}, or knows no such "
    "account. Give their user or service account access to it in Google Ads; if access comes from "
    "a manager account, set options.login_account.",
)
_NOT_ELIGIBLE = Rule(
    PermissionDeniedError,
    "Google Ads account {account} may not use Customer Match. See its policy and the account's "
    "standing in Google Ads.",
)
_NOT_OURS = Rule(
    PermissionDeniedError,
    "Google lets only its owner change this list, or nobody. If a manager account owns it, set "
    "the connection's account to that one.",
)
_TOKEN = Rule(
    CredentialsExpiredError,
    "Google refused the access token. Please reconnect your account.",
)
_DUPLICATE = Rule(
    DuplicateNameError,
    "Google Ads account {account} has a list of this name already. Choose another with --name.",
)
_THROTTLED = Rule(
    RateLimitError,
    "Platform rate limit exceeded: Google refuses calls of this Cloud project for now. Nothing "
    "was applied; try again later.",
)
_NO_VERDICT = Rule(OutcomeUnknownError, "Google reports a failure of its own.")
_UNKNOWN = Rule(PlatformError, "Google refused the request for a reason unknown to audsync.")

_INVALID_REASONS = (
    "REQUIRED_FIELD_MISSING",
    "INVALID_FORMAT",
    "INVALID_HEX_ENCODING",
    "INVALID_BASE64_ENCODING",
    "INVALID_SHA256_FORMAT",
    "INVALID_ENUM_VALUE",
    "INVALID_MOBILE_ID_FORMAT",
    "INVALID_AUDIENCE_MEMBER",
    "NO_IDENTIFIERS_PROVIDED",
    "MULTIPLE_DATA_TYPES_NOT_ALLOWED",
    "FIELD_VALUE_TOO_LONG",
    "FIELD_VALUE_TOO_SHORT",
    "TOO_MANY_USER_IDENTIFIERS",
    "TOO_MANY_DESTINATIONS",
    "DUPLICATE_DESTINATION_REFERENCE",
    "INVALID_FILTER",
    "INVALID_PAGE_TOKEN",
    "INVALID_RESOURCE_NAME",
    "INVALID_UPDATE_MASK",
    "IMMUTABLE_FIELD_FOR_UPDATE",
    "UNSUPPORTED_USER_LIST_UPLOAD_KEY_TYPES",
    "UNSUPPORTED_INGESTED_USER_LIST_INFO_CONFIG",
)

_REASONS: Mapping[str, Rule] = {
    **dict.fromkeys(_INVALID_REASONS, INVALID),
    **dict.fromkeys(("TOO_MANY_AUDIENCE_MEMBERS", "TOO_MANY_ELEMENTS"), _TOO_MANY),
    "INVALID_REMOVE_AS_OF_TIME": Rule(
        ValidationError, "Google refused the moment to sweep by. Run the replace again."
    ),
    "MEMBERSHIP_DURATION_TOO_LONG": Rule(
        ValidationError, "Google keeps members for 540 days at most: lower membership_days."
    ),
    **dict.fromkeys(
        ("INVALID_DISPLAY_NAME", "USER_LIST_NAME_RESERVED", "INVALID_DESCRIPTION"),
        Rule(ValidationError, "Google refuses this name or description. Choose another."),
    ),
    "DISPLAY_NAME_ALREADY_USED": _DUPLICATE,
    **dict.fromkeys(
        (
            "INVALID_USER_LIST_TYPE",
            "DESTINATION_ACCOUNT_TYPE_MISMATCH",
            "OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH",
            "USER_LIST_TYPE_NOT_SUPPORTED_FOR_ACCOUNT",
            "UNSUPPORTED_ACCOUNT_TYPES_FOR_USER_LIST_TYPE",
        ),
        _WRONG_PLACE,
    ),
    **dict.fromkeys(("INVALID_USER_LIST_ID", "INVALID_DESTINATION"), GONE),
    **dict.fromkeys(("TERMS_AND_CONDITIONS_NOT_SIGNED", "ADVERTISER_TOS_NOT_ACCEPTED"), _TERMS),
    "EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED": Rule(
        PermissionDeniedError,
        "Google Ads account {account} has campaigns without the declaration on EU political "
        "advertising. Declare them in Google Ads, then try again.",
    ),
    **dict.fromkeys(
        ("NOT_ALLOWLISTED", "ADVERTISER_NOT_ALLOWLISTED_FOR_UPLOADED_DATA"), _NOT_ELIGIBLE
    ),
    **dict.fromkeys(
        (
            "OWNERSHIP_REQUIRED_FOR_UPDATE",
            "SENSITIVE_USER_LIST_IMMUTABLE",
            "USER_LIST_MUTATION_NOT_SUPPORTED",
        ),
        _NOT_OURS,
    ),
    **dict.fromkeys(
        ("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "INSUFFICIENT_SCOPES"),
        Rule(
            PermissionDeniedError,
            "The credentials lack the scope https://www.googleapis.com/auth/datamanager. Make the "
            "refresh token anew with it.",
        ),
    ),
    "SERVICE_DISABLED": Rule(
        PermissionDeniedError,
        "The Data Manager API is switched off in the Cloud project of these credentials. Enable "
        "datamanager.googleapis.com there.",
    ),
    **dict.fromkeys(
        ("ACCESS_TOKEN_EXPIRED", "CREDENTIALS_MISSING", "ACCESS_TOKEN_TYPE_UNSUPPORTED"), _TOKEN
    ),
    "RATE_LIMIT_EXCEEDED": _THROTTLED,
    **dict.fromkeys(
        REQUEST_FORGOTTEN,
        Rule(PlatformError, "Google does not know the request any more; it keeps them 50 days."),
    ),
    "INTERNAL_ERROR": _NO_VERDICT,
}

_STATUSES: Mapping[str, Rule] = {
    "INVALID_ARGUMENT": INVALID,
    "OUT_OF_RANGE": INVALID,
    "FAILED_PRECONDITION": Rule(
        ConflictError, "Google cannot do that with this list now; nothing was applied."
    ),
    "UNAUTHENTICATED": _TOKEN,
    "PERMISSION_DENIED": _NOT_ALLOWED,
    "NOT_FOUND": GONE,
    "ALREADY_EXISTS": _DUPLICATE,
    "RESOURCE_EXHAUSTED": _THROTTLED,
    "ABORTED": Rule(UnavailableError, "Google broke the call off; nothing was applied."),
    "INTERNAL": _NO_VERDICT,
    "UNKNOWN": _NO_VERDICT,
    "DATA_LOSS": _NO_VERDICT,
    "UNAVAILABLE": _NO_VERDICT,
    "DEADLINE_EXCEEDED": _NO_VERDICT,
    "CANCELLED": _NO_VERDICT,
}
"""The families: https://google.aip.dev/193 and google.rpc.Code, read 2026-11-22."""


def meaning(reasons: Sequence[str], status: str) -> Rule:
    """The rule for an error of Google's.

    Args:
        reasons: its reasons; a reason may be no more than the name of a family.
        status: its family, "" where it names none.
    """
    rules = [_REASONS[reason] for reason in reasons if reason in _REASONS]
    rules = rules or [_STATUSES[word] for word in (*reasons, status) if word in _STATUSES]
    # What a person has to do outweighs a value that is wrong as well.
    rules.sort(key=lambda rule: (rule.kind is ValidationError, rule is INVALID))
    return rules[0] if rules else _UNKNOWN
