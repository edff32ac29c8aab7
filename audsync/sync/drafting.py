"""What a sync would do: the segment read, and the change planned. Nothing is committed or sent."""

from dataclasses import dataclass, replace
from datetime import datetime

from audsync.connectors.contract import Replacing
from audsync.domain import SWAPS
from audsync.errors import StateError
from audsync.sync import aging, guards
from audsync.sync import books as bookkeeping
from audsync.sync.books import Books
from audsync.sync.contract import (
    NONE_REFUSED,
    Desired,
    Plan,
    PlanRequest,
    Refused,
    SegmentCounts,
)
from audsync.sync.delivery import request_size
from audsync.sync.guards import Before, Guard, Verdict
from audsync.sync.ports import Desk, Segment
from audsync.sync.recover import Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a sync is asked for beyond sending the difference."""

    is_replace: bool = False
    """Trust no snapshot, send everything, and let nothing else remain."""
    tries_refused: bool = False
    """Send once more what the platform refused earlier."""


DIFFERENCE = Wish()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A plan, and what it rests on; nothing of it is committed or sent."""

    plan: Plan
    books: Books
    verdicts: tuple[Verdict, ...]
    desired: Desired
    snapshot_size: int
    round: aging.Round | None
    """How far the members are sent again once this plan is closed; None where none is forgotten."""
    refused: Refused = NONE_REFUSED
    """What is left out of the plan, since the platform refused it."""

    @property
    def counts(self) -> SegmentCounts:
        """What reading the segment came to."""
        return self.desired.counts


def draft(
    desk: Desk, standing: Standing, segment: Segment, guard: Guard, wish: Wish = DIFFERENCE
) -> Draft:
    """Read the segment and plan the change; touches neither the store nor the platform."""
    desired = segment.prepare(standing.cache_for(segment))
    desk.progress.phase("plan", None)
    now, lifetime_days = desk.clock.now(), desk.spec.members_last_days
    round_ = aging.recorded(standing.facts)
    aged = aging.due(round_, now, lifetime_days) if round_ and lifetime_days else None
    is_other_rules = standing.facts.get("rules") != segment.rules
    request = PlanRequest(
        is_replace=wish.is_replace,
        max_rows=request_size.now(desk, standing.facts),
        sizes=standing.sizes,
        takes_person_rows=desk.spec.takes_person_rows,
        replaces_by_sweep=desk.spec.replaces_by is Replacing.SWEEP,
        aged=(aged.first, aged.stop) if aged else None,
        tries_refused=wish.tries_refused or wish.is_replace or is_other_rules,
    )
    plan = desk.engine.plan(standing.files, desired, request)
    if plan.batches and desk.spec.changes_by_replace and not wish.is_replace:
        swap = replace(request, is_replace=True)
        plan = desk.engine.plan(standing.files, desired, swap)
    snapshot_size = sum(standing.sizes.values()) or standing.facts.get("size_before", 0)
    return Draft(
        plan=plan,
        books=bookkeeping.close(desired.counts, plan, plan.batches, platform_rejected=0),
        verdicts=guards.judge(
            guard,
            counts=desired.counts,
            summary=plan.summary,
            before=Before(
                snapshot_size=snapshot_size,
                rejects=standing.facts.get("rejects", {}),
                list_sizes=standing.facts.get("lists", {}),
            ),
            list_sizes=desired.list_sizes,
        ),
        desired=desired,
        snapshot_size=snapshot_size,
        round=_next_round(plan, round_, aged, now) if lifetime_days else None,
        refused=NONE_REFUSED if request.tries_refused else desk.engine.refused(standing.files),
    )


def _next_round(
    plan: Plan, round_: aging.Round | None, aged: aging.Slice | None, now: datetime
) -> aging.Round:
    """A replace begins the round anew; an audience without one begins it now."""
    if round_ is None or any(one.action in SWAPS for one in plan.batches):
        return aging.Round(at=now)
    return aged.then if aged else round_


def require_knowledge(standing: Standing, drafted: Draft, *, audience: str) -> None:
    """Without its files nothing is known of an audience: only a session that swaps all is exact.

    Raises:
        StateError: the plan is no such session.
    """
    is_swap = any(one.action in SWAPS for one in drafted.plan.batches)
    if standing.facts.get("is_lost") and not is_swap:
        raise StateError(
            f"What is on the platform for {audience} is not known any more: its state files were"
            f" lost. Run `audsync reconcile {audience}`, which trusts none; where its segment is"
            " empty, delete it and create it anew.",
            details={"audience": audience},
        )
