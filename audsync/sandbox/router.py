"""The one door for both transports: a platform's path, or the sandbox's own endpoints."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from audsync.sandbox import control
from audsync.sandbox.contract import Answer, Call
from audsync.sandbox.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request as it came."""

    method: str
    target: str = field(repr=False)
    """Path and query, as in the request line."""
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case."""
    body: bytes = field(repr=False)
    origin: str
    """Scheme, host and port that the client used."""


def answer(world: World, request: Request) -> Answer:
    """Pass a request on to whom it is for."""
    path, _, query_text = request.target.partition("?")
    query = dict(parse_qsl(query_text, keep_blank_values=True))
    first, _, rest = path.lstrip("/").partition("/")
    if first == "_sandbox":
        return control.answer(world, request.method, rest, query, request.body)
    if first not in world.platforms:
        names = ", ".join(sorted(world.platforms))
        return control.problem(404, f"no platform lives here; paths start with one of: {names}")
    call = Call(
        method=request.method,
        path=f"/{rest}",
        query=query,
        headers=request.headers,
        body=request.body,
        base_url=f"{request.origin}/{first}",
        target=f"/{rest}?{query_text}",
    )
    return world.answer(first, call)
