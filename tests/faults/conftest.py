"""A scene on each platform, made once in a process and given back in step by each test."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from audsync.sandbox.clock import VirtualClock
from audsync.sandbox.serve import serve
from tests.crash.conftest import MEMORY, any_project, fork_server, hasty_project, project, sandbox
from tests.crash.ways import WAYS, Way
from tests.faults.proxy import Proxy
from tests.faults.scene import LeapingClock, PlatformClock, Scene

__all__ = ["any_project", "fork_server", "hasty_project", "project", "sandbox"]


class Stages:
    """Scenes that are in step; one that a test has spoilt is not used again."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Scene, ExitStack]] = {}

    def take(self, way: Way) -> tuple[Scene, ExitStack]:
        """A scene of this way that is in step; nobody else has it until it is given back."""
        return self._kept.pop(way.label, None) or made(way)

    def give_back(self, scene: Scene, stack: ExitStack) -> None:
        self._kept[scene.way.label] = scene, stack

    def close(self) -> None:
        for _, stack in self._kept.values():
            stack.close()


def made(way: Way, *, store: str = "sqlite:///audsync.db") -> tuple[Scene, ExitStack]:
    """A scene in step; whoever has the stack ends it."""
    stack = ExitStack()
    running = stack.enter_context(serve())
    proxy = stack.enter_context(Proxy(running.url))
    place = MEMORY if MEMORY.is_dir() else None
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="audsync-", dir=place))
    clock = LeapingClock()
    running.world.clock = VirtualClock(PlatformClock(clock))
    scene = Scene(
        folder=Path(folder) / "project",
        sandbox=running.url,
        running=running,
        proxy=proxy,
        clock=clock,
        way=way,
        store=store,
    )
    stack.callback(scene.close)
    scene.begin()
    return scene, stack


@pytest.fixture(scope="session")
def stages() -> Iterator[Stages]:
    kept = Stages()
    yield kept
    kept.close()


@pytest.fixture(params=WAYS, ids=lambda way: way.label)
def scene(request: pytest.FixtureRequest, stages: Stages) -> Iterator[Scene]:
    """One in step on each platform, and each way of a platform; the test leaves it healed."""
    taken, stack = stages.take(request.param)
    taken.is_healed = False
    try:
        yield taken
    finally:
        if taken.is_healed:
            stages.give_back(taken, stack)
        else:
            stack.close()
