"""A client of the sandbox for tests, and what tests say to it."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import httpx
import orjson

from audsync.sandbox.contract import Remote
from audsync.sandbox.world import World

AUTHORISED = {"Authorization": "Bearer sandbox-meta-token"}


class Meta:
    """A client without manners: sends what a test tells it to, judges nothing."""

    def __init__(self, http: httpx.Client, base_url: str, world: World) -> None:
        self.http = http
        self.root = base_url.removesuffix("/meta")
        self.base_url = base_url
        self.world = world

    def call(self, method: str, path: str, **rest: Any) -> httpx.Response:  # noqa: ANN401 - what httpx takes
        return self.http.request(method, f"{self.base_url}/v26.0/{path}", **rest)

    def create(self, name: str = "buyers", **params: str) -> str:
        form = {"name": name, "subtype": "CUSTOM", "customer_file_source": "USER_PROVIDED_ONLY"}
        answer = self.call("POST", "act_1001/customaudiences", data={**form, **params})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def upload(
        self,
        audience: str,
        schema: object,
        data: Sequence[object],
        *,
        method: str = "POST",
        edge: str = "users",
        session: Mapping[str, Any] | None = None,
    ) -> httpx.Response:
        form = {"payload": orjson.dumps({"schema": schema, "is_raw": True, "data": data}).decode()}
        if session is not None:
            form["session"] = orjson.dumps(session).decode()
        return self.call(method, f"{audience}/{edge}", data=form)

    def arm(self, *rules: Mapping[str, Any]) -> None:
        answer = self.http.post(f"{self.root}/_sandbox/faults", json=[*rules])
        assert answer.status_code == 200, answer.text

    def configure(self, **changes: object) -> None:
        answer = self.http.post(f"{self.root}/_sandbox/settings", json={"meta": changes})
        assert answer.status_code == 200, answer.text

    def remote(self, audience: str) -> Remote:
        return self.world.remote("meta", audience)


def hashed(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def error_of(answer: httpx.Response) -> dict[str, Any]:
    """The error object without the trace id, which differs from call to call."""
    error = dict(answer.json()["error"])
    assert error.pop("fbtrace_id").startswith("SIM")
    return error
