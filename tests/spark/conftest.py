"""One cluster for all tests of this folder; they are skipped, and say why, where there can be none.

Its executors have pyarrow, NumPy and nothing of ours: whatever is prepared there was sent along.
"""

from collections.abc import Iterator

import pytest

from audsync.sync.wanted.parts import Cluster
from tests.spark import server as servers
from tests.spark.server import Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    reason = servers.missing()
    if reason is not None:
        pytest.skip(reason)
    running = servers.start(tmp_path_factory.mktemp("spark"))
    try:
        yield running
    finally:
        servers.stop(running)


@pytest.fixture(scope="session")
def cluster(server: Server) -> Cluster:
    return Cluster(remote=server.remote)
