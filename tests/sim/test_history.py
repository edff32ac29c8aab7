"""After any history of crashes and faults, one clean run makes the audience exact."""

import pytest

from audsync.errors import AudsyncError
from tests.sim.history import play


def test_history_ends_exact(seeds: range) -> None:
    for seed in seeds:
        try:
            play(seed)
        except (AssertionError, AudsyncError, LookupError) as error:
            pytest.fail(f"{error!r}\nreplay: pytest tests/sim -k history --seed {seed}")
