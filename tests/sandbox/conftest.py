from collections.abc import Iterator

import httpx
import pytest

from audsync.sandbox.serve import serve
from audsync.sandbox.transport import SandboxTransport
from audsync.sandbox.world import World
from tests.sandbox.client import AUTHORISED, Meta


@pytest.fixture
def meta() -> Iterator[Meta]:
    """In process."""
    world = World()
    with httpx.Client(transport=SandboxTransport(world), headers=AUTHORISED) as http:
        yield Meta(http, "http://sandbox/meta", world)


@pytest.fixture
def served() -> Iterator[Meta]:
    """Over a socket."""
    with serve() as running, httpx.Client(headers=AUTHORISED, timeout=5) as http:
        yield Meta(http, running.base_urls["meta"], running.world)


@pytest.fixture(params=["in_process", "over_a_socket"])
def either(request: pytest.FixtureRequest) -> Meta:
    """Both, one after the other."""
    name = {"in_process": "meta", "over_a_socket": "served"}[request.param]
    client = request.getfixturevalue(name)
    assert isinstance(client, Meta)
    return client
