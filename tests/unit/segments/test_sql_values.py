"""Python's values become the texts that DuckDB gives the same values in a Parquet file."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audsync.errors import SourceError
from audsync.segments.sql_values import column, column_type, text

Take = Callable[..., list[dict[str, Any]]]
SHARED = settings(
    max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
_FIRST, _LAST = datetime(1700, 1, 1), datetime(2200, 1, 1)  # noqa: DTZ001 - zones come on top


def _texts_of_a_file(values: pa.Array, folder: Path, take: Take) -> list[str | None]:
    path = folder / "a.parquet"
    pq.write_table(pa.table({"id": values}), path)
    return [row["profile_id"] for row in take(path, columns={"profile_id": ("id",)})]


@pytest.mark.parametrize(
    ("strategy", "type_"),
    [
        (st.floats(), pa.float64()),
        (st.integers(-(2**63), 2**63 - 1), pa.int64()),
        (st.decimals(-(10**12), 10**12, places=3), pa.decimal128(20, 3)),
        (st.booleans(), pa.bool_()),
        (st.dates(_FIRST.date(), _LAST.date()), pa.date32()),
        (st.datetimes(_FIRST, _LAST), pa.timestamp("us")),
        (st.datetimes(_FIRST, _LAST, timezones=st.just(UTC)), pa.timestamp("us", "UTC")),
        (st.times(), pa.time64("us")),
    ],
    ids=str,
)
def test_a_value_has_the_text_that_a_file_of_it_yields(
    strategy: st.SearchStrategy[Any], type_: pa.DataType, tmp_path: Path, take: Take
) -> None:
    @given(st.lists(st.none() | strategy, min_size=30, max_size=60))
    @SHARED
    def holds(values: list[Any]) -> None:
        assert _texts_of_a_file(pa.array(values, type_), tmp_path, take) == [
            text(value) for value in values
        ]

    holds()


def test_midnight_is_a_date_and_times_are_in_utc() -> None:
    berlin = timezone(timedelta(hours=1))
    assert text(datetime(2026, 11, 22, 1, tzinfo=berlin)) == "2026-11-22"
    assert text(datetime(2026, 11, 22, 13, 30, tzinfo=berlin)) == "2026-11-22 12:30:00+00"


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        ([None, None], pa.string()),
        ([None, 1, 2], pa.int64()),
        ([1, 2.5], pa.float64()),
        ([Decimal("1.50")], pa.float64()),
        ([1, "x"], pa.string()),
        ([True, None], pa.bool_()),
    ],
)
def test_a_trait_has_the_type_of_its_first_values(values: list[Any], type_: pa.DataType) -> None:
    assert column_type(values, is_trait=True) == type_
    assert column("x", values, type_, place="db").type == type_


@pytest.mark.parametrize(
    ("values", "type_", "words"),
    [
        (["SECRET"], pa.int64(), "not of one kind"),
        ([2**70], pa.int64(), "not of one kind"),
        (["SECRET\ud800"], pa.string(), "not of one kind"),
        ([{"SECRET": 1}], pa.string(), "nested values"),
        ([[["SECRET"]]], pa.list_(pa.string()), "nested values"),
        ([["SECRET"]], pa.string(), "nested values"),
        ([b"\xffSECRET"], pa.string(), "bytes that are no UTF-8"),
    ],
)
def test_what_has_no_text_is_refused_without_being_shown(
    values: list[Any], type_: pa.DataType, words: str
) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        column("emails", values, type_, place="db")
    assert caught.value.__context__ is None
    assert "SECRET" not in caught.value.message
    assert "`emails`" in caught.value.message
