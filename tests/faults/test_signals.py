"""A process is asked to stop, is told so twice, or is killed, in the middle of a request."""

import signal
from pathlib import Path

from tests.crash.harness import Project, Started, wait_until
from tests.crash.people import Town
from tests.crash.ways import SNAPCHAT
from tests.faults.scene import IS_THOROUGH

SLOW_S = 0.7
"""How long the platform takes for the request in which the signal comes."""


def begin_slowly(project: Project, town: Town) -> Started:
    """A run whose first request about members has come and is not answered yet."""
    project.write_segment(town.live())
    project.arm({"kind": "slow", "path": project.way.members_path, "seconds": SLOW_S})
    before = len(project.requests())
    started = project.start("sync", project.slug, "--allow-shrink", "--json")
    wait_until(
        lambda: any(call["fault"] for call in project.requests()[before:]), "the slow request"
    )
    return started


def finish(project: Project, town: Town) -> None:
    project.calm()
    project.pass_time()
    project.write_segment(town.live())
    project.bring_in_step()


def test_signals_in_mid_request_leave_nothing_undone(any_project: Project) -> None:
    project, town = any_project, Town(seed=31)
    if project.way is SNAPCHAT:  # uploads tell the others who is who
        project.configure(people=town.acquaintances(project.way.names))
    project.write_segment(town.segment())
    project.assert_clean_run(project.create())
    project.pass_time()
    run = begin_slowly(project, town)
    run.send(signal.SIGTERM)
    ended = run.end()
    assert ended.code in ((130, 0, 6) if project.way.settles else (130,)), str(ended)
    finish(project, town)
    if IS_THOROUGH:  # tests/crash kills at other moments, every time
        run = begin_slowly(project, town)
        run.send(signal.SIGKILL)
        assert run.end().was_killed
        finish(project, town)


def test_who_interrupts_twice_does_not_wait(hasty_project: Project) -> None:
    project, town = hasty_project, Town(seed=32)
    project.write_segment(town.segment())
    project.assert_clean_run(project.create())
    run = begin_slowly(project, town)
    run.send(signal.SIGINT)
    wait_until(lambda: _caught(run), "the first one is dealt with")
    run.send(signal.SIGINT)
    assert run.end().code == -signal.SIGINT
    finish(project, town)


def _caught(run: Started) -> bool:
    """Whether no signal waits for the process."""
    lines = Path(f"/proc/{run.process.pid}/status").read_text("ascii").splitlines()
    (pending,) = [line.split()[1] for line in lines if line.startswith("ShdPnd")]
    return int(pending, 16) == 0
