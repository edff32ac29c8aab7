"""Rows of an earlier preparation are found again, and only those that can stand for themselves."""

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audsync.snapshots import parquet
from audsync.sync.known import ROWS, Hashes, Index, Known, State, distinct, is_in

_FINGERPRINTS = st.integers(0, 12)
_OLD_ROWS = st.lists(st.tuples(_FINGERPRINTS, st.sampled_from(State), st.booleans()), max_size=12)
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


@_ANY_TIME
@given(rows=_OLD_ROWS, source=st.lists(st.lists(_FINGERPRINTS, max_size=8), max_size=3))
def test_only_rows_that_stand_for_themselves_are_known(
    tmp_path: Path, rows: list[tuple[int, State, bool]], source: list[list[int]]
) -> None:
    path = _file(tmp_path, rows)
    known = Known(parquet.batches(path), at_most=len(rows))
    usable = _usable(rows)
    for batch in source:
        assert known.match(_hashes(batch)).tolist() == [cell in usable for cell in batch]

    seen = Counter(cell for batch in source for cell in batch if cell in usable)
    old = [fingerprint for fingerprint, _, _ in rows]
    halves = [old[: len(old) // 2], old[len(old) // 2 :]]
    times = [half.tolist() for half in known.times(_hashes(half) for half in halves)]
    assert times == [[seen[fingerprint] for fingerprint in half] for half in halves]
    assert known.is_all_seen_once == all(seen[fingerprint] == 1 for fingerprint in old)


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
