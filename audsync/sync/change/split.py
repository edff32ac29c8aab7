"""Where a batch is cut into smaller ones, as only some of its rows have it refused. Pure.

Pieces are ranges of the rows that the batch has in its file. People are cut from each other as long
as there are several, then the identifiers of one person; last of all her match fields are left
behind. A range may lie inside another's: then its rows are not the other's any more.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from audsync.domain import FIRST_FIELD, TAKEN, Action
from audsync.sync.change.cut import Chunk, Flags, Ints, per_profile, starts_of
from audsync.sync.change.cut_by_kind import Values
from audsync.sync.contract import BatchFacts

Pieces = tuple[BatchFacts, ...]


def halves_of_people(batch: BatchFacts, rows: Chunk) -> Pieces:
    """A batch of people in two; a single identifier without what stands beside it; or nothing.

    Args:
        batch: additions, a row a person.
        rows: the file's rows in its range.

    Returns:
        pieces that hold all of its identifiers, each with the batch's number; () where it is as
        small as can be. Whoever is cut apart counts in the first piece.
    """
    starts = starts_of(rows.profile)
    wire = np.cumsum(per_profile(rows, starts)[:, 0])
    inner = np.flatnonzero((wire > 0) & (wire < wire[-1])) + 1
    if len(inner):
        middle = inner[np.argmin(np.abs(wire[inner - 1] - wire[-1] / 2))]
        return _at(batch, rows, [0, int(starts[middle]), len(rows)])
    found = np.flatnonzero(rows.is_taken & (rows.kind < FIRST_FIELD))
    if len(found) > 1:
        return _at(batch, rows, [0, int(found[len(found) // 2]), len(rows)])
    only = int(found[0])
    return _at(batch, rows, [only, only + 1]) if len(rows) > 1 else ()


def halves_of_values(batch: BatchFacts, rows: Values) -> Pieces:
    """The same for a batch of values of one kind: whoever shares one stays together."""
    firsts = np.flatnonzero(rows.is_first)
    if len(firsts) < 2:  # noqa: PLR2004 - halves are two
        return ()
    return _values_at(batch, rows, [0, int(firsts[len(firsts) // 2]), len(rows.kind)])


def halves_of_removals(batch: BatchFacts, leaving: Ints, is_echo: Flags) -> Pieces:
    """The same for removals."""
    if len(leaving) < 2:  # noqa: PLR2004 - halves are two
        return ()
    return _removals_at(batch, leaving, is_echo, [0, len(leaving) // 2, len(leaving)])


def people_apart(batch: BatchFacts, rows: Chunk, named: Sequence[int]) -> Pieces:
    """The batch without what stood in the `named` wire rows only, then that.

    Args:
        batch: additions, a row a person.
        rows: the file's rows in its range.
        named: numbers of wire rows in the batch.

    Returns:
        the batch, its counts less those of the others; then a piece a person, or a piece a value
        for people of whom another row was taken.
    """
    starts = starts_of(rows.profile)
    height = per_profile(rows, starts)[:, 0]
    first = np.cumsum(height) - height
    ends = np.append(starts[1:], len(rows))
    pieces: list[BatchFacts] = []
    for who in np.unique(np.searchsorted(first + height, named, "right")).tolist():
        edges = [int(starts[who]), int(ends[who])]
        of_hers = {row - int(first[who]) for row in named} & set(range(int(height[who])))
        if len(of_hers) == height[who]:
            pieces += _at(batch, rows, edges)
            continue
        for at in _untaken(rows.slice(*edges), int(height[who]), of_hers):
            (value,) = _at(batch, rows, [edges[0] + at, edges[0] + at + 1])
            pieces.append(replace(value, profiles=0, refreshed=0))
    return _less(batch, pieces, len(named))


def _untaken(person: Chunk, height: int, named: set[int]) -> list[int]:
    """Where a person's identifiers are that stood in no wire row but the named ones."""
    own = np.flatnonzero(person.is_taken & (person.kind < FIRST_FIELD))
    runs = np.split(own, np.flatnonzero(np.diff(person.kind[own])) + 1)
    # A kind's n-th value stands in the n-th row, its first in all rows that have no own.
    return [
        int(at)
        for run in runs
        for number, at in enumerate(run)
        if {number, *(range(len(run), height) if not number else ())} <= named
    ]


def values_apart(batch: BatchFacts, rows: Values, named: Sequence[int]) -> Pieces:
    """The same for a batch of values of one kind."""
    edges = np.append(np.flatnonzero(rows.is_first), len(rows.kind))
    return _less(
        batch,
        [_values_at(batch, rows, [int(edges[one]), int(edges[one + 1])])[0] for one in named],
        len(named),
    )


def removals_apart(
    batch: BatchFacts, leaving: Ints, is_echo: Flags, named: Sequence[int]
) -> Pieces:
    """The same for removals."""
    return _less(
        batch,
        [_removals_at(batch, leaving, is_echo, [one, one + 1])[0] for one in named],
        len(named),
    )


