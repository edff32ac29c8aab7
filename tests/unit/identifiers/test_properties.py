"""What holds for every value, whatever it is."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from audsync.domain import Kind, Platform
from audsync.identifiers.kernel import PhonePolicy, PrepareSpec, examine, prepare
from audsync.identifiers.reasons import Reason
from audsync.identifiers.rules import COLUMN_KINDS

SPECS = [
    PrepareSpec(platform=Platform.META, region="US"),
    PrepareSpec(platform=Platform.GOOGLE, phone_policy=PhonePolicy.POSSIBLE),
    PrepareSpec(platform=Platform.TIKTOK, region="IT", phone_policy=PhonePolicy.POSSIBLE),
    PrepareSpec(platform=Platform.SNAPCHAT),
]
SLOW = settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.too_slow])

emails = st.from_regex(
    r"\A[ \u00a0]?[A-Za-z.+İß]{1,8}@[a-zé-]{1,6}(\.[a-zÜ]{1,4}){0,2}[ \u200b]?\Z"
)
gmails = st.from_regex(r"\A[A-Za-z.+]{1,8}@(Gmail|GOOGLEMAIL)\.com\Z")
numbers = st.from_regex("\\A(\\+|00|011|\\(|)[0-9 ().\\-/\u0660-\u0669x]{2,18}\\Z")
ids = st.from_regex(r"\A\{?[0-9A-Fa-f]{8}(-?[0-9A-Fa-f]{4}){3}-?[0-9A-Fa-f]{12}\}?\Z")
names = st.sampled_from(
    [
        "Mrs. Ann",
        "mr mrs x",
        "Smith, Jr.",
        "n ull",
        "N/A",
        "O'Connor",
        "Müller",
        "李",
        "ﬁ",
        "Dr.",
        "a" * 64,
    ]
)
dates = st.from_regex(
    r"\A([0-9]{4}[-/.]?[0-9]{1,2}[-/.]?[0-9]{1,2}|[0-9]{1,2}[./][0-9]{1,2}[./][0-9]{4})\Z"
)
hashes = st.from_regex(r"\A[0-9A-Fa-f]{64}\Z")
cells = st.one_of(
    st.none(), st.text(max_size=40), emails, gmails, numbers, ids, names, dates, hashes,
    st.sampled_from(["US", "usa", "Côte d'Ivoire", "zz", "female", "94045-1234", "Ohio"]),
)  # fmt: skip


def batch_of(rows: list[str | None], *, profiles: list[int] | None = None) -> pa.RecordBatch:
    """Every cell in a column of every kind."""
    column = pa.array(rows, pa.string())
    numbers_of = pa.array(profiles or list(range(len(rows))), pa.uint64())
    return pa.record_batch(
        {"profile": numbers_of, **{f"{kind.label}.0": column for kind in COLUMN_KINDS}}
    )


def sorted_rows(*batches: pa.RecordBatch) -> list[tuple[Any, ...]]:
    rows = [tuple(row.values()) for batch in batches for row in batch.to_pylist()]
    return sorted(rows, key=repr)


def column(batch: pa.RecordBatch, name: str) -> list[Any]:
    values: list[Any] = batch.column(name).to_pylist()
    return values


@pytest.mark.parametrize("spec", SPECS, ids=str)
@SLOW
@given(rows=st.lists(cells, min_size=1, max_size=80))
@example(
    rows=["\x00", "\ufeff", " \u200b ", "@", "+", "'", '"', "\\", "0" * 64, "\ud7ff\U0010ffff"]
)
def test_normalising_what_is_normal_changes_nothing(
    spec: PrepareSpec, rows: list[str | None]
) -> None:
    batch = batch_of(rows)
    first = examine(batch, spec)
    # The country of the row stays what it was: phones and postal codes are read with it.
    columns = {"country.0": batch.column("country.0")}
    for kind in COLUMN_KINDS:
        normal = column(first, f"{kind.label}.0.normalized")
        fed_back = [as_number(text) if kind is Kind.PHONE else text for text in normal]
        columns[f"{kind.label}.1"] = pa.array(fed_back, pa.string())
    again = examine(pa.record_batch(columns), spec)
    for kind in COLUMN_KINDS:
        normal = column(first, f"{kind.label}.0.normalized")
        for key in ("normalized", "hash", "sent"):
            before = column(first, f"{kind.label}.0.{key}")
            after = column(again, f"{kind.label}.1.{key}")
            for at, text in enumerate(normal):
                assert text is None or before[at] == after[at], kind


def as_number(text: str | None) -> str | None:
    """Meta and Snapchat hash the digits alone, which say "+" no more."""
    return text if text is None else "+" + text.removeprefix("+")


@pytest.mark.parametrize("spec", SPECS, ids=str)
@SLOW
@given(rows=st.lists(cells, max_size=80), cut=st.integers(0, 80))
def test_any_split_of_a_batch_gives_the_same_rows(
    spec: PrepareSpec, rows: list[str | None], cut: int
) -> None:
    whole = batch_of(rows)
    parts = (whole.slice(0, min(cut, len(rows))), whole.slice(min(cut, len(rows))))
    assert sorted_rows(prepare(whole, spec)) == sorted_rows(
        *(prepare(part, spec) for part in parts)
    )


@pytest.mark.parametrize("spec", SPECS, ids=str)
@SLOW
@given(rows=st.lists(cells, min_size=1, max_size=80))
def test_what_is_shown_is_what_travels(spec: PrepareSpec, rows: list[str | None]) -> None:
    shown = examine(batch_of(rows), spec)
    travelling = prepare(batch_of(rows), spec).to_pylist()
    for kind in COLUMN_KINDS:
        if kind is Kind.DATE_OF_BIRTH:
            continue
        values = [row["value"] for row in travelling if row["kind"] == kind and not row["reason"]]
        sent = [text for text in column(shown, f"{kind.label}.0.sent") if text is not None]
        # A raw value may look like a hash, so it is compared in both readings.
        assert sorted(sent) == sorted(
            value.hex() if value.hex() in sent else value.decode() for value in values
        )
        reasons = [Reason(row["reason"]).label for row in travelling if row["kind"] == kind]
        rejected = [label for label in column(shown, f"{kind.label}.0.rejected") if label]
        if values or reasons:
            assert sorted(label for label in reasons if label != "accepted") == sorted(rejected)


@pytest.mark.parametrize("platform", Platform)
def test_endless_cells_are_rejected_and_said_to_be_too_long(platform: Platform) -> None:
    spec = PrepareSpec(platform=platform, region="US")
    endless = ["a" * 10_000_000, "1" * 10_000_000, " " * 10_000_000, "\x00" * 5000]
    rows = prepare(batch_of(list(endless)), spec).to_pylist()
    assert {row["reason"] for row in rows} == {Reason.TOO_LONG}
    assert all(row["value"] is None for row in rows)


def test_two_threads_at_once_get_the_same_answers() -> None:
    rows = [f"Jane{at}@Example.com" if at % 2 else f"+44 20 7183 {at:04}" for at in range(4000)]
    spec = PrepareSpec(platform=Platform.META, region="GB")
    batch = batch_of(list(rows))
    alone = sorted_rows(prepare(batch, spec))
    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(lambda _: sorted_rows(prepare(batch, spec)), range(4)))
    assert all(answer == alone for answer in together)
