import json
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audsync.connectors import encode
from audsync.domain import Kind

EMAIL = encode.Column(Kind.EMAIL, is_hashed=True)
PHONE = encode.Column(Kind.PHONE, is_hashed=True)
MOBILE = encode.Column(Kind.MOBILE_ID, is_hashed=False)
EXTERNAL = encode.Column(Kind.EXTERNAL_ID, is_hashed=False)
COLUMNS = (EXTERNAL, EMAIL, PHONE, MOBILE)

people = st.lists(
    st.dictionaries(st.sampled_from(COLUMNS), st.text(min_size=1), min_size=1), min_size=1
)


def table(rows: Sequence[Mapping[encode.Column, bytes]]) -> pa.Table:
    """`rows` in long form; row numbers have gaps, as a batch cut from a plan has."""
    cells = [
        (7 + 3 * number, column.kind, value)
        for number, row in enumerate(rows)
        for column, value in sorted(row.items(), key=lambda cell: cell[0].kind)
    ]
    return pa.table(
        {
            "row": pa.array([row for row, _, _ in cells], pa.int32()),
            "kind": pa.array([int(kind) for _, kind, _ in cells], pa.uint8()),
            "value": pa.array([value for _, _, value in cells], pa.binary()),
        }
    )


def as_digest(text: str) -> bytes:
    return (text.encode() + bytes(32))[:32]


def as_stored(column: encode.Column, text: str) -> bytes:
    return as_digest(text) if column.is_hashed else text.encode()


@given(people)
def test_decoding_the_text_gives_what_a_plain_pivot_gives(
    persons: list[dict[encode.Column, str]],
) -> None:
    rows = [
        {column: as_stored(column, text) for column, text in person.items()} for person in persons
    ]
    expected = [
        [
            ""
            if column not in row
            else row[column].hex()
            if column.is_hashed
            else row[column].decode()
            for column in COLUMNS
        ]
        for row in rows
    ]
    assert json.loads(encode.arrays(table(rows), COLUMNS)) == expected


def test_a_column_without_a_value_anywhere_is_empty_in_every_row() -> None:
    members = table([{EMAIL: as_digest("a")}, {EMAIL: as_digest("b")}])
    decoded = json.loads(encode.arrays(members, (EMAIL, PHONE)))
    assert decoded == [[as_digest("a").hex(), ""], [as_digest("b").hex(), ""]]


def test_text_that_looks_like_a_template_stays_text() -> None:
    members = table([{EXTERNAL: b'{}"],["$0\\'}])
    assert json.loads(encode.arrays(members, (EXTERNAL,))) == [['{}"],["$0\\']]


def test_no_members_give_an_empty_array() -> None:
    assert encode.arrays(table([]), (EMAIL,)) == b"[]"


def test_a_kind_without_a_column_is_named_and_its_value_is_not() -> None:
    members = table([{EMAIL: as_digest("a"), EXTERNAL: b"crm-1"}])
    with pytest.raises(ValueError, match="external_id") as caught:
        encode.arrays(members, (EMAIL,))
    assert "crm-1" not in str(caught.value)


@given(people)
def test_slots_hold_an_object_for_each_value_and_nothing_for_none(
    persons: list[dict[encode.Column, str]],
) -> None:
    rows = [
        {column: as_stored(column, text) for column, text in person.items()} for person in persons
    ]
    text = encode.slots(
        table(rows),
        COLUMNS,
        opening='{"id":"',
        closing='","in":["{}"]}',
        before='{"data":',
        after="}",
    )
    expected = [
        [{} if value == "" else {"id": value, "in": ["{}"]} for value in row]
        for row in json.loads(encode.arrays(table(rows), COLUMNS))
    ]
    assert json.loads(text) == {"data": expected}


@given(st.lists(st.sets(st.sampled_from((EMAIL, PHONE)), min_size=1), min_size=1))
def test_lines_have_a_field_for_each_kind(persons: list[set[encode.Column]]) -> None:
    rows = [{column: as_digest(str(column.kind)) for column in person} for person in persons]
    expected = [
        ",".join(row[column].hex() if column in row else "" for column in (PHONE, EMAIL))
        for row in rows
    ]
    text = encode.lines(table(rows), (Kind.PHONE, Kind.EMAIL), before="first\n", after="\nlast")
    assert text.decode().split("\n") == ["first", *expected, "last"]


def test_no_members_give_no_slots() -> None:
    assert encode.slots(table([]), (EMAIL,), opening='{"id":"', closing='"}') == b"[]"


ENTRY = '{"ids":[%s]}'
TEMPLATES = {
    EXTERNAL: '{"external":"%s"}',
    EMAIL: '{"email":"%s"}',
    PHONE: '{"phone":"%s"}',
    MOBILE: '"%s"',
}


@given(people)
def test_entries_hold_the_values_that_a_person_has(
    persons: list[dict[encode.Column, str]],
) -> None:
    rows = [
        {column: as_stored(column, text) for column, text in person.items()} for person in persons
    ]
    expected = [
        {"ids": [_filled(column, row[column]) for column in TEMPLATES if column in row]}
        for row in rows
    ]
    assert json.loads(encode.entries(table(rows), TEMPLATES, entry=ENTRY)) == expected


def _filled(column: encode.Column, value: bytes) -> object:
    text = value.hex() if column.is_hashed else value.decode()
    name = {EXTERNAL: "external", EMAIL: "email", PHONE: "phone"}.get(column)
    return {name: text} if name else text


def test_people_named_by_their_place_are_left_out() -> None:
    rows = [{EMAIL: as_digest("a"), PHONE: as_digest("b")}, {EMAIL: as_digest("c")}]
    left = encode.without(table([*rows, *rows]), {0, 3})
    assert json.loads(encode.arrays(left, (EMAIL, PHONE))) == [
        [as_digest("c").hex(), ""],
        [as_digest("a").hex(), as_digest("b").hex()],
    ]
    assert encode.without(left, set()).num_rows == left.num_rows


def test_members_of_one_kind_have_that_kind() -> None:
    members = table([{EMAIL: as_digest("a")}, {EMAIL: as_digest("b")}])
    assert encode.only_kind(members) is Kind.EMAIL


def test_members_of_several_kinds_or_of_none_are_refused() -> None:
    with pytest.raises(ValueError, match="email, phone"):
        encode.only_kind(table([{EMAIL: as_digest("a"), PHONE: as_digest("b")}]))
    with pytest.raises(ValueError, match="one kind"):
        encode.only_kind(table([]))
