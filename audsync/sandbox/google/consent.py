"""Whose consent is missing or refused: such members are counted and not stored.

Source: upload-data guide and the list of processing errors, read 2026-11-22. Whether a member
lives in the EEA cannot be told from hashes, so that rule is left out.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from audsync.sandbox.google.request import Request

_DENIED = "CONSENT_DENIED"
_UNSAID = "CONSENT_STATUS_UNSPECIFIED"
_FIELDS = ("adUserData", "adPersonalization")


def left_out(
    request: Request, default: Mapping[str, str], members: Sequence[Mapping[str, Any]]
) -> dict[int, str]:
    """Member number -> reason; a member's own consent goes before the request's."""
    settings = request.settings
    reasons = {}
    seen = set()
    for at, member in enumerate(members):
        own = member.get("consent")
        consent = default if own is None else {**default, **own}
        given = tuple(consent.get(name, _UNSAID) for name in _FIELDS)
        seen.add(given)
        if _DENIED in given:
            reasons[at] = "PROCESSING_ERROR_REASON_DENIED_CONSENT"
        elif settings.requires_consent and _UNSAID in given:
            reasons[at] = "PROCESSING_ERROR_REASON_NO_CONSENT"
    if settings.reports_mixed_consent and len(seen) > 1:
        about = {"platform": "google", "kinds": len(seen), "at": request.now}
        request.report("mixed_consent", about)
    return reasons
