"""What travels from executors comes back as it was, and a change of any bit shows."""

import numpy as np
import pyarrow as pa
import pytest

from audsync.sync.spark import lines
from audsync.sync.wanted.digest import IDENTIFIERS, Digested
from audsync.sync.wanted.known import ROWS

_TOP = 2**64 - 1


@pytest.fixture
def done() -> Digested:
    values = [b"\x00" * 32, None, b"", "ö".encode(), b"\xff" * 32]
    columns = ([0, _TOP, 7, 7, 9], [1, 2, 3, 4, 5], values, [0, 6, 2, 0, 1])
    states = ([_TOP, 1, 2], [0, _TOP, 7], [0, 1, 5], [False, False, False])
    return Digested(
        identifiers=pa.record_batch(list(columns), schema=IDENTIFIERS),
        rows=pa.record_batch(list(states), schema=ROWS),
    )


def test_lines_come_back_as_they_were(done: Digested) -> None:
    table = pa.Table.from_batches([lines.of_identifiers(3, done), lines.of_rows(3, done)])
    (batch,) = table.combine_chunks().to_batches()
    assert lines.identifiers_in(batch).equals(done.identifiers)
    assert lines.rows_in(batch).equals(done.rows)
    assert not len(lines.profiles_in(batch))


def test_the_fingerprint_is_of_the_lines_in_any_order(done: Digested) -> None:
    batch = lines.of_identifiers(3, done)
    shuffled = batch.take(pa.array([4, 2, 0, 3, 1]))
    assert lines.fingerprint(shuffled) == lines.fingerprint(batch)
    parts = (lines.fingerprint(batch.slice(0, 2)), lines.fingerprint(batch.slice(2)))
    assert lines.added(*parts) == lines.fingerprint(batch)


@pytest.mark.parametrize("name", ["profile", "kind", "value", "reason"])
def test_the_fingerprint_tells_lines_apart(name: str, done: Digested) -> None:
    batch = lines.of_identifiers(3, done)
    place = batch.schema.get_field_index(name)
    changed = batch.column(place).to_pylist()
    for other in (changed[::-1], [None, *changed[1:]], [changed[2], *changed[1:]]):
        swapped = batch.set_column(
            place, batch.schema.field(name), pa.array(other, batch[name].type)
        )
        assert lines.fingerprint(swapped) != lines.fingerprint(batch)


def test_profiles_on_a_list_come_back() -> None:
    listed = np.array([0, 5, _TOP], dtype=np.uint64)
    assert (lines.profiles_in(lines.of_profiles(0, listed)) == listed).all()
