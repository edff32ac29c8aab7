"""The power is cut at every step of a run; the next run, on other people, must be exact.

Each round starts where the round before ended: one killed run, then a clean one, which leaves no
lock and no open job. The segment changes before every single run, since a crash that leaks shows
only when people have moved on. Where a platform works requests off later, its pace is drawn for
each round: quick, so that one run goes all the way, or slow, so that the killed run is the first
or the second of several.

A whole matrix takes half an hour: without AUDSYNC_CHAOS=1 each run is cut at every so-manieth step
only, at other ones on each platform. In one process `tests/sim` cuts at all of them.
"""

import os
from collections.abc import Callable
from random import Random

import pytest

from tests.crash.harness import Ended, Project
from tests.crash.people import Town
from tests.crash.ways import SNAPCHAT, WAYS

IS_THOROUGH = bool(os.environ.get("AUDSYNC_CHAOS"))
SEED = int(os.environ.get("AUDSYNC_CHAOS_SEED", "1"))
MAX_STEPS = 400
FEWEST_STEPS = 25
"""No sync has fewer steps: each has files, transactions and requests."""
SYNC_EVERY, REPLACE_EVERY, CREATE_EVERY, DELETE_EVERY, RETRY_EVERY = (
    (1, 1, 1, 1, 1) if IS_THOROUGH else (28, 56, 56, 8, 24)
)

Attempt = Callable[[int], Ended | None]


