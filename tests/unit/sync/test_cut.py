"""Requests hold whole people, never too many, and every accepted value exactly where it belongs."""

from itertools import groupby

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from audsync.domain import FIRST_FIELD, Action
from audsync.sync.change import cut, cut_by_kind
from audsync.sync.contract import BatchFacts

Cell = tuple[int, int, bytes, bool]
"""Profile, kind, value, whether the platform takes it."""

_PROFILE = st.sets(
    st.tuples(st.sampled_from((1, 2, 3, 16, 17)), st.binary(min_size=1, max_size=1), st.booleans()),
    min_size=1,
    max_size=7,
)


@st.composite
def files(draw: st.DrawFn) -> list[Cell]:
    """A file of additions."""
    states = draw(st.lists(_PROFILE, max_size=8))
    return [
        (profile, kind, value, taken)
        for profile, state in enumerate(states, start=1)
        for kind, value, taken in sorted(state)
    ]


def chunk(cells: list[Cell]) -> cut.Chunk:
    return cut.Chunk(
        profile=np.array([cell[0] for cell in cells], dtype=np.uint64),
        kind=np.array([cell[1] for cell in cells], dtype=np.uint8),
        is_taken=np.array([cell[3] for cell in cells], dtype=bool),
        is_refresh=np.array([cell[0] % 3 == 0 for cell in cells], dtype=bool),
        is_new=np.array([cell[2] < b"\x80" for cell in cells], dtype=bool),
    )


def cut_up(cells: list[Cell], *, max_rows: int, piece: int) -> tuple[BatchFacts, ...]:
    """The file, streamed `piece` rows at a time."""
    pieces = (chunk(cells[start : start + piece]) for start in range(0, len(cells), piece))
    return cut.additions(pieces, action=Action.ADD, max_rows=max_rows, first_number=1)


def members(cells: list[Cell], batch: BatchFacts) -> list[tuple[int, int, bytes]]:
    """What goes over the wire for the batch."""
    taken = [cell for cell in cells[batch.first_row : batch.stop_row] if cell[3]]
    table = cut.rows_of_additions(
        np.array([cell[0] for cell in taken], dtype=np.int64),
        np.array([cell[1] for cell in taken], dtype=np.int64),
        pa.array([cell[2] for cell in taken], pa.binary()),
    )
    return [(row["row"], row["kind"], row["value"]) for row in table.to_pylist()]


def counts(batch: BatchFacts) -> tuple[int, ...]:
    return batch.number, batch.rows, batch.profiles, batch.refreshed, batch.identifiers


def height(cells: list[Cell]) -> int:
    """Wire rows of one profile."""
    kinds = [cell[1] for cell in cells if cell[3] and cell[1] < FIRST_FIELD]
    return max((kinds.count(kind) for kind in kinds), default=0)


@given(cells=files(), max_rows=st.integers(1, 9), piece=st.integers(1, 12))
def test_however_a_file_is_streamed_it_is_cut_the_same(
    cells: list[Cell], max_rows: int, piece: int
) -> None:
    whole = cut_up(cells, max_rows=max_rows, piece=1_000)
    streamed = cut_up(cells, max_rows=max_rows, piece=piece)
    assert [counts(batch) for batch in streamed] == [counts(batch) for batch in whole]
    assert [members(cells, one) for one in streamed] == [members(cells, one) for one in whole]


@given(cells=files(), max_rows=st.integers(1, 9))
def test_no_request_is_too_large_or_empty(cells: list[Cell], max_rows: int) -> None:
    batches = cut_up(cells, max_rows=max_rows, piece=5)
    assert [batch.number for batch in batches] == list(range(1, len(batches) + 1))
    for batch in batches:
        rows = {row for row, _, _ in members(cells, batch)}
        assert rows == set(range(batch.rows))
        assert 0 < batch.rows <= max_rows


@given(cells=files(), max_rows=st.integers(1, 9))
def test_a_profile_is_in_one_request_unless_it_alone_is_larger(
    cells: list[Cell], max_rows: int
) -> None:
    batches = cut_up(cells, max_rows=max_rows, piece=5)
    for profile, group in groupby(cells, key=lambda cell: cell[0]):
        holding = [
            batch
            for batch in batches
            if any(cell[0] == profile for cell in cells[batch.first_row : batch.stop_row])
        ]
        if height(list(group)) <= max_rows:
            assert len(holding) <= 1


