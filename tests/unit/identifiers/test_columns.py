"""The quick look at a column settles what is usual, and never otherwise than the long way."""

import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from audsync.domain import Kind, Platform
from audsync.identifiers import device, email, hashing
from audsync.identifiers import text as texts
from audsync.identifiers.kernel import PrepareSpec, examine, prepare
from audsync.identifiers.reasons import Reason
from audsync.identifiers.rules import COLUMN_KINDS, column_rule

USUAL_EMAILS = ("jane.doe@example.com", " Jane@Example.COM ", "u+x@mail-1.co.uk", "n@example.org")
NOT_AT_A_GLANCE = (
    None,
    "",
    "null@none.com",
    "unknown@n-a.com",
    "no@at@all.com",
    "jane@example",
    "jané@example.com",
    "\u212aelvin@example.com",
    "jane@exa\u017fmple.com",
    f"{'x' * 60}@example.com",
    "jane doe@example.com",
)


def recognised(found: texts.Found) -> list[str | None]:
    normal = iter(found.normal)
    return [next(normal) if is_found else None for is_found in found.where]


def test_usual_addresses_are_recognised_in_lower_case_and_without_spaces() -> None:
    assert recognised(email.ordinary(pa.array(USUAL_EMAILS))) == [
        each.strip().lower() for each in USUAL_EMAILS
    ]


@pytest.mark.parametrize("address", NOT_AT_A_GLANCE)
def test_what_is_odd_about_an_address_is_left_to_the_long_way(address: str | None) -> None:
    assert recognised(email.ordinary(pa.array([address], pa.string()))) == [None]
    assert recognised(email.ordinary_gmail(pa.array([address], pa.string()))) == [None]


def test_an_address_of_google_that_is_all_tag_is_left_to_the_long_way() -> None:
    cells = pa.array(["a.b+c@gmail.com", "+c@gmail.com", "a.b+c@example.com"])
    assert recognised(email.ordinary_gmail(cells)) == ["ab@gmail.com", None, "a.b+c@example.com"]


def test_an_id_is_recognised_with_its_hyphens_and_not_if_it_is_nobodys() -> None:
    given = "AEBE52E7-03EE-455A-B3C4-E57283966239"
    odd = ["{" + given + "}", given.replace("-", ""), "00000000-0000-0000-0000-000000000000", None]
    cells = pa.array([given, *odd], pa.string())
    assert recognised(device.ordinary(cells)) == [given.lower(), None, None, None, None]
    assert recognised(device.ordinary_as_given(cells))[0] == given
    lettered = pa.array([given.replace("A", "G")])
    assert recognised(device.ordinary(lettered)) == [None]
    assert recognised(device.ordinary_letters(lettered)) == [given.replace("A", "G").lower()]


def cells_of(count: int, kind: Kind) -> list[str]:
    """Good, bad and hashed cells of a kind, `count` different ones at most."""
    rule = column_rule(Platform.META, kind)
    assert rule is not None
    odd = ["n/a", "", " ", "zz", "é", "x" * 2000, "AB" * 32, "12/05/1990", "+1 650 253 0000"]
    return [rule.example[0], *odd, *(f"{rule.example[0]}{at}" for at in range(count))][:count]


@pytest.mark.parametrize("different", [4, 50, 300])
@pytest.mark.parametrize("platform", Platform)
def test_cells_that_come_often_get_the_answer_they_get_alone(
    platform: Platform, different: int
) -> None:
    dice = random.Random(different)
    columns = {
        f"{kind.label}.0": dice.choices(cells_of(different, kind), k=900) for kind in COLUMN_KINDS
    }
    batch = pa.record_batch(
        {"profile": pa.array(range(900), pa.uint64())}
        | {name: pa.array(cells, pa.string()) for name, cells in columns.items()}
    )
    spec = PrepareSpec(platform=platform, region="US")
    shown = examine(batch, spec)
    expected: set[tuple[Any, ...]] = set()
    for kind in COLUMN_KINDS:
        if column_rule(platform, kind) is None:
            continue
        sent = shown.column(f"{kind.label}.0.sent").to_pylist()
        reasons = shown.column(f"{kind.label}.0.rejected").to_pylist()
        rows = enumerate(zip(sent, reasons, strict=True))
        expected |= {(row, kind, *seen) for row, seen in rows if seen != (None, None)}
    assert {travelling(row, platform) for row in prepare(batch, spec).to_pylist()} == {
        each for key in expected for each in birth_parts(key)
    }


def travelling(row: dict[str, Any], platform: Platform) -> tuple[Any, ...]:
    rule = column_rule(platform, row["kind"])
    value, reason = row["value"], row["reason"]
    if value is not None:
        value = value.decode() if rule and rule.is_raw else value.hex()
    return row["profile"], row["kind"], value, Reason(reason).label if reason else None


def birth_parts(key: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    row, kind, sent, rejected = key
    if kind is not Kind.DATE_OF_BIRTH or sent is None:
        return [key]
    kinds = (Kind.BIRTH_YEAR, Kind.BIRTH_MONTH, Kind.BIRTH_DAY)
    return [
        (row, part, value, rejected) for part, value in zip(kinds, sent.split(","), strict=True)
    ]


def test_what_an_audience_cannot_hold_keeps_its_value_and_says_so() -> None:
    batch = pa.record_batch(
        {
            "profile": pa.array([7], pa.uint64()),
            "email.0": ["jane@example.com"],
            "phone.0": ["+16502530000"],
            "city.0": ["Rome"],
        }
    )
    spec = PrepareSpec(platform=Platform.META, carried=(Kind.EMAIL,))
    rows = {row["kind"]: row for row in prepare(batch, spec).to_pylist()}
    assert rows.keys() == {Kind.EMAIL, Kind.PHONE}
    assert rows[Kind.EMAIL]["reason"] == Reason.ACCEPTED
    assert rows[Kind.PHONE]["reason"] == Reason.NOT_SENDABLE
    assert len(rows[Kind.PHONE]["value"]) == hashing.DIGEST_BYTES


@pytest.mark.parametrize("count", [0, 1, 2, 5000, 9000])
def test_hexadecimal_digits_of_either_case_become_their_bytes(count: int) -> None:
    spelt = random.Random(count).randbytes(hashing.DIGEST_BYTES * count)
    for text in (spelt.hex(), spelt.hex().upper()):
        found = np.empty(len(spelt), dtype=np.uint8)
        hashing.unhex(np.frombuffer(text.encode(), dtype=np.uint8), found)
        assert found.tobytes() == spelt


def test_a_null_is_a_null_whatever_bytes_are_under_it() -> None:
    """Arrow says nothing of the bytes that a null covers: other programs leave some there."""
    buffers = [b"\x01", np.array([0, 6, 12], dtype=np.int32), b"a@b.cod@e.fr"]
    cells = pa.Array.from_buffers(pa.string(), 2, [pa.py_buffer(each) for each in buffers])
    columns = {f"{kind.label}.0": cells for kind in COLUMN_KINDS}
    batch = pa.record_batch({"profile": pa.array([1, 2], pa.uint64()), **columns})
    for platform in Platform:
        rows = prepare(batch, PrepareSpec(platform=platform)).to_pylist()
        assert {row["profile"] for row in rows} == {1}