def cut_at_every_step(
    project: Project,
    attempt: Attempt,
    finish: Callable[[int], None],
    *,
    every: int,
    fewest: int = FEWEST_STEPS,
) -> None:
    """Kill `attempt(step)` at one step after the other, until it outlives its last step.

    Args:
        project: whose platform also tells at which step to begin.
        attempt: kills a run at a step; None where that run was not meant to go all the way.
        finish: makes good, and looks whether all is.
        every: how far the steps are apart.
        fewest: a run of fewer steps was not the one that was meant.
    """
    first = 1 + (WAYS.index(project.way) * every // len(WAYS) + SEED - 1) % every
    for step in range(first, MAX_STEPS, every):
        ended = attempt(step)
        finish(step)
        if ended is not None and not ended.was_killed:
            assert ended.code == 0, f"step {step}: {ended}"
            assert step > fewest, "a run of so few steps was not the run that was meant"
            return
    pytest.fail(f"more than {MAX_STEPS} steps")


def finish_with_other_people(project: Project, town: Town, step: int) -> None:
    project.configure(**project.way.quick)
    project.pass_time()
    project.write_segment(town.live())
    project.bring_in_step(f"{project.way.label}, after a cut at step {step}")


def begin(project: Project, *, seed: int) -> Town:
    """An audience in step, of people whose identifiers the platform knows to belong together."""
    town = Town(seed=SEED + seed)
    if project.way is SNAPCHAT:  # uploads tell the others
        project.configure(people=town.acquaintances(project.way.names))
    project.write_segment(town.segment())
    project.assert_clean_run(project.create(), "create")
    return town


def at_any_pace(project: Project, town: Town, chance: Random) -> bool:
    """Let the platform be quick or slow; whether the next run goes all the way."""
    if not project.way.settles:
        return True
    is_quick = chance.random() < 0.5
    project.pass_time()
    project.configure(**(project.way.quick if is_quick else project.way.slow))
    if not is_quick and chance.random() < 0.5:
        project.write_segment(town.live())
        assert project.sync().code in (0, 3, 6)
        project.pass_time()
    return is_quick


def test_a_sync_killed_at_any_step_is_made_good_by_the_next(any_project: Project) -> None:
    project, chance = any_project, Random(SEED)
    town = begin(project, seed=1)

    def attempt(step: int) -> Ended | None:
        goes_all_the_way = at_any_pace(project, town, chance)
        project.write_segment(town.live())
        ended = project.sync(crash_at=step)
        return ended if goes_all_the_way else None

    cut_at_every_step(
        project,
        attempt,
        lambda step: finish_with_other_people(project, town, step),
        every=SYNC_EVERY,
    )


def test_a_process_with_a_start_of_its_own_dies_and_heals_as_a_forked_one(
    project: Project,
) -> None:
    project.forks = None
    town = begin(project, seed=5)
    project.write_segment(town.live())
    assert project.sync(crash_at=FEWEST_STEPS).was_killed
    finish_with_other_people(project, town, FEWEST_STEPS)


def test_a_replace_killed_at_any_step_is_made_good_by_the_next(any_project: Project) -> None:
    project, chance = any_project, Random(SEED)
    town = begin(project, seed=2)

    def attempt(step: int) -> Ended | None:
        goes_all_the_way = at_any_pace(project, town, chance)
        project.pass_time()
        project.write_segment(town.live())
        ended = project.run("replace", "vip", "--allow-shrink", crash_at=step)
        return ended if goes_all_the_way else None

    def finish(step: int) -> None:
        if chance.random() < 0.5:
            project.pass_time()  # by now Meta has ended the session by itself
        finish_with_other_people(project, town, step)

    cut_at_every_step(project, attempt, finish, every=REPLACE_EVERY)


def test_a_create_killed_at_any_step_is_finished_by_create_or_sync(any_project: Project) -> None:
    project, chance = any_project, Random(SEED)
    town = Town(seed=SEED + 4)

    def attempt(step: int) -> Ended | None:
        is_quick = chance.random() < 0.5
        project.configure(**(project.way.quick if is_quick else project.way.slow))
        project.slug = f"vip-{step}"
        project.write_segment(town.live())
        return project.create(crash_at=step)

    def finish(step: int) -> None:
        project.pass_time()
        if not project.remotes() or chance.random() < 0.5:
            project.write_segment(town.live())
            again = project.create()
            # 2: the killed run had come to its very end, and there is nothing to finish.
            waits = (3, 6) if project.way.settles else ()
            assert again.code in (0, 2, *waits), f"step {step}: {again}"
        finish_with_other_people(project, town, step)

    cut_at_every_step(project, attempt, finish, every=CREATE_EVERY)


def test_a_delete_killed_at_any_step_is_finished_by_the_next(any_project: Project) -> None:
    project = any_project
    town = begin(project, seed=6)
    project.pass_time()
    made = project.slug

    def attempt(step: int) -> Ended | None:
        nonlocal made
        if not made:
            project.slug = made = f"vip-{step}"
            project.assert_clean_run(project.create())
        return project.run("delete", project.slug, "--yes", crash_at=step)

    def finish(step: int) -> None:
        nonlocal made
        note = f"{project.way.label}, step {step}"
        if project.remotes() and step % 2:
            finish_with_other_people(project, town, step)
            return
        again = project.run("delete", project.slug, "--yes")
        is_retired = again.code == 2 and again.error["code"] == "AUDIENCE_NOT_FOUND"
        assert again.code == 0 or is_retired, f"{note}: {again}"
        assert project.remotes() == [], note
        project.assert_nothing_left()
        made = ""

    cut_at_every_step(project, attempt, finish, every=DELETE_EVERY, fewest=5)


def test_a_retry_killed_at_any_step_is_made_good_by_the_next(project: Project) -> None:
    town = begin(project, seed=3)

    def attempt(step: int) -> Ended | None:
        project.write_segment(town.live())
        # From the second on all requests with members are refused: the job ends with work left.
        project.arm({"kind": "error", "path": "/users", "nth": 2, "times": 0, "code": 100})
        partial = project.sync()
        assert partial.code == 3, f"step {step}: {partial}"
        project.calm()
        return project.run("retry", partial.json["job_id"], "--allow-shrink", crash_at=step)

    cut_at_every_step(
        project,
        attempt,
        lambda step: finish_with_other_people(project, town, step),
        every=RETRY_EVERY,
    )
