"""The hourly call budget of one ad account, in Meta's `custom_audience` bucket.

Numbers: Marketing API rate-limiting page, read 2026-11-22: 5,000 calls (development tier) or
190,000 (standard) an hour plus 40 for each active audience, at most 700,000.
"""

from collections import deque

import orjson

from audsync.sandbox.meta.settings import Settings

WINDOW_S = 3600
_SLOT_S = 60
_BASE = {"development_access": 5_000, "standard_access": 190_000}
_PER_AUDIENCE = 40
_CAP = 700_000
HEADER = "X-Business-Use-Case-Usage"


class Budget:
    """Calls of the rolling hour, counted in slots of a minute."""

    def __init__(self) -> None:
        self._slots: deque[list[int]] = deque()
        self._used = 0

    def spend(self, now: float, *, allowed: int) -> bool:
        """Count one call, unless the hour's budget is used up; whether it was counted."""
        self._forget(now)
        if self._used >= allowed:
            return False
        slot = int(now // _SLOT_S)
        if not self._slots or self._slots[-1][0] != slot:
            self._slots.append([slot, 0])
        self._slots[-1][1] += 1
        self._used += 1
        return True

    def percent(self, *, allowed: int) -> int:
        """How much of the hour's budget is used."""
        return min(100, self._used * 100 // allowed)

    def wait_min(self, now: float, *, allowed: int) -> int:
        """Minutes until a call is let in again; 0 when one is let in now."""
        if self._used < allowed or not self._slots:
            return 0
        frees_at = (self._slots[0][0] + 1) * _SLOT_S + WINDOW_S
        return max(1, -int((now - frees_at) // 60))

    def _forget(self, now: float) -> None:
        oldest = int((now - WINDOW_S) // _SLOT_S)
        while self._slots and self._slots[0][0] < oldest:
            self._used -= self._slots.popleft()[1]


def allowed_calls(settings: Settings, *, audiences: int) -> int:
    """Calls an hour for an account with that many audiences."""
    if settings.budget_calls is not None:
        return settings.budget_calls
    return min(_CAP, _BASE[settings.tier] + _PER_AUDIENCE * audiences)


def usage_header(account: str, *, percent: int, wait_min: int, tier: str) -> dict[str, str]:
    """The header that tells a client how much is used; processor and wall time are made up."""
    usage = {
        "type": "custom_audience",
        "call_count": percent,
        "total_cputime": percent * 40 // 100,
        "total_time": percent * 55 // 100,
        "estimated_time_to_regain_access": wait_min,
        "ads_api_access_tier": tier,
    }
    return {HEADER: orjson.dumps({account: [usage]}).decode()}
