"""What cells say about consent, and that nothing else of the program takes them for values."""

import pyarrow as pa
import pytest

from audsync.domain import STATEMENTS, Kind, Platform
from audsync.identifiers.kernel import PrepareSpec, examine, prepare
from audsync.identifiers.rules import COLUMN_KINDS, takes

CONTACT = PrepareSpec(
    platform=Platform.GOOGLE, carried=(Kind.EMAIL, Kind.AD_USER_DATA, Kind.AD_PERSONALIZATION)
)


def said(cell: str | None, spec: PrepareSpec = CONTACT) -> list[tuple[int, bytes]]:
    batch = pa.record_batch(
        {
            "profile": pa.array([7], pa.uint64()),
            "ad_user_data.0": pa.array([cell], pa.string()),
            "email.0": ["a@b.de"],
        }
    )
    rows = prepare(batch, spec).to_pylist()
    assert all(row["reason"] == 0 for row in rows)
    return [(row["kind"], row["value"]) for row in rows if row["kind"] != Kind.EMAIL]


@pytest.mark.parametrize("cell", ["true", "1", "YES", " y ", "t", "Granted", "opt_in\u00a0"])
def test_a_yes_is_granted(cell: str) -> None:
    assert said(cell) == [(Kind.AD_USER_DATA, b"GRANTED")]


@pytest.mark.parametrize(
    "cell", ["false", "0", "no", "denied", "null", "n/a", "-", "ja", "0" * 64, "x" * 9_000]
)
def test_anything_else_is_a_no(cell: str) -> None:
    assert said(cell) == [(Kind.AD_USER_DATA, b"DENIED")]


@pytest.mark.parametrize("cell", [None, "", "  ", "\t\n", "\u00a0"])
def test_a_blank_cell_says_nothing(cell: str | None) -> None:
    assert said(cell) == []


def test_only_google_is_told() -> None:
    told = [platform for platform in Platform if set(STATEMENTS) & set(takes(platform))]
    assert told == [Platform.GOOGLE]
    for platform in set(Platform) - {Platform.GOOGLE}:
        assert said("yes", PrepareSpec(platform=platform)) == []


def test_nobody_looks_at_a_statement_as_at_a_value() -> None:
    assert not set(STATEMENTS) & set(COLUMN_KINDS)
    assert not any(kind.is_identifier for kind in STATEMENTS)
    seen = examine(pa.record_batch({"ad_user_data.0": ["yes"], "email.0": ["a@b.de"]}), CONTACT)
    assert all(name.startswith("email.0.") for name in seen.schema.names)