@given(cells=files(), max_rows=st.integers(1, 9))
def test_every_accepted_identifier_of_everybody_is_sent(cells: list[Cell], max_rows: int) -> None:
    batches = cut_up(cells, max_rows=max_rows, piece=5)
    sent = {
        (kind, value)
        for batch in batches
        for _, kind, value in members(cells, batch)
        if kind < FIRST_FIELD
    }
    assert sent == {cell[1:3] for cell in cells if cell[3] and cell[1] < FIRST_FIELD}


@given(cells=files(), max_rows=st.integers(1, 9))
def test_each_row_is_one_person_with_one_value_a_kind(cells: list[Cell], max_rows: int) -> None:
    for batch in cut_up(cells, max_rows=max_rows, piece=5):
        sent = members(cells, batch)
        assert sent == sorted(sent, key=lambda cell: cell[:2])
        assert len({(row, kind) for row, kind, _ in sent}) == len(sent)
        part = [cell for cell in cells[batch.first_row : batch.stop_row] if cell[3]]
        for _, row in groupby(sent, key=lambda cell: cell[0]):
            held = {cell[1:] for cell in row}
            owners = {cell[0] for cell in part if cell[1:3] in held}
            assert any(held <= {cell[1:3] for cell in part if cell[0] == owner} for owner in owners)


@given(cells=files(), max_rows=st.integers(1, 9))
def test_everybody_counts_once(cells: list[Cell], max_rows: int) -> None:
    batches = cut_up(cells, max_rows=max_rows, piece=5)
    people = {
        profile
        for profile, group in groupby(cells, key=lambda cell: cell[0])
        if height(list(group))
    }
    refreshed = {profile for profile in people if profile % 3 == 0}
    assert sum(batch.refreshed for batch in batches) == len(refreshed)
    assert sum(batch.profiles for batch in batches) == len(people - refreshed)
    new = sum(cell[3] and cell[1] < FIRST_FIELD and cell[2] < b"\x80" for cell in cells)
    assert sum(batch.identifiers for batch in batches) == new


def test_several_addresses_take_several_rows_that_repeat_the_rest() -> None:
    cells = [(1, 1, b"a", True), (1, 1, b"b", True), (1, 2, b"t", True), (1, 16, b"ada", True)]
    (batch,) = cut_up(cells, max_rows=5, piece=9)
    assert members(cells, batch) == [
        (0, 1, b"a"),
        (0, 2, b"t"),
        (0, 16, b"ada"),
        (1, 1, b"b"),
        (1, 2, b"t"),
        (1, 16, b"ada"),
    ]


def test_match_fields_alone_are_nobody() -> None:
    cells = [(1, 1, b"bad", False), (1, 16, b"ada", True)]
    assert cut_up(cells, max_rows=5, piece=9) == ()


@given(
    flags=st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=12),
    max_rows=st.integers(1, 5),
)
def test_removals_are_cut_without_gaps(flags: list[tuple[int, bool]], max_rows: int) -> None:
    batches = cut.removals(
        leaving=np.array([leaving for leaving, _ in flags], dtype=np.int64),
        is_echo=np.array([is_echo for _, is_echo in flags], dtype=bool),
        stretches=cut_by_kind.stretches(np.zeros(len(flags), dtype=np.uint8), max_rows),
    )
    rows = [row for batch in batches for row in range(batch.first_row, batch.stop_row)]
    assert rows == list(range(len(flags)))
    assert all(0 < batch.rows <= max_rows for batch in batches)
    assert sum(batch.identifiers for batch in batches) == sum(not echo for _, echo in flags)
    assert sum(batch.profiles_left for batch in batches) == sum(leaving for leaving, _ in flags)


def test_a_request_of_which_nothing_is_taken_has_no_rows() -> None:
    nobody = np.array([], dtype=np.int64)
    assert cut.rows_of_additions(nobody, nobody, pa.array([], pa.binary())).num_rows == 0
