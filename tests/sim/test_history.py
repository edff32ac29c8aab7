"""After any history of crashes and faults, one clean run makes the audience exact."""

import pytest

from tests.sim.history import play


def test_history_ends_exact(seeds: range) -> None:
    for seed in seeds:
        try:
            play(seed)
        except Exception as error:
            error.add_note(f"replay: pytest tests/sim -k history --seed {seed}")
            pytest.fail("\n".join([f"seed {seed}: {error!r}", *error.__notes__]))
