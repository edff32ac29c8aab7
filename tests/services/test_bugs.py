"""What nobody expected is told without a value, and a full disk for what it is."""

from pathlib import Path

import pyarrow as pa
import pytest

from audsync.errors import StateError
from audsync.services import bugs
from audsync.snapshots import parquet

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_no_bug() -> None:
    batch = pa.record_batch({"profile": pa.array(range(100_000), pa.uint64())})
    with (
        pytest.raises(OSError, match="No space left") as failure,
        parquet.writer(FULL, batch.schema) as file,
    ):
        file.write_batch(batch)
    told = bugs.as_error(failure.value)
    assert isinstance(told, StateError)
    assert "The disk is full" in told.message
    assert told.details == {"error": "ENOSPC"}


def test_a_bug_is_told_by_type_and_place_alone() -> None:
    with pytest.raises(ValueError, match="invalid literal") as failure:
        int("jane@example.com")
    told = bugs.as_error(failure.value)
    assert told.code == "INTERNAL_ERROR"
    assert "ValueError at " in told.message
    assert "jane" not in told.message
