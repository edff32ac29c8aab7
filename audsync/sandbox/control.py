"""The sandbox's own endpoints under `/_sandbox`: look at it, and change what it does."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from audsync.errors import ConfigError
from audsync.sandbox.contract import Answer, Remote
from audsync.sandbox.faults import parse
from audsync.sandbox.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ask:
    world: World
    names: tuple[str, ...]
    """What follows the endpoint's name in the path."""
    query: Mapping[str, str]
    body: bytes = field(repr=False)

    def wants(self, name: str, *, default: bool) -> bool:
        """A yes-or-no query parameter."""
        return self.query.get(name, "1" if default else "0") not in ("0", "false", "no", "")


def answer(world: World, method: str, path: str, query: Mapping[str, str], body: bytes) -> Answer:
    """What an endpoint says; `path` is what follows `/_sandbox/`."""
    name, *names = path.strip("/").split("/")
    endpoint = _ENDPOINTS.get((method, name))
    if endpoint is None:
        known = ", ".join(f"{verb} /_sandbox/{each}" for verb, each in _ENDPOINTS)
        return problem(404, f"no such endpoint; there are: {known}")
    with world.lock:
        try:
            return _json(200, endpoint(_Ask(world=world, names=(*names,), query=query, body=body)))
        except ConfigError as refused:
            return problem(400, refused.message)


def problem(status: int, message: str) -> Answer:
    """An answer of the sandbox itself, in a form that no platform uses."""
    return _json(status, {"sandbox_error": message})


def _json(status: int, value: Any) -> Answer:  # noqa: ANN401 - any JSON
    body = orjson.dumps(value, option=orjson.OPT_INDENT_2)
    return Answer(status=status, body=body, headers={"Content-Type": "application/json"})


def _document(ask: _Ask) -> dict[str, Any]:
    try:
        document = orjson.loads(ask.body or b"{}")
    except orjson.JSONDecodeError as broken:
        raise ConfigError("the body is not JSON") from broken
    if not isinstance(document, dict):
        raise ConfigError("the body must be a JSON object")
    return document


def _health(ask: _Ask) -> Any:  # noqa: ANN401 - any JSON
    return {"status": "ok", "platforms": sorted(ask.world.platforms)}


def _audiences(ask: _Ask) -> Any:  # noqa: ANN401 - any JSON
    is_full = ask.wants("full", default=True)
    wanted = ask.query.get("id")
    return {
        platform: [
            _shown(remote, is_full=is_full)
            for remote in ask.world.remotes(platform, with_persons=is_full)
            if wanted in (None, remote.id)
        ]
        for platform in sorted(ask.world.platforms)
    }


def _shown(remote: Remote, *, is_full: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": remote.id,
        "name": remote.name,
        "account": remote.account,
        "identifier_count": len(remote.identifiers),
        "identifier_digest": _digest(remote.identifiers),
        "person_count": remote.person_count,
        **remote.facts,
    }
    if is_full:
        shown["identifiers"] = sorted(remote.identifiers)
        shown["persons"] = sorted(sorted(person) for person in remote.persons)
    return shown


def _digest(identifiers: frozenset[tuple[str, str]]) -> str:
    """SHA-256 over sorted `key:value` lines: big sets compare without being sent."""
    lines = sorted(f"{key}:{value}\n" for key, value in identifiers)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _list_faults(ask: _Ask) -> Any:  # noqa: ANN401 - any JSON
    return {"faults": ask.world.faults.as_json(), "held_effects": len(ask.world.late)}


def _arm(ask: _Ask) -> Any:  # noqa: ANN401 - any JSON
    return {"ids": ask.world.faults.arm(parse(ask.body, origin="the body"))}


def _disarm(ask: _Ask) -> Any:  # noqa: ANN401 - any JSON
    number = ask.names[0] if ask.names else ""
    if number and not number.isdecimal():
        raise ConfigError("a fault is named by its number")
    ask.world.faults.disarm(int(number) if number else None)
    return _list_faults(ask)


def _settle(ask: _Ask) -> Any:  # noqa: ANN401 - any JSON
    return {"settled": ask.world.settle()}


def _requests(ask: _Ask) -> Any:  # noqa: ANN401 - any JSON
    with_bodies = ask.wants("bodies", default=False)
    return {"requests": ask.world.journal.requests(with_bodies=with_bodies)}


def _violations(ask: _Ask) -> Any:  # noqa: ANN401 - any JSON
    return {"violations": list(ask.world.journal.violations)}


def _clock(ask: _Ask) -> Any:  # noqa: ANN401 - any JSON
    return {"now": ask.world.clock.now(), "offset_s": ask.world.clock.offset_s}


def _advance(ask: _Ask) -> Any:  # noqa: ANN401 - any JSON
    seconds = _document(ask).get("advance_s")
    if not isinstance(seconds, int | float) or seconds < 0:
        raise ConfigError('the body must be {"advance_s": SECONDS}, and time only goes forward')
    ask.world.advance(seconds)
    return _clock(ask)


def _reset(ask: _Ask) -> Any:  # noqa: ANN401 - any JSON
    ask.world.reset()
    return _health(ask)


def _settings(ask: _Ask) -> Any:  # noqa: ANN401 - any JSON
    return {name: platform.settings() for name, platform in ask.world.platforms.items()}


def _configure(ask: _Ask) -> Any:  # noqa: ANN401 - any JSON
    document = _document(ask)
    unknown = sorted(set(document) - set(ask.world.platforms))
    if unknown:
        raise ConfigError(f"no such platform: {', '.join(unknown)}")
    for name, changes in document.items():
        ask.world.platforms[name].configure(changes)
    return _settings(ask)


_ENDPOINTS: dict[tuple[str, str], Callable[[_Ask], Any]] = {
    ("GET", "health"): _health,
    ("GET", "audiences"): _audiences,
    ("GET", "faults"): _list_faults,
    ("POST", "faults"): _arm,
    ("DELETE", "faults"): _disarm,
    ("POST", "settle"): _settle,
    ("GET", "requests"): _requests,
    ("GET", "violations"): _violations,
    ("GET", "clock"): _clock,
    ("POST", "clock"): _advance,
    ("POST", "reset"): _reset,
    ("GET", "settings"): _settings,
    ("POST", "settings"): _configure,
}
