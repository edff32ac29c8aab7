"""Pieces of a batch hold its identifiers exactly once, down to one alone."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from audsync.domain import FIRST_FIELD, Action, BatchState
from audsync.sync.change import cut, split
from audsync.sync.contract import BatchFacts
from tests.unit.sync.test_cut import Cell, chunk, files

FIRST_ROW = 100
"""Where the batch begins in its file."""


def whole(cells: list[Cell]) -> BatchFacts:
    (batch,) = cut.additions([chunk(cells)], action=Action.ADD, max_rows=1_000, first_number=1)
    return BatchFacts(
        number=1,
        action=Action.ADD,
        first_row=FIRST_ROW,
        stop_row=FIRST_ROW + len(cells),
        rows=batch.rows,
        profiles=batch.profiles,
        refreshed=batch.refreshed,
        identifiers=batch.identifiers,
    )


def inside(cells: list[Cell], batch: BatchFacts) -> list[Cell]:
    return cells[batch.first_row - FIRST_ROW : batch.stop_row - FIRST_ROW]


def identifiers(cells: list[Cell]) -> list[Cell]:
    return [cell for cell in cells if cell[3] and cell[1] < FIRST_FIELD]


def sendable() -> st.SearchStrategy[list[Cell]]:
    return files().filter(lambda cells: bool(identifiers(cells)))


@given(sendable())
def test_halves_lose_nothing_and_end_with_single_identifiers(cells: list[Cell]) -> None:
    waiting, alone, asked = [whole(cells)], [], 0
    while waiting:
        batch = waiting.pop()
        asked += 1
        pieces = split.halves_of_people(batch, chunk(inside(cells, batch)))
        for name in ("profiles", "refreshed", "identifiers"):
            total = sum(getattr(piece, name) for piece in pieces)
            assert not pieces or total == getattr(batch, name)
        waiting += pieces
        alone += [] if pieces else [batch]
    held = [cell for batch in alone for cell in inside(cells, batch)]
    assert sorted(held) == sorted(identifiers(cells))
    assert all(batch.rows == 1 for batch in alone)
    assert asked <= 3 * len(alone)


@given(sendable(), st.data())
def test_what_is_set_apart_stood_in_no_row_that_was_taken(
    cells: list[Cell], data: st.DataObject
) -> None:
    batch = whole(cells)
    named = data.draw(st.sets(st.integers(0, batch.rows - 1), max_size=batch.rows))
    rest, *pieces = split.people_apart(batch, chunk(cells), sorted(named))
    apart = {cell for piece in pieces for cell in identifiers(inside(cells, piece))}
    assert rest.rows == batch.rows - len(named)
    taken: set[tuple[int, int, bytes]] = set()
    place = 0
    for profile in sorted({cell[0] for cell in cells}):
        own = [cell for cell in identifiers(cells) if cell[0] == profile]
        kinds = {kind: [cell for cell in own if cell[1] == kind] for _, kind, *_ in own}
        height = max(map(len, kinds.values()), default=0)
        for row in set(range(height)) - {one - place for one in named}:
            taken |= {some[row if row < len(some) else 0][:3] for some in kinds.values()}
        place += height
    assert {cell[:3] for cell in apart} == {cell[:3] for cell in identifiers(cells)} - taken


def test_removals_are_halved_and_set_apart() -> None:
    leaving, is_echo = np.array([1, 0, 2]), np.array([False, True, False])
    batch = BatchFacts(
        number=4,
        action=Action.REMOVE,
        first_row=7,
        stop_row=10,
        rows=3,
        identifiers=2,
        profiles_left=3,
    )
    one, other = split.halves_of_removals(batch, leaving, is_echo)
    assert (one.first_row, one.stop_row, one.profiles_left, one.identifiers) == (7, 8, 1, 1)
    assert (other.first_row, other.stop_row, other.profiles_left) == (8, 10, 2)
    assert split.halves_of_removals(one, leaving[:1], is_echo[:1]) == ()
    rest, named = split.removals_apart(batch, leaving, is_echo, [2])
    assert (rest.rows, rest.profiles_left, named.first_row, named.stop_row) == (2, 1, 9, 10)


def test_a_range_inside_another_takes_its_rows_out_of_it() -> None:
    def ranged(number: int, first_row: int, stop_row: int, state: BatchState) -> BatchFacts:
        return BatchFacts(
            number=number,
            action=Action.ADD,
            first_row=first_row,
            stop_row=stop_row,
            rows=1,
            state=state,
        )

    batches = [
        ranged(1, 0, 10, BatchState.APPLIED),
        ranged(2, 10, 20, BatchState.APPLIED),
        ranged(3, 0, 4, BatchState.APPLIED),
        ranged(4, 0, 2, BatchState.LEFT_OUT),
        ranged(5, 2, 4, BatchState.PLANNED),
        ranged(6, 15, 16, BatchState.LEFT_OUT),
    ]
    owner = {
        row: piece.number
        for piece in split.disjoint(batches)
        for row in range(piece.first_row, piece.stop_row)
    }
    assert [owner[row] for row in range(20)] == [4] * 2 + [5] * 2 + [1] * 6 + [2] * 5 + [6] + [
        2
    ] * 4
    assert sum(one.stop_row - one.first_row for one in split.disjoint(batches)) == 20
