"""Google's refusals, word for word where its words are known.

Reasons and their numbers: `ErrorReason` of the published client library google-ads-datamanager
0.9; layout: "Understand API errors" guide; both read 2026-11-22. A client must go by the reasons:
most HTTP statuses are inferred, and a reason may stand in ErrorInfo or in a field violation.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from audsync.sandbox.google.shapes import Problem

DOMAIN = "datamanager.googleapis.com"
_TYPE = "type.googleapis.com/google.rpc."
_GENERAL = "There was a problem with the request."
_RPC = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_STATUSES = {
    "INTERNAL_ERROR": 500,
    "DEADLINE_EXCEEDED": 504,
    "RESOURCE_EXHAUSTED": 429,
    "NOT_FOUND": 404,
    "PERMISSION_DENIED": 403,
    "NOT_ALLOWLISTED": 403,
    "OWNERSHIP_REQUIRED_FOR_UPDATE": 403,
    "SENSITIVE_USER_LIST_IMMUTABLE": 403,
}
NUMBERED = {
    1: "INTERNAL_ERROR",
    2: "DEADLINE_EXCEEDED",
    3: "RESOURCE_EXHAUSTED",
    4: "NOT_FOUND",
    5: "PERMISSION_DENIED",
    6: "INVALID_ARGUMENT",
    7: "REQUIRED_FIELD_MISSING",
    8: "INVALID_FORMAT",
    9: "INVALID_HEX_ENCODING",
    10: "INVALID_BASE64_ENCODING",
    11: "INVALID_SHA256_FORMAT",
    15: "INVALID_USER_LIST_TYPE",
    16: "INVALID_AUDIENCE_MEMBER",
    17: "TOO_MANY_AUDIENCE_MEMBERS",
    20: "INVALID_DESTINATION",
    23: "INVALID_USER_LIST_ID",
    26: "TERMS_AND_CONDITIONS_NOT_SIGNED",
    43: "OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH",
    47: "NOT_ALLOWLISTED",
    48: "INVALID_REQUEST_ID",
    52: "ALREADY_EXISTS",
    78: "DISPLAY_NAME_ALREADY_USED",
    79: "OWNERSHIP_REQUIRED_FOR_UPDATE",
    81: "SENSITIVE_USER_LIST_IMMUTABLE",
    90: "ADVERTISER_TOS_NOT_ACCEPTED",
    101: "EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED",
    116: "DESTINATION_ACCOUNT_TYPE_MISMATCH",
    126: "REQUEST_TOO_OLD",
}
"""The reasons a fault can name by their number."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One field that is not as it must be; the description holds no value of the request."""

    field: str
    reason: str
    description: str


@dataclass(eq=False)
class RefusedError(Exception):
    """A call that Google refuses; nothing of it is applied."""

    status: int
    message: str
    details: list[dict[str, Any]] = field(default_factory=list)
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """The answer's JSON."""
        error: dict[str, Any] = {
            "code": self.status,
            "message": self.message,
            "status": _RPC.get(self.status, "UNKNOWN"),
        }
        if self.details:
            error["details"] = self.details
        return {"error": error}


def violated(
    violations: Iterable[Violation], *, status: int = 400, request_id: str | None = None
) -> RefusedError:
    """One or more fields that must not be as they are."""
    shown = [
        {"field": each.field, "description": each.description, "reason": each.reason}
        for each in violations
    ]
    details = [
        _error_info(_RPC[status], DOMAIN),
        {"@type": f"{_TYPE}BadRequest", "fieldViolations": shown},
    ]
    if request_id is not None:
        details.append({"@type": f"{_TYPE}RequestInfo", "requestId": request_id})
    return RefusedError(status, _GENERAL, details)


def one(field: str, reason: str, description: str) -> RefusedError:
    """A single field that must not be as it is."""
    return violated([Violation(field, reason, description)])


def unreadable(problems: Iterable[Problem]) -> RefusedError:
    """A body that does not fit the message: the generic front end's answer."""
    shown = [{"field": each.field, "description": each.description} for each in problems]
    message = "\n".join(each["description"] for each in shown)
    return RefusedError(400, message, [{"@type": f"{_TYPE}BadRequest", "fieldViolations": shown}])


def named(reason: str, message: str = _GENERAL, *, status: int | None = None) -> RefusedError:
    """A refusal whose reason stands in ErrorInfo alone."""
    return RefusedError(
        status or _STATUSES.get(reason, 400), message, [_error_info(reason, DOMAIN)]
    )


def no_permission() -> RefusedError:
    """The account does not exist, or is not for these credentials."""
    return named("PERMISSION_DENIED", "The caller does not have permission")


def not_found() -> RefusedError:
    """No such list."""
    return named("NOT_FOUND", "Requested entity was not found.")


def token_missing() -> RefusedError:
    """No bearer token."""
    message = (
        "Request is missing required authentication credential. Expected OAuth 2 access token,"
        " login cookie or other valid authentication credential."
    )
    return _unauthenticated("CREDENTIALS_MISSING", message, "")


def token_invalid(reason: str) -> RefusedError:
    """A bearer token that was never given out, or whose time is over."""
    message = (
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login"
        " cookie or other valid authentication credential."
    )
    return _unauthenticated(reason, message, ', error="invalid_token"')


def scope_missing() -> RefusedError:
    """The token is good, but not for this API."""
    message = "Request had insufficient authentication scopes."
    info = _error_info("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "googleapis.com", service=DOMAIN)
    challenge = 'Bearer realm="https://accounts.google.com/", error="insufficient_scope"'
    return RefusedError(403, message, [info], {"WWW-Authenticate": challenge})


def service_disabled() -> RefusedError:
    """The Cloud project did not enable the API."""
    message = (
        "Data Manager API has not been used in project audsync-sandbox before or it is disabled."
    )
    info = _error_info(
        "SERVICE_DISABLED", "googleapis.com", service=DOMAIN, consumer="projects/audsync-sandbox"
    )
    return RefusedError(403, message, [info])


def quota_exceeded(limit: str) -> RefusedError:
    """Too many calls; `limit` is the name of the quota."""
    info = _error_info("RESOURCE_EXHAUSTED", DOMAIN, quota_limit=limit)
    return RefusedError(429, "Quota exceeded.", [info])


def simulated(status: int, number: int) -> RefusedError:
    """What a fault asks for: the reason of that number, in a 200 with its own status inside."""
    reason = NUMBERED.get(number, "INTERNAL_ERROR")
    told = _STATUSES.get(reason, 400) if status == 200 else status  # noqa: PLR2004 - HTTP
    if told == 401:  # noqa: PLR2004 - HTTP
        return token_invalid("ACCESS_TOKEN_EXPIRED")
    return named(reason, "Simulated error", status=told)


def _unauthenticated(reason: str, message: str, challenge: str) -> RefusedError:
    info = _error_info(reason, "googleapis.com", service=DOMAIN)
    header = f'Bearer realm="https://accounts.google.com/"{challenge}'
    return RefusedError(401, message, [info], {"WWW-Authenticate": header})


def _error_info(reason: str, domain: str, **metadata: str) -> dict[str, Any]:
    info: dict[str, Any] = {"@type": f"{_TYPE}ErrorInfo", "reason": reason, "domain": domain}
    return {**info, "metadata": metadata} if metadata else info
