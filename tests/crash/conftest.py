from collections.abc import Iterator
from pathlib import Path

import pytest

from audsync.sandbox.serve import serve
from tests.crash.harness import Project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project folder, and a platform of its own."""
    with serve() as running:
        project = Project(folder=tmp_path / "project", sandbox=running.url)
        project.write_config()
        yield project
        project.close()
