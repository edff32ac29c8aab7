from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from audsync.sandbox.serve import serve
from audsync.sandbox.transport import SandboxTransport
from audsync.sandbox.world import World
from tests.sandbox.snapchat.client import Snapchat


class StillClock:
    """Time that only a test moves, by `World.advance`."""

    def now(self) -> datetime:
        return datetime(2026, 11, 22, 10, 15, 0, 123_000, UTC)

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nothing waits {seconds} s here")


@pytest.fixture
def snapchat() -> Iterator[Snapchat]:
    """In process, signed in, and without limits of calls a second."""
    world = World(clock=StillClock())
    with httpx.Client(transport=SandboxTransport(world)) as http:
        client = Snapchat(http, "http://sandbox/snapchat", world)
        client.configure(token_calls_per_s=None, app_calls_per_s=None)
        client.sign_in()
        yield client


@pytest.fixture
def served() -> Iterator[Snapchat]:
    """The same over a socket, and on the machine's time."""
    with serve() as running, httpx.Client(timeout=5) as http:
        client = Snapchat(http, running.base_urls["snapchat"], running.world)
        client.configure(token_calls_per_s=None, app_calls_per_s=None)
        client.sign_in()
        yield client


@pytest.fixture(params=["in_process", "over_a_socket"])
def either(request: pytest.FixtureRequest) -> Snapchat:
    """Both, one after the other."""
    name = {"in_process": "snapchat", "over_a_socket": "served"}[request.param]
    client = request.getfixturevalue(name)
    assert isinstance(client, Snapchat)
    return client
