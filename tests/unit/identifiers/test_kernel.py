"""The shape of the kernel's answers, and what depends on what."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from audsync.domain import Kind, Platform
from audsync.identifiers.kernel import (
    PhonePolicy,
    PrepareSpec,
    examine,
    link,
    prepare,
    rules_version,
)
from audsync.identifiers.reasons import Reason
from audsync.identifiers.rules import COLUMN_KINDS, REVISION, RULES, is_raw, takes

META = PrepareSpec(platform=Platform.META, region="US")

SHAPE = pa.schema(
    {"profile": pa.uint64(), "kind": pa.uint8(), "value": pa.binary(), "reason": pa.uint8()}
)


def rows_of(spec: PrepareSpec = META, **columns: list[str | None]) -> list[tuple[Any, ...]]:
    cells = {name.replace("__", "."): pa.array(column) for name, column in columns.items()}
    count = len(next(iter(columns.values())))
    batch = pa.record_batch({"profile": pa.array(range(count), pa.uint64()), **cells})
    return [tuple(row.values()) for row in prepare(batch, spec).to_pylist()]


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def test_an_empty_batch_has_the_shape_of_a_full_one() -> None:
    names = ["email.0", "phone.0", "mobile_id.0", "date_of_birth.0"]
    for count in (0, 2):
        columns = {name: pa.array([None] * count, pa.string()) for name in names}
        batch = pa.record_batch({"profile": pa.array(range(count), pa.uint64()), **columns})
        assert prepare(batch, META).schema == SHAPE
        assert prepare(batch, META).num_rows == 0
        assert examine(batch, META).num_rows == count
    assert prepare(pa.record_batch({"profile": pa.array([1], pa.uint64())}), META).schema == SHAPE


def test_equal_values_of_one_profile_come_once_and_of_two_profiles_twice() -> None:
    rows = rows_of(email__0=["A@b.co", "a@b.co"], email__1=["a@B.co", digest("a@b.co").hex()])
    assert sorted(rows) == [
        (0, Kind.EMAIL, digest("a@b.co"), 0),
        (1, Kind.EMAIL, digest("a@b.co"), 0),
    ]


def test_every_rejected_cell_is_a_row_of_its_own() -> None:
    rows = rows_of(email__0=["x"], email__1=["y"], date_of_birth__0=["nil"])
    assert sorted(rows) == [
        (0, Kind.EMAIL, None, Reason.INVALID_FORMAT),
        (0, Kind.EMAIL, None, Reason.INVALID_FORMAT),
        (0, Kind.DATE_OF_BIRTH, None, Reason.PLACEHOLDER),
    ]


def test_columns_of_other_names_and_kinds_are_ignored() -> None:
    spec = PrepareSpec(platform=Platform.TIKTOK)
    assert rows_of(spec, ltv=["1"], city__0=["Rome"], email=["a@b.co"], email__x=["a@b.co"]) == []


def test_numbers_in_place_of_text_are_read_as_text() -> None:
    batch = pa.record_batch(
        {
            "profile": pa.array([1], pa.uint64()),
            "phone.0": pa.array([6577770000]),
            "email.0": pa.array(["a@b.co"]).dictionary_encode(),
        }
    )
    values = {row["value"] for row in prepare(batch, META).to_pylist()}
    assert values == {digest("16577770000"), digest("a@b.co")}


def test_a_slice_of_a_batch_gives_the_rows_of_that_slice() -> None:
    batch = pa.record_batch(
        {"profile": pa.array([1, 2, 3], pa.uint64()), "email.0": ["a@b.co", "c@d.co", "e@f.co"]}
    )
    assert prepare(batch.slice(1, 1), META).to_pylist() == [
        {"profile": 2, "kind": Kind.EMAIL, "value": digest("c@d.co"), "reason": 0}
    ]


def test_a_link_is_the_start_of_a_salted_hash_and_never_changes() -> None:
    links = link(pa.chunked_array([["a"], [None, "ü"]]), "salt").to_pylist()
    expected = int.from_bytes(digest("salt\0a")[:8], "big")
    assert links == [expected, None, int.from_bytes(digest("salt\0ü")[:8], "big")]
    assert link(pa.array(["a"]), "pepper").to_pylist() != [expected]
    assert link(pa.array([7]), "s") == link(pa.array(["7"]), "s")
    assert link(pa.array([], pa.string()), "s").type == pa.uint64()


def test_the_version_changes_with_all_that_answers_depend_on() -> None:
    specs = [
        PrepareSpec(platform=platform, region=region, phone_policy=policy)
        for platform in Platform
        for region in (None, "US", "GB")
        for policy in PhonePolicy
    ]
    assert len({rules_version(spec) for spec in specs}) == len(specs)
    assert rules_version(PrepareSpec(platform=Platform.META, region="usa")) == rules_version(META)


def test_a_changed_answer_asks_for_a_new_revision() -> None:
    """When this fails, raise `rules.REVISION` and write down the new fingerprint here.

    Phones are left out: phonenumbers' version stands for them.
    """
    words = ["Jane.Doe+x@Gmail.com", "a b@c.de", "O'Connor, Jr.", "São Paulo", "usa", "Female"]
    words += [
        "1984-07-09",
        "03/04/1990",
        "AEBE52E703EE455AB3C4E57283966239",
        "n/a",
        "x",
        "SW1A 1AA",
    ]
    batch = pa.record_batch(
        {f"{kind.label}.1": words for kind in COLUMN_KINDS if kind is not Kind.PHONE}
    )
    answers = [examine(batch, PrepareSpec(platform=platform)).to_pydict() for platform in Platform]
    fingerprint = hashlib.sha256(json.dumps(answers, sort_keys=True).encode()).hexdigest()[:16]
    assert (REVISION, fingerprint) == (1, "1c86ec8d3c0c9d46")


def test_every_rule_names_its_source_and_its_day() -> None:
    for platform, rules in RULES.items():
        assert takes(platform) == tuple(sorted(rules))
        for kind, rule in rules.items():
            assert "." in rule.source
            assert rule.read_on.startswith("20")
            assert is_raw(platform, kind) is rule.is_raw


@pytest.mark.parametrize("platform", Platform)
def test_every_rule_keeps_the_promise_of_its_example(platform: Platform) -> None:
    for kind, rule in RULES[platform].items():
        is_part = kind in (Kind.BIRTH_YEAR, Kind.BIRTH_MONTH, Kind.BIRTH_DAY)
        label = Kind.DATE_OF_BIRTH.label if is_part else kind.label
        raw, normal = rule.example
        batch = pa.record_batch({"profile": pa.array([1], pa.uint64()), f"{label}.0": [raw]})
        rows = prepare(batch, PrepareSpec(platform=platform)).to_pylist()
        values = [row["value"] for row in rows if row["kind"] == kind]
        assert values == [normal.encode() if rule.is_raw else digest(normal)]


def test_reading_the_rules_loads_none_of_the_big_libraries() -> None:
    code = (
        "import sys, audsync.identifiers.rules, audsync.identifiers.reasons, "
        "audsync.identifiers.masking; "
        "print(sorted({'polars', 'duckdb', 'pyarrow', 'phonenumbers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_documentation_lists_every_rule_and_every_reason() -> None:
    page = (Path(__file__).parents[3] / "docs" / "identifiers.md").read_text(encoding="utf-8")
    for rules in RULES.values():
        for kind, rule in rules.items():
            way = "text" if rule.is_raw else "SHA-256"
            raw, normal = rule.example
            assert f"| {kind.label} | {way} | {rule.text} | `{raw}` | `{normal}` |" in page
    for reason in Reason:
        assert reason is Reason.ACCEPTED or f"| `{reason.label}` |" in page
