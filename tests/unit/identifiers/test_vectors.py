"""The published vectors: what each vendor's pages and libraries say, value by value."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from audsync.domain import Kind, Platform
from audsync.identifiers.kernel import PhonePolicy, PrepareSpec, examine, prepare
from audsync.identifiers.reasons import Reason
from audsync.identifiers.rules import COLUMN_KINDS, column_rule

Vector = dict[str, Any]

VECTORS: list[Vector] = json.loads(
    (Path(__file__).parents[2] / "vectors.json").read_text(encoding="utf-8")
)
REQUIRED = {"platform", "type", "value", "region", "normalized", "hash", "sent", "rejected"}


def name_of(vector: Vector) -> str:
    return f"{vector['platform']}-{vector['type']}-{vector['value']!a}"


def spec_of(vector: Vector) -> PrepareSpec:
    return PrepareSpec(
        platform=Platform(vector["platform"]),
        region=vector["region"],
        phone_policy=PhonePolicy(vector.get("phone_policy", "valid")),
    )


@pytest.mark.parametrize("vector", VECTORS, ids=name_of)
def test_a_published_value_gets_the_published_answer(vector: Vector) -> None:
    column = f"{vector['type']}.0"
    answer = examine(pa.record_batch({column: pa.array([vector["value"]])}), spec_of(vector))
    given = {key: answer.column(f"{column}.{key}")[0].as_py() for key in REQUIRED & ANSWERS}
    assert given == {key: vector[key] for key in given}


ANSWERS = {"normalized", "hash", "sent", "rejected"}


@pytest.mark.parametrize("vector", VECTORS, ids=name_of)
def test_a_published_hash_is_the_sha256_of_its_published_form(vector: Vector) -> None:
    assert vector.keys() >= REQUIRED
    if vector["normalized"] is not None:
        assert hashlib.sha256(vector["normalized"].encode()).hexdigest() == vector["hash"]
    else:
        assert (vector["rejected"] is None) is (vector["hash"] is not None)


@pytest.mark.parametrize("vector", VECTORS, ids=name_of)
def test_what_is_shown_is_what_travels(vector: Vector) -> None:
    kind = Kind[vector["type"].upper()]
    column = f"{vector['type']}.0"
    batch = pa.record_batch(
        {"profile": pa.array([7], pa.uint64()), column: pa.array([vector["value"]])}
    )
    rows = prepare(batch, spec_of(vector)).to_pylist()
    rule = column_rule(Platform(vector["platform"]), kind)
    if rule is None:
        assert rows == []
        return
    is_raw = rule.is_raw
    sent = [row["value"].decode() if is_raw else row["value"].hex() for row in rows if row["value"]]
    # The parts of a date of birth come in no order.
    assert sorted(sent) == sorted((vector["sent"] or "").split(",") if vector["sent"] else [])
    assert [Reason(row["reason"]).label for row in rows if row["reason"]] == (
        [vector["rejected"]] if vector["rejected"] else []
    )


def test_every_platform_and_every_kind_it_takes_has_a_vector() -> None:
    published = {(vector["platform"], vector["type"]) for vector in VECTORS}
    for platform in Platform:
        for kind in Kind:
            if column_rule(platform, kind) and kind in COLUMN_KINDS:
                assert (platform, kind.label) in published
