"""What must hold of a plan and of its books, whoever made them."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import pyarrow as pa

from audsync.domain import Action, Kind
from audsync.sync.books import Books
from audsync.sync.contract import (
    BatchFacts,
    Carrier,
    Desired,
    Engine,
    Plan,
    PlanRequest,
    Refused,
    StateFiles,
)


class Watched:
    """An engine whose every plan is judged."""

    def __init__(self, engine: Engine, max_rows: int) -> None:
        self._engine = engine
        self._max_rows = max_rows

    def fold(
        self, files: StateFiles, batches: Sequence[BatchFacts], *, is_replace: bool
    ) -> StateFiles:
        return self._engine.fold(files, batches, is_replace=is_replace)

    def plan(self, files: StateFiles, desired: Desired, request: PlanRequest) -> Plan:
        made = self._engine.plan(files, desired, request)
        plan(made, request.max_rows)
        refused = None if request.tries_refused else files.refused
        wanted = self._engine.sizes(StateFiles(identifiers=desired.identifiers, refused=refused))
        promised = {kind: size for kind, size in made.summary.desired_sizes.items() if size}
        assert promised == dict(wanted), "the plan promises other sizes than the segment has"
        return made

    def close(self, files: StateFiles, batches: Sequence[BatchFacts]) -> StateFiles:
        return self._engine.close(files, batches)

    def sizes(self, files: StateFiles) -> Mapping[Kind, int]:
        return self._engine.sizes(files)

    def halves(self, files: StateFiles, batch: BatchFacts) -> tuple[BatchFacts, ...]:
        pieces = self._engine.halves(files, batch)
        _division(batch, pieces)
        return pieces

    def apart(
        self, files: StateFiles, batch: BatchFacts, rows: Sequence[int]
    ) -> tuple[BatchFacts, ...]:
        return self._engine.apart(files, batch, rows)

    def carriers(self, files: StateFiles, batch: BatchFacts) -> Sequence[Carrier]:
        return self._engine.carriers(files, batch)

    def refused(self, files: StateFiles) -> Refused:
        return self._engine.refused(files)

    def members(self, files: StateFiles, batch: BatchFacts) -> pa.Table:
        return self._engine.members(files, batch)


def plan(made: Plan, max_rows: int) -> None:
    """I7: batches are numbered, in order, within the limit, and add up to the plan."""
    batches, summary = made.batches, made.summary
    assert [batch.number for batch in batches] == list(range(1, len(batches) + 1))
    actions = [batch.action for batch in batches]
    assert actions == sorted(actions, key=[*Action].index), "removals come first"
    for one, other in pairwise(batches):
        assert one.action != other.action or one.stop_row <= other.first_row, "batches overlap"
    carrying = [batch for batch in batches if batch.action is not Action.SWEEP]
    assert all(0 < batch.rows <= max_rows for batch in carrying), "a batch of a wrong size"
    assert sum(batch.profiles for batch in batches) == summary.profiles_sent, "I7: profiles"
    assert sum(batch.refreshed for batch in batches) == summary.profiles_refreshed, "I7: refreshed"
    removed = sum(b.identifiers for b in batches if b.action is Action.REMOVE)
    if not {Action.REPLACE, Action.SWEEP} & set(actions):
        assert removed == summary.removes, "I7: removed identifiers"
        left = sum(batch.profiles_left for batch in batches)
        assert left + summary.profiles_left_silently == summary.profiles_left, "I7: left"
    if removed:
        assert sum(summary.causes.values()) == summary.removes, "each removal has one cause"


def _division(batch: BatchFacts, pieces: Sequence[BatchFacts]) -> None:
    """I7, where a batch is cut into smaller ones: nothing is lost or doubled."""
    for one, other in pairwise(pieces):
        assert one.stop_row == other.first_row, "pieces with a gap"
    assert all(batch.first_row <= one.first_row < one.stop_row <= batch.stop_row for one in pieces)
    for name in ("profiles", "refreshed", "identifiers", "profiles_left"):
        total = sum(getattr(one, name) for one in pieces)
        assert not pieces or total == getattr(batch, name), f"I7: {name} of a division"
    assert all(one.rows for one in pieces), "an empty piece"


def books(closed: Books, *, is_whole: bool, has_refused: bool) -> None:
    """rows = skipped + unchanged + sent + pending, and sent = added + failed."""
    skipped = sum(closed.profiles_skipped.values())
    accounted = closed.profiles_unchanged + closed.profiles_sent + closed.profiles_pending
    assert closed.profiles_read == skipped + accounted, "rows do not add up"
    assert closed.profiles_sent == closed.profiles_added + closed.profiles_failed
    counted = [getattr(closed, name) for name in Books.__dataclass_fields__]
    assert all(count >= 0 for count in counted if isinstance(count, int)), "a negative count"
    finished = closed.successful_batches + closed.failed_batches
    assert finished <= closed.total_batches
    if is_whole:
        assert closed.profiles_pending == 0
    if is_whole and not has_refused:
        assert closed.profiles_failed == closed.profiles_pending == closed.failed_batches == 0
