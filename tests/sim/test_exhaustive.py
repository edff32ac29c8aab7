"""A crash at every step there is, and at every pair of steps over two runs."""

import os
from dataclasses import replace
from random import Random

import pytest

from tests.sim.history import ANYTHING, end_clean, make_world, plain_run
from tests.sim.ledger_room import room
from tests.sim.people import Crowd, next_crowd
from tests.sim.set_bench import SetBench
from tests.sim.world import World

SEED = 5
ROWS = 2
STRIDE = int(os.environ.get("AUDSYNC_STRIDE", "20"))
"""Of the second run's steps every so many-th is tried, others with each first step; 1 for all."""


def lives(*, is_replace: bool, is_linked: bool) -> tuple[World, list[Crowd]]:
    """A world, and the same four segments every time."""
    random = Random(SEED)
    recipe = replace(ANYTHING, is_linked=is_linked)
    world, crowd = make_world(random, room(), SetBench(), recipe)
    crowds = [crowd]
    while len(crowds) < 4:
        crowds.append(next_crowd(random, crowds[-1], is_linked=is_linked))
    first = plain_run(random, crowds[0], max_rows=ROWS)
    first.is_replace = is_replace
    world.go(first)
    return world, crowds


def crash_and_recover(crash_at: tuple[int, int], *, is_replace: bool, is_linked: bool) -> int:
    """Two runs that die, then clean ones; returns the steps of the first if it lived."""
    world, crowds = lives(is_replace=False, is_linked=is_linked)
    taken = 0
    for at, crowd in zip(crash_at, crowds[1:3], strict=True):
        run = plain_run(world.random, crowd, max_rows=ROWS, crash_at=at)
        run.is_replace = is_replace
        taken = taken or world.go(run).steps
    end_clean(world, crowds[3])
    return taken


@pytest.mark.parametrize("is_linked", [True, False], ids=["people", "values"])
@pytest.mark.parametrize("is_replace", [True, False], ids=["replace", "update"])
def test_a_crash_at_any_step_of_two_runs_heals(is_replace: bool, is_linked: bool) -> None:
    count = crash_and_recover((0, 0), is_replace=is_replace, is_linked=is_linked)
    assert count > 20
    for first in range(1, count + 1):
        for second in range(first % STRIDE, count + STRIDE, STRIDE):
            crash_and_recover((first, second), is_replace=is_replace, is_linked=is_linked)
