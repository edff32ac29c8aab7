from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from audsync.sandbox.serve import serve
from audsync.sandbox.transport import SandboxTransport
from audsync.sandbox.world import World
from tests.sandbox.google.client import Google


class StillClock:
    """Time that only a test moves, by `World.advance`."""

    def now(self) -> datetime:
        return datetime(2026, 11, 22, 10, 15, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nothing waits {seconds} s here")


@pytest.fixture
def google() -> Iterator[Google]:
    """In process."""
    world = World(clock=StillClock())
    with httpx.Client(transport=SandboxTransport(world)) as http:
        client = Google(http, "http://sandbox/google", world)
        client.sign_in()
        yield client


@pytest.fixture
def served() -> Iterator[Google]:
    """The same over a socket, and on the machine's time."""
    with serve() as running, httpx.Client(timeout=10) as http:
        client = Google(http, running.base_urls["google"], running.world)
        client.sign_in()
        yield client


@pytest.fixture(params=["in_process", "over_a_socket"])
def either(request: pytest.FixtureRequest) -> Google:
    """Both, one after the other."""
    name = {"in_process": "google", "over_a_socket": "served"}[request.param]
    client = request.getfixturevalue(name)
    assert isinstance(client, Google)
    return client
