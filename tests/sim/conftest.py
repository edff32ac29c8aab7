"""Which histories the simulator lives through, and a quiet log: failures are its daily bread."""

import gc
import logging
import os
from collections.abc import Iterator

import pytest

DEFAULT_SEEDS = 20_000
CHUNK = 250


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("simulator")
    group.addoption("--seed", type=int, help="live through this one history")
    group.addoption("--seeds", type=int, help="how many histories; else AUDSYNC_SEEDS")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seeds" in metafunc.fixturenames:
        chunks = list(_chunks(metafunc.config))
        metafunc.parametrize("seeds", chunks, ids=lambda chunk: f"{chunk.start}-{chunk.stop - 1}")


@pytest.fixture(autouse=True)
def quick_and_quiet() -> Iterator[None]:
    """No log, and the garbage of many small transactions collected in fewer goes."""
    before = gc.get_threshold()
    gc.set_threshold(50_000, 20, 50)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
    gc.set_threshold(*before)


def _chunks(config: pytest.Config) -> Iterator[range]:
    seed = config.getoption("--seed", None)
    if seed is not None:
        yield range(seed, seed + 1)
        return
    wanted = config.getoption("--seeds", None) or int(os.environ.get("AUDSYNC_SEEDS", "0"))
    total = wanted or DEFAULT_SEEDS
    for start in range(0, total, CHUNK):
        yield range(start, min(start + CHUNK, total))
