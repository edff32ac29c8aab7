import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from audsync.sandbox.clock import VirtualClock
from audsync.sandbox.serve import Running, serve
from tests.crash.forks import ForkServer, Haste
from tests.crash.harness import Hasty, Project
from tests.crash.ways import WAYS

MEMORY = Path("/dev/shm")
"""A killed process leaves what it wrote there, as on a disk, and nobody waits for one."""


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    server = ForkServer()
    yield server
    server.close()


@pytest.fixture
def sandbox() -> Iterator[Running]:
    with serve() as running:
        yield running


@pytest.fixture
def project(sandbox: Running, fork_server: ForkServer) -> Iterator[Project]:
    """A project folder, and a platform of its own: Meta, unless a test says otherwise."""
    place = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="audsync-", dir=place) as folder:
        project = Project(folder=Path(folder) / "project", sandbox=sandbox.url, forks=fork_server)
        project.write_config()
        yield project
        project.close()


@pytest.fixture
def hasty_project(sandbox: Running, project: Project) -> Project:
    """A project whose platforms' time flies, so that none has to be waited for."""
    sandbox.world.clock = VirtualClock(Hasty())
    project.haste = Haste()
    return project


@pytest.fixture(params=WAYS, ids=lambda way: way.label)
def any_project(request: pytest.FixtureRequest, hasty_project: Project) -> Project:
    """One on each platform, and each way of a platform."""
    hasty_project.take(request.param)
    hasty_project.write_config()
    return hasty_project
