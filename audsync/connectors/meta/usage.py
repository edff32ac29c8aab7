"""What Meta's usage headers ask of us: seconds of calm. Pure.

Percentages of a rolling hour's quota come with every answer; at 100 calls fail. Source:
https://developers.facebook.com/docs/marketing-api/overview/rate-limiting, read 2026-11-22. The
steps at 75, 85 and 95 per cent are ours.
"""

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from audsync.connectors.replies import LONGEST_REST_S, Reply, json_object

_SLOW = ((95.0, 600.0), (85.0, 20.0), (75.0, 2.0))
"""From this percentage on, rest so many seconds before the next call; the highest first."""
_FULL = 100.0


def rest_s(reply: Reply) -> float:
    """Seconds to leave the ad account alone after `reply`; 0 while there is room."""
    return max(_percent_rest_s(reply), regain_s(reply))


def regain_s(reply: Reply) -> float:
    """Seconds until Meta lets calls in again, as far as it says; 0 while it lets them in."""
    waits = [60.0 * _number(entry, "estimated_time_to_regain_access") for entry in _cases(reply)]
    account = _header(reply, "x-ad-account-usage")
    if _number(account, "acc_id_util_pct") >= _FULL:
        waits.append(_number(account, "reset_time_duration"))
    return min(max(waits, default=0.0), LONGEST_REST_S)


def _percent_rest_s(reply: Reply) -> float:
    used = max(_percentages(reply), default=0.0)
    return next((rest for percent, rest in _SLOW if used >= percent), 0.0)


def _percentages(reply: Reply) -> Iterator[float]:
    for entry in (*_cases(reply), _header(reply, "x-app-usage")):
        for name in ("call_count", "total_cputime", "total_time"):
            yield _number(entry, name)
    yield _number(_header(reply, "x-ad-account-usage"), "acc_id_util_pct")


def _cases(reply: Reply) -> list[Mapping[str, Any]]:
    """Every entry of X-Business-Use-Case-Usage: a list for each account or business."""
    groups = [
        group
        for group in _header(reply, "x-business-use-case-usage").values()
        if isinstance(group, list)
    ]
    return [entry for group in groups for entry in group if isinstance(entry, dict)]


def _header(reply: Reply, name: str) -> Mapping[str, Any]:
    return json_object(reply.headers.get(name, "").encode()) or {}


def _number(entry: Mapping[str, Any], name: str) -> float:
    value = entry.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if isfinite(value) else 0.0
