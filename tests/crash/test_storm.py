"""Kills at random moments, and a platform that goes wrong at random; then one clean run.

A round is one to four runs, each on other people and under other faults. After it all faults are
off and one run must make everything exact. The same seed gives the same rounds, though not the
same moments. Every platform has its storms; AUDSYNC_CHAOS=1 rides out many more of them.
"""

import os
from random import Random
from typing import Any

import pytest

from tests.crash.harness import Ended, Project, assert_books_close
from tests.crash.people import Town
from tests.crash.ways import META, SNAPCHAT

IS_THOROUGH = bool(os.environ.get("AUDSYNC_CHAOS"))
FIRST_SEED = int(os.environ.get("AUDSYNC_CHAOS_SEED", "1"))
ROUNDS, ROUNDS_ELSEWHERE = (40, 20) if IS_THOROUGH else (2, 1)
"""On Meta, and on each other platform."""
SEEDS = range(FIRST_SEED, FIRST_SEED + (10 if IS_THOROUGH else 1))
KILLS_S = (0.05, 1.5)
"""When kills come: most of them in the middle of a run."""

_FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "rate_limit", "wait_min": 7},
    {"kind": "rate_limit", "wait_min": 0},
    {"kind": "status", "status": 500, "when": "before"},
    {"kind": "status", "status": 502, "when": "after"},
    {"kind": "refuse"},
    {"kind": "reset", "when": "before"},
    {"kind": "reset", "when": "after"},
    {"kind": "hang", "when": "before", "seconds": 2},
    {"kind": "hang", "when": "after", "seconds": 2},
    {"kind": "slow", "seconds": 0.5},
    {"kind": "cut"},
    {"kind": "broken_json"},
    {"kind": "empty"},
    {"kind": "html"},
    {"kind": "missing_fields"},
    {"kind": "error_in_200"},
    {"kind": "error", "code": 100},
    {"kind": "error", "code": 2},
    {"kind": "late", "calls": 1, "reply": "timeout", "seconds": 2},
    {"kind": "late", "calls": 2, "reply": "error"},
)
_MAY_END_WITH = frozenset({0, 1, 3, 6})


def faults(project: Project, chance: Random) -> list[dict[str, Any]]:
    """Up to four faults; each strikes one or two of the next calls, or a share of all."""
    way = project.way
    chosen = []
    for fault in chance.sample(_FAULTS, chance.randrange(5)):
        often = chance.random() < 0.2
        when = {"times": 0, "probability": 0.3} if often else {"times": chance.randrange(1, 3)}
        about = {"path": way.members_path} if fault["kind"] == "late" else {}
        chosen.append(
            {
                "platform": way.platform,
                "nth": chance.randrange(1, 7),
                "seed": chance.randrange(10**6),
                **about,
                **when,
                **fault,
            }
        )
    return chosen


def stormy(project: Project, chance: Random) -> Ended:
    """One run that may be struck, or killed, or both."""
    project.calm()
    project.pass_time(chance.choice([0, 60, 3600]))
    project.configure(**chance.choice([project.way.quick, project.way.slow]))
    project.arm(*faults(project, chance))
    kill_after = chance.uniform(*KILLS_S) if chance.random() < 0.5 else None
    if chance.random() < 0.2:
        return project.run("replace", "vip", "--allow-shrink", kill_after=kill_after)
    return project.sync(kill_after=kill_after)


def assert_it_ended_well_or_was_killed(ended: Ended, note: str) -> None:
    if ended.was_killed:
        return
    assert ended.code in _MAY_END_WITH, f"{note}: {ended}"
    job = ended.json
    assert (job["error"] is None) == (ended.code == 0), f"{note}: {ended}"
    if "job_id" in job:
        assert_books_close(job, note)


def impatient(project: Project) -> None:
    project.request_timeout, project.max_wait = 1.0, 2.0
    project.write_config()


def patient(project: Project) -> None:
    project.request_timeout, project.max_wait = 20.0, 20.0
    project.write_config()


def rounds(project: Project) -> int:
    return ROUNDS if project.way is META else ROUNDS_ELSEWHERE


@pytest.mark.parametrize("seed", SEEDS)
def test_one_clean_run_after_any_storm_is_exact(any_project: Project, seed: int) -> None:
    project, chance, town = any_project, Random(seed), Town(seed=seed)
    if project.way is SNAPCHAT:  # uploads tell the others who is who
        project.configure(people=town.acquaintances(project.way.names))
    project.write_segment(town.segment())
    project.assert_clean_run(project.create(), f"seed {seed}")
    for number in range(rounds(project)):
        note = f"{project.way.label}, seed {seed}, round {number}"
        impatient(project)
        for _ in range(chance.randrange(1, 5)):
            project.write_segment(town.live())
            assert_it_ended_well_or_was_killed(stormy(project, chance), note)
        patient(project)
        project.calm()
        project.configure(**project.way.quick)
        project.pass_time()
        project.write_segment(town.live())
        project.bring_in_step(note)
    assert_silence_follows(project, f"{project.way.label}, seed {seed}")


@pytest.mark.parametrize("seed", SEEDS)
def test_a_create_in_a_storm_makes_one_audience(any_project: Project, seed: int) -> None:
    project, chance, town = any_project, Random(seed), Town(seed=seed)
    for number in range(rounds(project)):
        note = f"{project.way.label}, seed {seed}, audience {number}"
        project.slug = f"vip-{number}"
        if "unready_calls" in project.look("settings")[project.way.platform]:
            project.configure(unready_calls=chance.randrange(2))
        impatient(project)
        for _ in range(chance.randrange(1, 4)):
            project.calm()
            project.write_segment(town.live())
            project.arm(*faults(project, chance))
            kill_after = chance.uniform(*KILLS_S) if chance.random() < 0.5 else None
            ended = project.create(kill_after=kill_after)
            if ended.code in (0, 2):  # 2: the kill came when all was done already
                break
            assert_it_ended_well_or_was_killed(ended, note)
        patient(project)
        project.calm()
        project.pass_time()
        project.write_segment(town.live())
        if project.create().code == 6:  # what was made a moment ago may not be shown yet
            project.pass_time()
            project.write_segment(town.live())
            project.create()
        project.pass_time()
        project.write_segment(town.live())
        project.bring_in_step(note)


def assert_silence_follows(project: Project, note: str) -> None:
    """With the same people, two more runs at most say things again; the third sends nothing."""
    for _ in range(2):
        project.bring_in_step(note)
    before = len(project.requests())
    project.assert_clean_run(project.sync(), note)
    sent = [
        (call["method"], call["rows"])
        for call in project.requests()[before:]
        if call["method"] != "GET" and project.way.members_path in call["path"]
    ]
    assert sent == [], f"{note}: {sent}"
