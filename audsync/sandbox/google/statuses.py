"""What became of a request: `requestStatus:retrieve`.

Source: diagnostics guide and RetrieveRequestStatus reference, read 2026-11-22. Counts travel as
texts, as every int64 does in this JSON.
"""

from collections import Counter
from typing import Any

from audsync.sandbox.contract import Answer
from audsync.sandbox.google import access, errors
from audsync.sandbox.google.flight import Work
from audsync.sandbox.google.lists import DAY_S
from audsync.sandbox.google.request import Accepted, Request
from audsync.sandbox.google.wire import MATCH_RATES

_COUNT_NAMES = {
    "userData": ("userData", "userIdentifierCount"),
    "mobileData": ("mobileData", "mobileIdCount"),
    "userIdData": ("userIdData", "userIdCount"),
}
_TYPES = ("EMAIL", "PHONE_NUMBER", "ADDRESS", "IP_ADDRESS")
_RATED_RECORDS = 100


def retrieve(request: Request) -> Answer:
    """`GET /v1/requestStatus:retrieve?requestId=`."""
    given = request.parameters("requestId").get("requestId", "")
    if not given:
        raise errors.one("request_id", "REQUIRED_FIELD_MISSING", "Request ID is missing.")
    accepted = request.shelf.accepted.get(given)
    if accepted is None:
        raise errors.one("request_id", "INVALID_REQUEST_ID", "The request ID is not valid.")
    if request.now - accepted.received_at > request.settings.status_kept_days * DAY_S:
        told = "Request status is only available for approximately 50 days."
        raise errors.one("request_id", "REQUEST_TOO_OLD", told)
    for destination, _ in accepted.works:
        _check_access(request, destination)
    shown = [_shown(accepted, destination, work) for destination, work in accepted.works]
    return request.reply({"requestStatusPerDestination": shown}, action="status")


def _check_access(request: Request, destination: dict[str, Any]) -> None:
    operating = destination["operatingAccount"]["accountId"]
    login = (destination.get("loginAccount") or {}).get("accountId") or operating
    access.opened(request.principal, request.settings, operating=operating, login=login)


def _shown(accepted: Accepted, destination: dict[str, Any], work: Work) -> dict[str, Any]:
    shown: dict[str, Any] = {"destination": destination, "requestStatus": work.status}
    if not work.is_settled:
        return shown
    if work.dropped:
        counts = [
            {"recordCount": str(records), "reason": reason}
            for reason, records in sorted(work.dropped.items())
        ]
        shown["errorInfo"] = {"errorCounts": counts}
    if accepted.action == "remove_all":
        return {**shown, "removeAllAudienceMembersStatus": {}}
    noun = "Ingestion" if accepted.action == "ingest" else "Removal"
    kind, counted = _counted(accepted, work)
    return {**shown, f"audienceMembers{noun}Status": {f"{kind}{noun}Status": counted}}


def _counted(accepted: Accepted, work: Work) -> tuple[str, dict[str, Any]]:
    """The kind of data, and how much of it there was."""
    counted: dict[str, Any] = {"recordCount": str(accepted.records)}
    if accepted.kind == "compositeData":
        counted["dataTypeCounts"] = [
            {"type": name, "count": str(accepted.counts[name])}
            for name in _TYPES
            if accepted.counts.get(name)
        ]
        kind = "compositeData"
    else:
        kind, name = _COUNT_NAMES[accepted.kind]
        counted[name] = str(Counter(accepted.counts).total())
    if accepted.action == "ingest" and kind in ("userData", "compositeData"):
        counted["uploadMatchRateRange"] = _match_rate(work)
    return kind, counted


def _match_rate(work: Work) -> str:
    """The range of the share of matched members; small uploads are not told."""
    if work.row_count < _RATED_RECORDS:
        return "MATCH_RATE_RANGE_NOT_ELIGIBLE"
    percent = work.matched * 100 // work.row_count
    if percent < 20:  # noqa: PLR2004 - the lowest range ends here
        return "MATCH_RATE_RANGE_LESS_THAN_20"
    return MATCH_RATES[3 + max(0, (percent - 21) // 10)]
