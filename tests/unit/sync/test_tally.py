"""Sizes of a segment, counted as its values pass by, as long as there is room."""

import pyarrow as pa

from audsync.domain import Kind
from audsync.sync.wanted.digest import IDENTIFIERS
from audsync.sync.wanted.tally import Sizes


def batch(*values: tuple[Kind, bytes, int]) -> pa.RecordBatch:
    rows = [
        {"profile": number, "kind": int(kind), "value": value, "reason": reason}
        for number, (kind, value, reason) in enumerate(values)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=IDENTIFIERS)


def test_distinct_accepted_identifiers_are_counted_by_kind() -> None:
    sizes = Sizes(memory_bytes=1 << 20)
    sizes.add(batch((Kind.EMAIL, b"a", 0), (Kind.EMAIL, b"b", 0), (Kind.PHONE, b"a", 0)))
    sizes.add(batch((Kind.EMAIL, b"b", 0), (Kind.EMAIL, b"c", 1), (Kind.COUNTRY, b"de", 0)))
    assert sizes.by_kind() == {Kind.EMAIL: 2, Kind.PHONE: 1}


def test_nothing_is_counted_beyond_the_room_there_is() -> None:
    sizes = Sizes(memory_bytes=3 * 8)
    sizes.add(batch((Kind.EMAIL, b"a", 0), (Kind.EMAIL, b"b", 0)))
    assert sizes.by_kind() == {Kind.EMAIL: 2}
    sizes.add(batch((Kind.EMAIL, b"a", 0), (Kind.EMAIL, b"b", 0)))
    sizes.add(batch((Kind.EMAIL, b"c", 0)))
    assert sizes.by_kind() is None


def test_nothing_is_counted_where_nobody_wants_it() -> None:
    sizes = Sizes(memory_bytes=0)
    sizes.add(batch((Kind.EMAIL, b"a", 0)))
    assert sizes.by_kind() is None
