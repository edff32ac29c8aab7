from collections.abc import Iterator

import pytest

from audsync.connectors.google.connector import GoogleConnector
from tests.unit.connectors.fakes import FakeClock
from tests.unit.connectors.google.script import Script, connected


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def script(clock: FakeClock) -> Script:
    return Script(clock)


@pytest.fixture
def google(script: Script) -> Iterator[GoogleConnector]:
    connector = connected(script)
    yield connector
    connector.close()
