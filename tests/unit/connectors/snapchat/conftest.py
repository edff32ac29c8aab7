from collections.abc import Iterator

import pytest

from audsync.connectors.snapchat.connector import SnapchatConnector
from tests.unit.connectors.fakes import FakeClock
from tests.unit.connectors.snapchat.script import Script, connected


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def snapchat(script: Script, clock: FakeClock) -> Iterator[SnapchatConnector]:
    connector = connected(script, clock)
    yield connector
    connector.close()
