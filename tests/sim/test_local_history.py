"""The same histories with the engine that ships, on real files: nothing named is ever missing."""

import os
from pathlib import Path

import pytest

from tests.sim.history import play
from tests.sim.local_bench import LocalBench

HISTORIES = int(os.environ.get("AUDSYNC_LOCAL_SEEDS", "20"))
CHUNK = 10


@pytest.mark.parametrize("start", range(0, HISTORIES, CHUNK))
def test_local_history_ends_exact(start: int, tmp_path: Path) -> None:
    for seed in range(start, start + CHUNK):
        try:
            play(seed, LocalBench(tmp_path / str(seed)))
        except AssertionError as error:
            error.add_note(f"history {seed}")
            raise
