"""A scene on each platform, made once in a process and given back in step by each test."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from zlib import crc32

import pytest

from audsync.sandbox.clock import VirtualClock
from audsync.sandbox.serve import serve
from tests.crash.conftest import MEMORY, any_project, fork_server, hasty_project, project, sandbox
from tests.crash.ways import WAYS, Way
from tests.faults.proxy import Proxy
from tests.faults.scene import IS_THOROUGH, LeapingClock, PlatformClock, Scene

HERE = Path(__file__).parent
__all__ = ["any_project", "fork_server", "hasty_project", "project", "sandbox"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only `make chaos` takes the time for."""
    if IS_THOROUGH:
        return
    left_out = [item for item in items if HERE in item.path.parents and not _is_in_sample(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]


def _is_in_sample(item: pytest.Item) -> bool:
    """Whether this is the way on which such a test runs every time; each has another one."""
    chosen = item.callspec.params.values() if hasattr(item, "callspec") else ()
    ways = [value for value in chosen if isinstance(value, Way)]
    if not ways:
        return True
    turn = crc32(item.name.replace(ways[0].label, "").encode())
    return WAYS.index(ways[0]) == turn % len(WAYS)


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
