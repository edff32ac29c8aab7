"""Requests that carry one kind each: nothing lost, nothing twice, every limit kept."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from audsync.domain import Action
from audsync.sync.change import cut_by_kind
from audsync.sync.contract import BatchFacts

Row = tuple[int, int, int]
"""Kind, value, profile: in this order in a file."""

_ROWS = st.sets(st.tuples(st.integers(1, 3), st.integers(0, 6), st.integers(0, 5)), max_size=40)


def values(rows: Sequence[Row], refreshed: frozenset[int]) -> cut_by_kind.Values:
    last = {profile: (kind, value) for kind, value, profile in rows}
    return cut_by_kind.Values(
        kind=np.array([kind for kind, _, _ in rows], dtype=np.uint8),
        is_first=np.array(
            [n == 0 or rows[n - 1][:2] != row[:2] for n, row in enumerate(rows)], dtype=bool
        ),
        is_last=np.array([last[row[2]] == row[:2] for row in rows], dtype=bool),
        is_refresh=np.array([row[2] in refreshed for row in rows], dtype=bool),
        is_new=np.array([row[1] % 2 == 0 for row in rows], dtype=bool),
    )


def cut_up(
    rows: Sequence[Row], refreshed: frozenset[int], *, max_rows: int, piece: int
) -> tuple[BatchFacts, ...]:
    whole = values(rows, refreshed)
    pieces = [whole.slice(start, start + piece) for start in range(0, len(rows), piece)]
    return cut_by_kind.additions(pieces, max_rows=max_rows, first_number=4)


@given(
    rows=_ROWS,
    refreshed=st.frozensets(st.integers(0, 5)),
    max_rows=st.integers(1, 5),
    piece=st.integers(1, 9),
)
def test_every_value_goes_once_in_a_request_of_its_kind(
    rows: set[Row], refreshed: frozenset[int], max_rows: int, piece: int
) -> None:
    ordered = sorted(rows)
    batches = cut_up(ordered, refreshed, max_rows=max_rows, piece=piece)
    taken = [ordered[batch.first_row : batch.stop_row] for batch in batches]
    assert [row for part in taken for row in part] == ordered
    assert [batch.number for batch in batches] == list(range(4, 4 + len(batches)))
    for batch, part in zip(batches, taken, strict=True):
        assert batch.action is Action.ADD
        assert len({kind for kind, _, _ in part}) == 1
        assert batch.rows == len({row[:2] for row in part}) <= max_rows
    whole = [{row[:2] for row in part} for part in taken]
    assert sum(len(part) for part in whole) == len({row[:2] for row in ordered})


@given(rows=_ROWS, refreshed=st.frozensets(st.integers(0, 5)), max_rows=st.integers(1, 5))
def test_a_profile_counts_once_where_its_last_value_goes(
    rows: set[Row], refreshed: frozenset[int], max_rows: int
) -> None:
    ordered = sorted(rows)
    profiles = {profile for _, _, profile in ordered}
    batches = cut_up(ordered, refreshed, max_rows=max_rows, piece=100)
    assert sum(batch.profiles for batch in batches) == len(profiles - refreshed)
    assert sum(batch.refreshed for batch in batches) == len(profiles & refreshed)


@given(kinds=st.lists(st.integers(1, 4)), max_rows=st.integers(1, 5))
def test_stretches_follow_each_other_and_never_hold_two_kinds(
    kinds: list[int], max_rows: int
) -> None:
    kind = np.array(sorted(kinds), dtype=np.uint8)
    stretches = cut_by_kind.stretches(kind, max_rows)
    assert [row for start, stop in stretches for row in range(start, stop)] == list(
        range(len(kind))
    )
    for start, stop in stretches:
        assert 0 < stop - start <= max_rows
        assert len(set(kind[start:stop].tolist())) == 1
