"""Algorithms that look right and are not: the simulator must see through each of them.

The first three are what home-made syncs do; the next two are mistakes that careful people made in
a first draft; the last three were found in this project by the simulator itself.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from audsync.domain import BatchState
from audsync.sync.contract import BatchFacts, StateFiles
from tests.sim.set_change import Change, Known
from tests.sim.set_engine import SetEngine
from tests.sim.set_rows import Value, identifiers, profiles, values

NOBODY = 0


class SnapshotAtTheEnd(SetEngine):
    """The snapshot moves when a run ended well; of an unfinished one nothing is remembered."""

    def fold(
        self, files: StateFiles, batches: Sequence[BatchFacts], *, is_replace: bool
    ) -> StateFiles:
        nothing = [replace(batch, state=BatchState.PLANNED) for batch in batches]
        return super().fold(files, nothing, is_replace=is_replace)


class TimeoutIsFailure(SetEngine):
    """No answer is taken for proof that nothing happened."""

    def fold(
        self, files: StateFiles, batches: Sequence[BatchFacts], *, is_replace: bool
    ) -> StateFiles:
        sure = [
            batch if batch.state is BatchState.APPLIED else replace(batch, state=BatchState.REFUSED)
            for batch in batches
        ]
        return super().fold(files, sure, is_replace=is_replace)


class RowDiff(SetEngine):
    """A changed row is its old values removed and its new ones added."""

    def change(self, known: Known, _aged: tuple[int, int] | None = None) -> Change:
        lost, came = known.c - known.d, known.d - known.c
        return Change(
            removed=frozenset(values(lost)),
            echoed=frozenset(),
            appearing=frozenset(values(came) - values(known.c)),
            sent=frozenset(profiles(came)),
            refreshed=frozenset(),
            departed=frozenset(profiles(identifiers(known.c)) - profiles(known.d)),
        )


class UncertainWithoutLinks(SetEngine):
    """What is uncertain is kept, who carried it is not."""

    def known(self, files: StateFiles, unwanted: AbstractSet[Value] = frozenset()) -> Known:
        known = super().known(files, unwanted)
        return replace(known, u=frozenset((NOBODY, *link[1:]) for link in known.u))


class RepairNotCarried(SetEngine):
    """What an unfinished run still had to put back is forgotten by the next."""

    def fold(
        self, files: StateFiles, batches: Sequence[BatchFacts], *, is_replace: bool
    ) -> StateFiles:
        return replace(super().fold(files, batches, is_replace=is_replace), repair=None)


class NoEcho(SetEngine):
    """What was once in doubt is settled for ever when it has been said again."""

    def fold(
        self, files: StateFiles, batches: Sequence[BatchFacts], *, is_replace: bool
    ) -> StateFiles:
        return replace(super().fold(files, batches, is_replace=is_replace), echo=None)

    def close(self, files: StateFiles, batches: Sequence[BatchFacts]) -> StateFiles:
        return replace(super().close(files, batches), echo=None)


class EchoLostInReplace(SetEngine):
    """An interrupted replace forgets what was to be said once more."""

    def fold(
        self, files: StateFiles, batches: Sequence[BatchFacts], *, is_replace: bool
    ) -> StateFiles:
        forgotten = replace(files, echo=None) if is_replace else files
        return super().fold(forgotten, batches, is_replace=is_replace)


class RefusedIsThere(SetEngine):
    """What was left out counts as confirmed once its plan is closed."""

    def close(self, files: StateFiles, batches: Sequence[BatchFacts]) -> StateFiles:
        return replace(super().close(files, batches), refused=None)


class EchoOnce(SetEngine):
    """What was said after an unanswered try is said again in one run, not in two."""

    def known(self, files: StateFiles, unwanted: AbstractSet[Value] = frozenset()) -> Known:
        return replace(super().known(files, unwanted), twice=frozenset())


BY_OTHERS = (SnapshotAtTheEnd, TimeoutIsFailure, RowDiff)
FIRST_DRAFTS = (UncertainWithoutLinks, RepairNotCarried)
OUR_OWN = (NoEcho, EchoLostInReplace, EchoOnce)


def all_of_them() -> tuple[type[SetEngine], ...]:
    """Every wrong algorithm."""
    return (*BY_OTHERS, *FIRST_DRAFTS, *OUR_OWN)
