"""What became of requests that Google works off later, from its own words. Pure.

Source: https://developers.google.com/data-manager/api/devguides/diagnostics and the client
library's RequestStatusPerDestination, read 2026-11-22.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from audsync.connectors.google.wire import whole
from audsync.connectors.replies import unusable
from audsync.domain import RemoteId, Settlement, SettlementState

_WORKING = {"PROCESSING", "REQUEST_STATUS_UNKNOWN"}
_DONE = {"SUCCESS", "PARTIAL_SUCCESS"}
# One of Google's guides prints FAILURE; the enum has FAILED.
_FAILED = {"FAILED", "FAILURE"}
_REASON = re.compile(r"[A-Z][A-Z0-9_]{0,99}")
_PREFIX = "PROCESSING_ERROR_REASON_"
_NO_FAULT_OF_ROWS = {"INTERNAL_ERROR"}
"""Reasons that say nothing about the rows: sent again, they may be taken."""
_CONSENT = {"DENIED_CONSENT", "NO_CONSENT", "UNKNOWN_CONSENT"}
"""Reasons that are as final when nobody of a request is left as when somebody is."""
_RANGE = re.compile(r"MATCH_RATE_RANGE_(\d{1,3})_TO_(\d{1,3})")
_LOWEST_RANGE = "MATCH_RATE_RANGE_LESS_THAN_20"


def settlement(answer: Mapping[str, Any], audience: RemoteId) -> Settlement:
    """What became of one request for `audience`.

    Raises:
        OutcomeUnknownError: the answer is not about a request for it.
    """
    told = _told(answer, audience)
    status = told.get("requestStatus", "REQUEST_STATUS_UNKNOWN")
    if status in _WORKING:
        return Settlement(state=SettlementState.PENDING)
    if status not in _DONE | _FAILED:
        raise unusable("requestStatus")
    reasons: Counter[str] = Counter()
    for reason, rows in _reasons(told):
        reasons[reason] += rows
    # A person who took consent back may be all there is to a request.
    has_failed = status in _FAILED and not (reasons and reasons.keys() <= _CONSENT)
    is_rejected = has_failed or bool(_NO_FAULT_OF_ROWS & reasons.keys())
    return Settlement(
        state=SettlementState.REJECTED if is_rejected else SettlementState.CONFIRMED,
        rejected_rows=reasons.total(),
        reasons=dict(reasons),
        match_rate_percent=_match_rate(told),
    )


def _told(answer: Mapping[str, Any], audience: RemoteId) -> Mapping[str, Any]:
    """The part of the answer about this list: one of our requests has one destination."""
    entries = answer.get("requestStatusPerDestination")
    for entry in entries if isinstance(entries, list) else ():
        told: Mapping[str, Any] = entry if isinstance(entry, dict) else {}
        place = told.get("destination")
        if isinstance(place, dict) and str(place.get("productDestinationId")) == audience:
            return told
    raise unusable("requestStatusPerDestination")


def _reasons(told: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Google's reason for rows that it left out, and how many."""
    info = told.get("errorInfo")
    counts = info.get("errorCounts") if isinstance(info, dict) else None
    for entry in counts if isinstance(counts, list) else ():
        reason = entry.get("reason") if isinstance(entry, dict) else None
        if isinstance(reason, str) and _REASON.fullmatch(reason):
            yield reason.removeprefix(_PREFIX), whole(entry.get("recordCount")) or 0


def _match_rate(told: Mapping[str, Any]) -> tuple[int, int] | None:
    """The bounds of the share that met a person; Google tells them for large uploads only."""
    for data in _parts(told.get("audienceMembersIngestionStatus")):
        value = data.get("uploadMatchRateRange")
        if value == _LOWEST_RANGE:
            return 0, 20
        bounds = _RANGE.fullmatch(value) if isinstance(value, str) else None
        if bounds:
            return int(bounds[1]), int(bounds[2])
    return None


def _parts(status: object) -> Iterator[Mapping[str, Any]]:
    """What is told about each kind of data."""
    for value in status.values() if isinstance(status, dict) else ():
        if isinstance(value, dict):
            yield value
