import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from audsync.sandbox.serve import serve
from tests.crash.forks import ForkServer
from tests.crash.harness import Project

MEMORY = Path("/dev/shm")
"""A killed process leaves what it wrote there, as on a disk, and nobody waits for one."""


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    server = ForkServer()
    yield server
    server.close()


@pytest.fixture
def project(fork_server: ForkServer) -> Iterator[Project]:
    """A project folder, and a platform of its own."""
    place = MEMORY if MEMORY.is_dir() else None
    with serve() as running, tempfile.TemporaryDirectory(prefix="audsync-", dir=place) as folder:
        project = Project(folder=Path(folder) / "project", sandbox=running.url, forks=fork_server)
        project.write_config()
        yield project
        project.close()
