"""Snapchat as a list of answers, for tests of what leaves the machine."""

import json
from dataclasses import dataclass, field
from typing import Any

import httpx

from audsync.connectors.contract import Access, HttpLimits
from audsync.connectors.snapchat.connector import SnapchatConnector
from tests.unit.connectors.fakes import FakeClock

ACCOUNT = "0b6f2f0e-5d1c-4a7e-9a55-2f6f8f0c1d11"
ROOT = "https://adsapi.snapchat.com/v1"
TOKEN_URL = "https://accounts.snapchat.com/login/oauth2/access_token"
CREDENTIALS = {"client_id": "cl-1", "client_secret": "s3cret", "refresh_token": "r3fresh-1"}
TOKEN = f"t0ken-1.{'Hc9' * 30}"
GRANT = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600}


@dataclass(frozen=True, slots=True)
class Says:
    """One answer: a status, and a body as JSON or as text."""

    status: int
    body: dict[str, Any] | str = ""

    def response(self) -> httpx.Response:
        if isinstance(self.body, str):
            return httpx.Response(self.status, text=self.body)
        return httpx.Response(self.status, json=self.body)


Step = Says | dict[str, Any] | Exception


@dataclass
class Script:
    """Answers in order, tokens apart; an exception stands for a connection that breaks."""

    answers: list[Step] = field(default_factory=list)
    grants: list[Step] = field(default_factory=lambda: [GRANT])
    seen: list[httpx.Request] = field(default_factory=list)
    asked: list[httpx.Request] = field(default_factory=list)
    """Calls for tokens."""
    tokens: list[str] = field(default_factory=list)
    """What opened each call, as it was then."""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        is_for_token = "access_token" in request.url.path
        (self.asked if is_for_token else self.seen).append(request)
        if not is_for_token:
            self.tokens.append(request.headers["Authorization"])
        step = (self.grants if is_for_token else self.answers).pop(0)
        if isinstance(step, Exception):
            raise step
        return (Says(200, step) if isinstance(step, dict) else step).response()

    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.seen]


def connected(script: Script, clock: FakeClock, **changes: object) -> SnapchatConnector:
    values: dict[str, Any] = {"account": ACCOUNT, "credentials": CREDENTIALS}
    access = Access(**{**values, **changes})
    transport = httpx.MockTransport(script)
    return SnapchatConnector(access, clock=clock, limits=HttpLimits(), transport=transport)


def success(plural: str = "segments", **entity: object) -> dict[str, Any]:
    """An answer about one entity; none of them for an empty list."""
    singular = plural.removesuffix("s")
    element = {"sub_request_status": "SUCCESS", singular: entity}
    return {
        "request_status": "SUCCESS",
        "request_id": "6740a1c5",
        plural: [element] if entity else [],
    }


def error(code: str, status: int = 400) -> Says:
    return Says(status, {"request_status": "ERROR", "request_id": "1", "error_code": code})
