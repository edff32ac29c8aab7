from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from audsync.sandbox.serve import serve
from audsync.sandbox.transport import SandboxTransport
from audsync.sandbox.world import World
from tests.sandbox.tiktok.client import TOKEN, TikTok

UNHURRIED = {"calls_per_s": 1_000_000, "calls_per_min": 1_000_000, "calls_per_day": 1_000_000}


class StillClock:
    """Time that only a test moves, by `World.advance`."""

    def now(self) -> datetime:
        return datetime(2026, 11, 22, 10, 15, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nothing waits {seconds} s here")


@pytest.fixture
def tiktok() -> Iterator[TikTok]:
    """In process, without limits of calls."""
    world = World(clock=StillClock())
    with httpx.Client(transport=SandboxTransport(world), headers=TOKEN) as http:
        client = TikTok(http, "http://sandbox/tiktok", world)
        client.configure(**UNHURRIED)
        yield client


@pytest.fixture
def served() -> Iterator[TikTok]:
    """The same over a socket, and on the machine's time."""
    with serve() as running, httpx.Client(headers=TOKEN, timeout=10) as http:
        client = TikTok(http, running.base_urls["tiktok"], running.world)
        client.configure(**UNHURRIED)
        yield client


@pytest.fixture(params=["in_process", "over_a_socket"])
def either(request: pytest.FixtureRequest) -> TikTok:
    """Both, one after the other."""
    name = {"in_process": "tiktok", "over_a_socket": "served"}[request.param]
    client = request.getfixturevalue(name)
    assert isinstance(client, TikTok)
    return client
