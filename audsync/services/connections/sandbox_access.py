"""What opens the sandbox: names of its own, no secrets."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from audsync.sandbox.contract import Simulated


def connections_to(platforms: Mapping[str, Simulated], url: str) -> dict[str, dict[str, Any]]:
    """A connection to each platform of a sandbox, with the keys of the configuration file.

    Args:
        platforms: the simulated platforms, by the path prefix they live under.
        url: where the sandbox listens.
    """
    return {name: _connection(name, one, f"{url}/{name}") for name, one in platforms.items()}


def name_of(platform: str) -> str:
    """What the connection to a simulated platform is called in a file."""
    return f"{platform}-sandbox"


def as_yaml(connections: Mapping[str, Mapping[str, Any]]) -> str:
    """The part `connections:` of a configuration file."""
    return "\n".join(["connections:", *_lines(connections)]) + "\n"


def _connection(name: str, platform: Simulated, base_url: str) -> dict[str, Any]:
    guide = platform.guide
    connection = {"platform": name, "account": guide.account, "base_url": base_url}
    if guide.login_path is not None:
        connection["token_url"] = base_url + guide.login_path
    options = {"options": dict(guide.options)} if guide.options else {}
    return {**connection, "credentials": dict(guide.credentials), **options}


def _lines(connections: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for platform, connection in connections.items():
        yield f"  {name_of(platform)}:"
        for key, value in connection.items():
            if isinstance(value, Mapping):
                yield f"    {key}:"
                yield from (f"      {name}: {_inline(each)}" for name, each in value.items())
            else:
                yield f"    {key}: {_inline(value)}"


def _inline(value: object) -> str:
    """A value on one line; only digits need quotes, to stay a text."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_inline(each)}" for key, each in value.items()) + "}"
    if isinstance(value, str) and not value.isdecimal():
        return value
    return json.dumps(value)
