"""One audience on the platform, however the answer to its creation got lost; never a stranger's."""

import signal
from random import Random
from typing import Any

import pytest

from tests.crash.harness import Project, wait_until
from tests.crash.people import Town

ACCOUNT = "act_1001"
LOST: tuple[dict[str, Any], ...] = (
    {"kind": "reset", "when": "after"},
    {"kind": "hang", "when": "after", "seconds": 3},
    {"kind": "broken_json"},
    {"kind": "status", "status": 504, "when": "after"},
)
AGAIN = ("create", "sync")


def lose_answer_to_create(project: Project, fault: dict[str, Any]) -> None:
    """The platform makes the audience; neither that answer nor any later one arrives."""
    project.arm(
        {**fault, "method": "POST", "path": f"{ACCOUNT}/customaudiences"},
        # Counted from the search for the name before the attempt.
        {"kind": "refuse", "method": "GET", "path": "customaudiences", "nth": 2, "times": 0},
    )


def finish(project: Project, town: Town, again: str) -> None:
    project.calm()
    project.write_segment(town.live())
    ended = project.create() if again == "create" else project.sync()
    project.assert_clean_run(ended, again)


@pytest.fixture
def town(project: Project) -> Town:
    town = Town(seed=7)
    project.request_timeout = project.max_wait = 1.5
    project.write_config()
    project.write_segment(town.segment())
    return town


@pytest.mark.parametrize("again", AGAIN)
def test_a_lost_answer_makes_no_second_audience(project: Project, town: Town, again: str) -> None:
    fault = LOST[Random(again).randrange(len(LOST))]
    lose_answer_to_create(project, fault)
    ended = project.create()
    assert ended.code == 6, str(ended)
    assert len(project.remotes()) == 1
    finish(project, town, again)


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: str(fault["kind"]))
def test_an_audience_of_the_same_name_is_never_adopted(
    project: Project, town: Town, fault: dict[str, Any]
) -> None:
    stranger = project.call_meta(
        "POST",
        f"{ACCOUNT}/customaudiences",
        name=project.slug,
        subtype="CUSTOM",
        customer_file_source="USER_PROVIDED_ONLY",
    )["id"]
    lose_answer_to_create(project, fault)
    assert project.create().code == 6
    project.calm()
    project.write_segment(town.live())
    ended = project.create()
    assert ended.code == 0, str(ended)
    ours = ended.json["platform_audience_id"]
    held = {remote["id"]: remote for remote in project.remotes()}
    assert set(held) == {stranger, ours}
    assert held[stranger]["identifiers"] == []
    assert {(key, value) for key, value in held[ours]["identifiers"]} == (
        project.segment.identifiers(project.way.names)
    )


@pytest.mark.parametrize("again", AGAIN)
def test_a_create_killed_while_it_waits_for_its_answer_is_found_again(
    project: Project, town: Town, again: str
) -> None:
    path = f"{ACCOUNT}/customaudiences"
    project.arm({"kind": "slow", "seconds": 30, "method": "POST", "path": path})
    started = project.start(*project.creation())
    wait_until(project.remotes, "the audience on the platform")
    started.send(signal.SIGKILL)
    assert started.end().was_killed
    finish(project, town, again)


def test_an_audience_that_is_not_shown_yet_is_not_given_up(project: Project, town: Town) -> None:
    project.configure(unready_calls=1)
    lose_answer_to_create(project, LOST[0])
    assert project.create().code == 6
    project.calm()
    waiting = project.create()
    assert (waiting.code, waiting.error["code"]) == (6, "PLATFORM_UNAVAILABLE"), str(waiting)
    finish(project, town, "create")


def test_a_refused_create_leaves_nothing_and_can_be_done_again(
    project: Project, town: Town
) -> None:
    project.arm(
        {"kind": "error", "code": 100, "method": "POST", "path": f"{ACCOUNT}/customaudiences"}
    )
    assert project.create().code == 1
    assert project.remotes() == []
    finish(project, town, "create")


def test_a_finished_create_is_not_done_twice(project: Project, town: Town) -> None:
    project.assert_clean_run(project.create())
    project.write_segment(town.live())
    again = project.create()
    assert (again.code, again.error["code"]) == (2, "USAGE_ERROR")
    assert len(project.remotes()) == 1
    project.assert_clean_run(project.sync())
