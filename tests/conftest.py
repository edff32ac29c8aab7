"""What holds for every test."""

import gc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.endings import end_all

CRON = Path(__file__).parent / "cron"
"""Real cron: a minute, of which 59 seconds are waiting."""

# How long an example takes says more about the machine than about the code.
settings.register_profile("audsync", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("audsync")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who only waits for the clock goes first, beside those who work, and not alone at the end."""
    items.sort(key=lambda item: CRON not in item.path.parents)


def pytest_collection_finish() -> None:
    """Garbage is looked for in what tests make, seldom, and not in what they all share.

    A tenth of the suite's time went into looking.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_sessionfinish() -> None:
    end_all()
