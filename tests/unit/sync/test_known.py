"""Rows of an earlier preparation are found again, and only those that can stand for themselves."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audsync.snapshots import parquet
from audsync.sync.tables.hashes import Hashes, Index, Marks, distinct, is_in
from audsync.sync.wanted import known_file
from audsync.sync.wanted.known import NEEDED, ROWS, Known, State, TooMuchIsNewError, known_here

_APART = 2**64 // 13
_FINGERPRINTS = st.integers(0, 12).map(_APART.__mul__)
"""A few, all over the room that there is."""
_OLD_ROWS = st.lists(st.tuples(_FINGERPRINTS, st.sampled_from(State), st.booleans()), max_size=12)
_LITTLE = 24 * 40
"""Bytes of memory in which 24 rows may have changed."""
_ANY_TIME = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _hashes(values: list[int]) -> Hashes:
    return np.array(values, dtype=np.uint64)


def _file(folder: Path, rows: list[tuple[int, State, bool]]) -> Path:
    path = folder / "rows.parquet"
    columns = [
        [fingerprint for fingerprint, _, _ in rows],
        [fingerprint for fingerprint, _, _ in rows],
        [int(state) for _, state, _ in rows],
        [is_shared for _, _, is_shared in rows],
    ]
    arrays = [pa.array(column, kind.type) for column, kind in zip(columns, ROWS, strict=True)]
    pq.write_table(pa.table(arrays, schema=ROWS), path)
    return path


def _usable(rows: list[tuple[int, State, bool]]) -> set[int]:
    times = Counter(fingerprint for fingerprint, _, _ in rows)
    return {
        fingerprint
        for fingerprint, state, is_shared in rows
        if times[fingerprint] == 1 and state is not State.SUPPRESSED and not is_shared
    }


def _here(path: Path, count: int) -> Known:
    return known_here(parquet.batches(path, NEEDED), at_most=count)


def _in_a_file(path: Path, count: int) -> Known:
    """Parted into several files before they are sorted into one of several row groups."""
    rows = parquet.batches(path, NEEDED)
    with (
        mock.patch.object(known_file, "_SORTING_BYTES_A_ROW", 400),
        mock.patch.object(known_file, "_GROUP_ROWS", 2),
    ):
        known = known_file.known_file(rows, path.parent, at_most=count, memory_bytes=_LITTLE)
    assert known is not None
    return known


@pytest.mark.parametrize("knowing", [_here, _in_a_file])
@_ANY_TIME
@given(rows=_OLD_ROWS, source=st.lists(st.lists(_FINGERPRINTS, max_size=8), max_size=3))
def test_only_rows_that_stand_for_themselves_are_known(
    tmp_path: Path,
    knowing: Callable[[Path, int], Known],
    rows: list[tuple[int, State, bool]],
    source: list[list[int]],
) -> None:
    known = knowing(_file(tmp_path, rows), len(rows))
    usable = _usable(rows)
    for batch in source:
        assert known.match(_hashes(batch)).tolist() == [cell in usable for cell in batch]

    seen = Counter(cell for batch in source for cell in batch if cell in usable)
    old = [fingerprint for fingerprint, _, _ in rows]
    halves = [old[: len(old) // 2], old[len(old) // 2 :]]
    times = [half.tolist() for half in known.times(_hashes(half) for half in halves)]
    assert times == [[seen[fingerprint] for fingerprint in half] for half in halves]
    assert known.is_all_seen_once == all(seen[fingerprint] == 1 for fingerprint in old)


def _sendable(count: int) -> list[tuple[int, State, bool]]:
    return [(number * _APART, State.SENDABLE, False) for number in range(count)]


def test_where_most_cannot_stand_for_itself_nothing_is_known(tmp_path: Path) -> None:
    path = _file(tmp_path, [(number, State.SENDABLE, True) for number in range(25)])
    rows = parquet.batches(path, NEEDED)
    assert known_file.known_file(rows, tmp_path, at_most=25, memory_bytes=_LITTLE) is None


def test_more_rows_than_a_file_is_read_for_are_not_known(tmp_path: Path) -> None:
    found = known_file.known_file(iter(()), tmp_path, at_most=2 * _LITTLE + 1, memory_bytes=_LITTLE)
    assert found is None


def test_what_is_new_gone_or_there_twice_is_too_much_at_some_point(tmp_path: Path) -> None:
    rows = _sendable(12)
    every = _hashes([fingerprint for fingerprint, _, _ in rows])
    known = _in_a_file(_file(tmp_path, rows), 12)
    known.check(24)
    known.check(12, is_over=True)  # and twelve are gone
    with pytest.raises(TooMuchIsNewError):
        known.check(25)
    with pytest.raises(TooMuchIsNewError):
        known.check(13, is_over=True)
    known.match(every)
    known.check(24, is_over=True)
    known.match(every[:3])
    known.check(21)
    with pytest.raises(TooMuchIsNewError):
        known.check(22)


@given(st.sets(st.integers(0, 40)), st.lists(st.integers(0, 40)))
def test_marks_tell_what_has_none(first: set[int], second: list[int]) -> None:
    marks = Marks(41)
    assert not marks.add(np.array(sorted(first), dtype=np.intp)).any()
    again = marks.add(np.array(sorted(second), dtype=np.intp)).tolist()
    before = [
        value in first or (at > 0 and sorted(second)[at - 1] == value)
        for at, value in enumerate(sorted(second))
    ]
    assert again == before
    assert marks.missing().tolist() == sorted(set(range(41)) - first - set(second))
    assert marks.set_count == len(first | set(second))


@given(st.lists(st.integers(0, 2**64 - 1)))
def test_distinct_values_come_sorted_and_once(values: list[int]) -> None:
    assert distinct(_hashes(values)).tolist() == sorted(set(values))


# Even and in heaps: what has its leading bits in common stands close together.
_HEAP = st.integers(0, 40)
_SPREAD = st.lists(st.integers(0, 2**64 - 1) | _HEAP | _HEAP.map(lambda low: 2**64 - 1 - low))


@given(members=_SPREAD, others=_SPREAD)
def test_hashes_are_found_among_others(members: list[int], others: list[int]) -> None:
    within = distinct(_hashes(members))
    values = _hashes(others + members)
    expected = [value in set(members) for value in others + members]
    assert is_in(values, within).tolist() == expected
    place, is_there = Index(within).find(values)
    assert is_there.tolist() == expected
    assert within[place[is_there]].tolist() == values[is_there].tolist()
