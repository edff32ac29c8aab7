"""Whose consent is missing or refused: such members are counted and not stored.

Source: upload-data guide and the list of processing errors, read 2026-11-22. Whether a member
lives in the EEA cannot be told from hashes, so that rule is left out.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from audsync.sandbox.google.request import Request

_DENIED = "CONSENT_DENIED"
_UNSAID = "CONSENT_STATUS_UNSPECIFIED"
_FIELDS = ("adUserData", "adPersonalization")

Consent = tuple[str, str]
"""For `_FIELDS`, in Google's words."""


def stated(default: Mapping[str, str], members: Sequence[Mapping[str, Any]]) -> list[Consent]:
    """What is said of each member; a member's own consent goes before the request's."""
    said = []
    for member in members:
        own = member.get("consent")
        consent = default if own is None else {**default, **own}
        user_data, personalization = (consent.get(name, _UNSAID) for name in _FIELDS)
        said.append((user_data, personalization))
    return said


def counts(said: Iterable[Consent]) -> list[dict[str, Any]]:
    """How often each consent was said."""
    return [
        {**dict(zip(_FIELDS, consent, strict=True)), "identifiers": count}
        for consent, count in sorted(Counter(said).items())
    ]


def left_out(request: Request, said: Sequence[Consent]) -> dict[int, str]:
    """Member number -> reason."""
    settings = request.settings
    reasons = {}
    for at, given in enumerate(said):
        if _DENIED in given:
            reasons[at] = "PROCESSING_ERROR_REASON_DENIED_CONSENT"
        elif settings.requires_consent and _UNSAID in given:
            reasons[at] = "PROCESSING_ERROR_REASON_NO_CONSENT"
    kinds = len(set(said))
    if settings.reports_mixed_consent and kinds > 1:
        about = {"platform": "google", "kinds": kinds, "at": request.now}
        request.report("mixed_consent", about)
    return reasons
