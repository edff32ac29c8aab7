from pathlib import Path

import numpy as np
import pytest

from audsync.sync.looks import people
from audsync.sync.looks.people import People


@pytest.mark.parametrize("in_memory", [1, 10, 1_000_000])
def test_each_person_counts_once_wherever_the_links_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_memory: int
) -> None:
    monkeypatch.setattr(people, "_IN_MEMORY", in_memory)
    counted = People(tmp_path, memory_bytes=200 << 20)
    for start in (0, 5, 2**63):
        counted.add(np.arange(start, start + 10, dtype=np.uint64))
    assert counted.count() == 25


def test_nobody_is_nobody(tmp_path: Path) -> None:
    assert People(tmp_path, memory_bytes=1 << 20).count() == 0
