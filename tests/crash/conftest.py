from collections.abc import Iterator
from pathlib import Path

import pytest

from audsync.sandbox.serve import serve
from tests.crash.forks import ForkServer
from tests.crash.harness import Project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project folder, and a platform of its own."""
    with serve() as running:
        project = Project(folder=tmp_path / "project", sandbox=running.url)
        project.write_config()
        yield project
        project.close()


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    server = ForkServer()
    yield server
    server.close()


@pytest.fixture
def quick_project(project: Project, fork_server: ForkServer) -> Project:
    """A project whose runs start in a moment, for tests that need hundreds of them."""
    project.forks = fork_server
    return project
