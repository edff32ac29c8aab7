"""Whether a token and an ad account may be used, from what Meta says about them. Pure.

Sources: debug_token and ad account references of the Graph API, read 2026-11-22; the meaning of
`account_status` is common knowledge, not documented in one place.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from audsync.connectors.meta.failures import Scene, named
from audsync.connectors.replies import count_field, unusable
from audsync.errors import PermissionDeniedError

ACCOUNT_FIELDS = "id,name,account_status,tos_accepted"
_WORKING = {1, 9}
"""Active, and in grace period: bills are due, but all works."""
_STATUS_WORDS = {
    2: "disabled",
    3: "unsettled: a bill is open",
    7: "pending a risk review",
    8: "pending settlement",
    100: "pending closure",
    101: "closed",
}
_SCOPE = "ads_management"
SYSTEM_USER = "SYSTEM_USER"
"""What debug_token calls the token of a Business's own user, as opposed to a person's."""


def check_account(answer: Mapping[str, Any], scene: Scene) -> None:
    """See that an ad account is in use and its terms are accepted.

    Args:
        answer: the account's fields `ACCOUNT_FIELDS`.
        scene: whose account it is.

    Raises:
        PermissionDeniedError: the account is not active.
        TermsNotAcceptedError: nobody accepted the terms of custom audiences.
        OutcomeUnknownError: the answer has no status.
    """
    status = count_field(answer, "account_status")
    if status not in _WORKING:
        words = _STATUS_WORDS.get(status, "not active")
        raise PermissionDeniedError(
            f"Ad account act_{scene.account} is {words}. Mend that in Meta Ads Manager first.",
            details={"platform": "meta", "account_status": status},
        )
    accepted = answer.get("tos_accepted")
    if not (isinstance(accepted, dict) and accepted.get("custom_audience_tos")):
        raise named({"code": 2663}, scene)


def check_token(answer: Mapping[str, Any], scene: Scene, now: datetime) -> datetime | None:
    """See that a token is alive and may manage ads.

    Args:
        answer: what debug_token says.
        scene: whose token it is.
        now: aware UTC.

    Returns:
        when it ends, aware UTC; None for never.

    Raises:
        AttentionError: it is invalid, has ended, or lacks the scope.
        OutcomeUnknownError: the answer says nothing about a token.
    """
    facts = answer.get("data")
    if not isinstance(facts, dict) or not isinstance(facts.get("is_valid"), bool):
        raise unusable("data")
    ends = [_moment(facts, name) for name in ("expires_at", "data_access_expires_at")]
    ends_at = min((end for end in ends if end is not None), default=None)
    if not facts["is_valid"]:
        raise named(_error_of(facts), scene)
    if ends_at is not None and ends_at <= now:
        raise named({"code": 190, "error_subcode": 463}, scene)
    scopes = facts.get("scopes")
    if isinstance(scopes, list) and _SCOPE not in scopes:
        raise named({"code": 294}, scene)
    return ends_at


def kind_of_token(answer: Mapping[str, Any]) -> str:
    """Whose token it is, in Meta's word; "" where debug_token does not say."""
    facts = answer.get("data")
    kind = facts.get("type") if isinstance(facts, dict) else None
    return kind if isinstance(kind, str) else ""


def _error_of(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The error inside an invalid token's facts, in the shape of all others."""
    error = facts.get("error")
    inner = error if isinstance(error, dict) else {}
    return {
        "code": inner.get("code", 190),
        "error_subcode": inner.get("subcode"),
        "message": inner.get("message"),
    }


def _moment(facts: Mapping[str, Any], name: str) -> datetime | None:
    """A Unix time as a moment; None for 0, which means never, and for anything unusable."""
    seconds = facts.get(name)
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds <= 0:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None
