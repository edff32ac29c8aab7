"""What is said when DuckDB gives up: which limit it was, and what to do."""

from pathlib import Path

import pytest

from audsync.errors import StateError
from audsync.segments import spilling
from audsync.snapshots.folder import SPILL
from audsync.sync.tables import duck

TOO_MUCH = (
    "create temp table t as select md5(range::varchar) || md5((range + 1)::varchar) as v"
    " from range(4000000) order by v"
)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("max_temp_directory_size = '1MB'", "nine tenths of the free disk"),
        ("temp_directory = ''", "Raise `state.memory_limit`"),
    ],
)
def test_which_limit_was_reached(tmp_path: Path, setting: str, said: str) -> None:
    with (
        pytest.raises(StateError, match=said) as failure,
        duck.session(tmp_path, memory_bytes=duck.SMALLEST_BYTES) as con,
    ):
        con.execute(f"set {setting}; {TOO_MUCH}")
    assert failure.value.details["error"] == "OutOfMemoryException"


def test_no_more_is_spilled_than_may_be(tmp_path: Path) -> None:
    spilling.hold(20 << 20)
    try:
        with (
            pytest.raises(StateError, match=r"the 0\.0209715 GB of `state\.spill_limit`"),
            duck.session(tmp_path, memory_bytes=duck.SMALLEST_BYTES) as con,
        ):
            con.execute(TOO_MUCH)
    finally:
        spilling.hold(None)
    with duck.session(tmp_path, memory_bytes=duck.SMALLEST_BYTES) as con:
        con.execute(TOO_MUCH)
        assert any((tmp_path / SPILL).iterdir()), "it does spill where it may"


def test_a_value_in_duckdbs_words_is_not_repeated(tmp_path: Path) -> None:
    with (
        pytest.raises(StateError, match="ConversionException") as failure,
        duck.session(tmp_path, memory_bytes=duck.SMALLEST_BYTES) as con,
    ):
        con.execute("select 'jane@example.com'::int").fetchall()
    assert "jane" not in str(failure.value)
