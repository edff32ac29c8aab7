"""How many rows a request has, where a platform found one too large. Pure.

What it took is remembered with the audience and grows again by and by: platforms complain of sizes
that depend on their load, and a size that was too large once need not be so next week.
"""

from collections.abc import Mapping
from typing import Any

from audsync.domain import SyncStatus
from audsync.sync.ports import Desk

FACT = "rows_a_request"
"""Where the head's facts keep it; absent where the platform's own limit holds."""


def now(desk: Desk, facts: Mapping[str, Any]) -> int:
    """Rows a request of the next plan."""
    return min(desk.max_rows, int(facts.get(FACT, desk.max_rows)))


def after(
    desk: Desk, facts: Mapping[str, Any], learned: int | None, status: SyncStatus
) -> dict[str, Any]:
    """The facts after a run.

    Args:
        desk: says what is usual.
        facts: of the plan that was sent.
        learned: rows that a request may have at most, where one was found too large.
        status: how the run ended: after one in which all was taken, twice as many are tried.
    """
    most = learned or facts.get(FACT)
    if learned is None and most is not None and status is SyncStatus.COMPLETED:
        most *= 2
    others = {name: value for name, value in facts.items() if name != FACT}
    return others if most is None or most >= desk.max_rows else {**others, FACT: most}
