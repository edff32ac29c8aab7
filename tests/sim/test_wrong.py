"""The test of the test: algorithms known to be wrong must be seen through."""

from dataclasses import replace

import pytest

from tests.sim import wrong
from tests.sim.history import ANYTHING, Recipe, play
from tests.sim.set_bench import SetBench
from tests.sim.set_engine import SetEngine

WITHIN = 400
_PEOPLE = Recipe(is_linked=True, replaces=0.0, may_be_gone=False)
_RECIPES: dict[type[SetEngine], Recipe] = {
    wrong.UncertainWithoutLinks: _PEOPLE,
    wrong.RepairNotCarried: replace(_PEOPLE, faults=0.35, may_be_late=False),
    wrong.EchoLostInReplace: Recipe(
        replaces=0.4, faults=0.35, runs=4, is_linked=False, may_be_gone=False
    ),
}


@pytest.mark.parametrize("engine", wrong.all_of_them(), ids=lambda engine: str(engine.__name__))
def test_a_wrong_algorithm_is_caught(engine: type[SetEngine]) -> None:
    recipe = _RECIPES.get(engine, ANYTHING)
    for seed in range(WITHIN):
        try:
            play(seed, SetBench(engine), recipe)
        except AssertionError:
            return
    pytest.fail(f"{engine.__name__} went unnoticed for {WITHIN} histories")
