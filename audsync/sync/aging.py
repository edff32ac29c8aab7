"""Members age: who is to be sent again before the platform forgets them. Pure.

A platform may forget a member some days after she was last sent. So a slice of the audience is
sent again with each sync, in the order of profile links: those are keyed hashes, so any slice of
them is a fair share. A whole round takes half a member's life, evenly over its days.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

SLICES = 1 << 16
"""Places of a round: the first 16 bits of a profile link."""
_ROUNDS_IN_A_LIFE = 2
_SMALLEST_PART = 60
"""Less than this part of a round is left for later: a second sync has nothing to send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """How far the members were sent again: up to which slice, and what that is in time."""

    at: datetime
    position: int = 0

    def as_json(self) -> dict[str, Any]:
        """As facts keep it."""
        return {"at": self.at.isoformat(), "position": self.position}


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Slices to be sent again now, from one up to but without another, and where that leads."""

    first: int
    stop: int
    then: Round


def recorded(facts: Mapping[str, Any]) -> Round | None:
    """What the facts say; None where nobody has begun to count."""
    kept = facts.get("round")
    if kept is None:
        return None
    return Round(at=datetime.fromisoformat(kept["at"]), position=kept["position"])


def due(round_: Round, now: datetime, lifetime_days: int) -> Slice | None:
    """The slice whose turn it is; None for none.

    Args:
        round_: how far it got.
        now: the moment of this sync.
        lifetime_days: how long the platform remembers a member.
    """
    whole = timedelta(days=lifetime_days) / _ROUNDS_IN_A_LIFE
    count = int((now - round_.at) / whole * SLICES)
    if count < SLICES // _SMALLEST_PART:
        return None
    if count >= SLICES:
        return Slice(first=0, stop=SLICES, then=Round(at=now, position=round_.position))
    stop = min(round_.position + count, SLICES)  # what lies beyond the end has its turn next time
    passed = whole * ((stop - round_.position) / SLICES)
    then = Round(at=round_.at + passed, position=stop % SLICES)
    return Slice(first=round_.position, stop=stop, then=then)
