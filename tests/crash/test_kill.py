"""The power is cut at every step of a run; the next run, on other people, must be exact.

Each round starts where the round before ended: one killed run, then a clean one. The segment
changes before every single run, since a crash that leaks shows only when people have moved on.
A whole matrix takes a while: without AUDSYNC_CHAOS=1 only sync is cut at every step, in halves that
run side by side, the others at every fifth to ninth.
"""

import os
from collections.abc import Callable

import pytest

from tests.crash.harness import Ended, Project
from tests.crash.people import Town

IS_THOROUGH = bool(os.environ.get("AUDSYNC_CHAOS"))
MAX_STEPS = 400
FEWEST_STEPS = 25
"""No job has fewer steps: each has files, transactions and requests."""

Attempt = Callable[[int], Ended]


def cut_at_every_step(
    attempt: Attempt, finish: Callable[[int], None], *, every: int, first: int = 1
) -> None:
    """Kill `attempt(step)` at one step after the other, until it outlives its last step."""
    for step in range(first, MAX_STEPS, every):
        ended = attempt(step)
        finish(step)
        if not ended.was_killed:
            assert ended.code == 0, f"step {step}: {ended}"
            assert step > FEWEST_STEPS, "a run of so few steps was not the run that was meant"
            return
    pytest.fail(f"more than {MAX_STEPS} steps")


def finish_with_other_people(project: Project, town: Town, step: int) -> None:
    project.write_segment(town.live())
    project.assert_clean_run(project.sync(), f"after a cut at step {step}")


def begin(project: Project, town: Town) -> None:
    project.write_segment(town.segment())
    project.assert_clean_run(project.create(), "create")


@pytest.mark.parametrize("first", [1, 2])
def test_a_sync_killed_at_any_step_is_made_good_by_the_next(project: Project, first: int) -> None:
    town = Town(seed=first)
    begin(project, town)

    def attempt(step: int) -> Ended:
        project.write_segment(town.live())
        return project.sync(crash_at=step)

    cut_at_every_step(
        attempt,
        lambda step: finish_with_other_people(project, town, step),
        every=2,
        first=first,
    )


def test_a_process_with_a_start_of_its_own_dies_and_heals_as_a_forked_one(
    project: Project,
) -> None:
    project.forks = None
    town = Town(seed=5)
    begin(project, town)
    project.write_segment(town.live())
    assert project.sync(crash_at=FEWEST_STEPS).was_killed
    finish_with_other_people(project, town, FEWEST_STEPS)


def test_a_replace_killed_at_any_step_is_made_good_by_the_next(project: Project) -> None:
    town = Town(seed=2)
    begin(project, town)

    def attempt(step: int) -> Ended:
        project.pass_time()
        project.write_segment(town.live())
        return project.run("replace", "vip", "--allow-shrink", crash_at=step)

    def finish(step: int) -> None:
        if step % 2:
            project.pass_time()  # by now the platform has ended the session by itself
        finish_with_other_people(project, town, step)

    cut_at_every_step(attempt, finish, every=1 if IS_THOROUGH else 5)


def test_a_retry_killed_at_any_step_is_made_good_by_the_next(project: Project) -> None:
    town = Town(seed=3)
    begin(project, town)

    def attempt(step: int) -> Ended:
        project.write_segment(town.live())
        # The second request with members is refused: the job ends with work left.
        project.arm({"kind": "error", "path": "/users", "nth": 2, "code": 100, "status": 400})
        partial = project.sync()
        assert partial.code == 3, f"step {step}: {partial}"
        project.calm()
        return project.run("retry", partial.json["job_id"], "--allow-shrink", crash_at=step)

    cut_at_every_step(
        attempt,
        lambda step: finish_with_other_people(project, town, step),
        every=1 if IS_THOROUGH else 9,
    )


def test_a_create_killed_at_any_step_is_finished_by_create_or_sync(project: Project) -> None:
    town = Town(seed=4)

    def attempt(step: int) -> Ended:
        project.slug = f"vip-{step}"
        project.write_segment(town.live())
        return project.create(crash_at=step)

    def finish(step: int) -> None:
        if not project.remotes() or step % 2:
            project.write_segment(town.live())
            again = project.create()
            # 2: the killed run had come to its very end, and there is nothing to finish.
            assert again.code in (0, 2), f"step {step}: {again}"
        finish_with_other_people(project, town, step)

    cut_at_every_step(attempt, finish, every=1 if IS_THOROUGH else 5)