def disjoint(batches: Iterable[BatchFacts]) -> Pieces:
    """The same batches as ranges of which none lies inside another; counts are not theirs."""
    pieces: list[BatchFacts] = []
    for is_removal in (True, False):
        mine = [one for one in batches if (one.action is Action.REMOVE) is is_removal]
        pieces += _flat(sorted(mine, key=lambda one: (one.first_row, -one.stop_row)))
    return tuple(pieces)


def holds_others(batch: BatchFacts, batches: Iterable[BatchFacts]) -> bool:
    """Whether another of the batches has rows inside this one's range."""
    return any(
        batch.first_row <= one.first_row < batch.stop_row
        for one in batches
        if one.number != batch.number
    )


def filler_of(batches: Sequence[BatchFacts]) -> BatchFacts | None:
    """The batch of which a row may end the replace that these are of; None where there is none.

    Args:
        batches: of which a request left; none's rows inside another's.

    Returns:
        one that was taken, if any was: its rows will not be refused for what they are.
    """
    sent = [one for one in batches if one.action is Action.REPLACE]
    return next((one for one in sent if one.state in TAKEN), sent[0] if sent else None)


def _flat(batches: Sequence[BatchFacts]) -> Iterable[BatchFacts]:
    """Ranges in the order of their rows, the larger of two that begin together first."""
    holders: list[BatchFacts] = []

    def end(before: int) -> Iterable[BatchFacts]:
        while holders and holders[-1].stop_row <= before:
            yield from _rest(holders.pop(), holders)

    for batch in batches:
        yield from end(batch.first_row)
        if holders and batch.first_row < batch.stop_row:
            holder = holders[-1]
            if holder.first_row < batch.first_row:
                yield replace(holder, stop_row=batch.first_row)
        holders.append(batch)
    if batches:
        yield from end(max(batch.stop_row for batch in batches))


def _rest(batch: BatchFacts, holders: list[BatchFacts]) -> Iterable[BatchFacts]:
    """What is left of a range that ends, whose holder goes on after it."""
    if holders:
        first_row = max(holders[-1].first_row, batch.stop_row)
        holders[-1] = replace(holders[-1], first_row=first_row)
    if batch.first_row < batch.stop_row or batch.action is Action.SWEEP:
        yield batch


def _less(batch: BatchFacts, named: Sequence[BatchFacts], rows: int) -> Pieces:
    """The batch less so many wire rows and what is counted in others, and these."""
    rest = replace(
        batch,
        rows=batch.rows - rows,
        profiles=batch.profiles - sum(one.profiles for one in named),
        refreshed=batch.refreshed - sum(one.refreshed for one in named),
        identifiers=batch.identifiers - sum(one.identifiers for one in named),
        profiles_left=batch.profiles_left - sum(one.profiles_left for one in named),
    )
    return (rest, *named)


def _at(batch: BatchFacts, rows: Chunk, edges: Sequence[int]) -> Pieces:
    """Pieces between these edges."""
    pieces = []
    is_whole = batch.profiles + batch.refreshed > 0
    starts = set(starts_of(rows.profile).tolist())
    for start, stop in pairwise(edges):
        part = rows.slice(start, stop)
        counts = per_profile(part, starts_of(part.profile)).sum(axis=0).tolist()
        # One person's batch may be a later piece of hers already, and its later pieces are.
        counts_people = is_whole and (start in starts or start == edges[0])
        pieces.append(
            replace(
                batch,
                first_row=batch.first_row + start,
                stop_row=batch.first_row + stop,
                rows=counts[0],
                profiles=counts[1] * counts_people,
                refreshed=counts[2] * counts_people,
                identifiers=counts[3],
            )
        )
    return tuple(pieces)


def _values_at(batch: BatchFacts, rows: Values, edges: Sequence[int]) -> Pieces:
    pieces = []
    for start, stop in pairwise(edges):
        part = rows.slice(start, stop)
        pieces.append(
            replace(
                batch,
                first_row=batch.first_row + start,
                stop_row=batch.first_row + stop,
                rows=int(part.is_first.sum()),
                profiles=int((part.is_last & ~part.is_refresh).sum()),
                refreshed=int((part.is_last & part.is_refresh).sum()),
                identifiers=int((part.is_first & part.is_new).sum()),
            )
        )
    return tuple(pieces)


def _removals_at(batch: BatchFacts, leaving: Ints, is_echo: Flags, edges: Sequence[int]) -> Pieces:
    return tuple(
        replace(
            batch,
            first_row=batch.first_row + start,
            stop_row=batch.first_row + stop,
            rows=stop - start,
            identifiers=int((~is_echo[start:stop]).sum()),
            profiles_left=int(leaving[start:stop].sum()),
        )
        for start, stop in pairwise(edges)
    )
