"""A client of the simulated Snapchat for tests, and what tests say to it."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from audsync.sandbox.contract import Remote
from audsync.sandbox.world import World

ACCOUNT = "0b6f2f0e-5d1c-4a7e-9a55-2f6f8f0c1d11"
GRANT = {
    "grant_type": "refresh_token",
    "refresh_token": "sandbox-snapchat-refresh",
    "client_id": "sandbox-client",
    "client_secret": "sandbox-client-secret",
}
MAIL, PHONE, DEVICE = "EMAIL_SHA256", "PHONE_SHA256", "MOBILE_AD_ID_SHA256"
GONE = "Entity does not exist or you do not have permission to access it"
NOT_AVAILABLE = "We're sorry, but the requested resource is not available at this time"


class Snapchat:
    """A client without manners: sends what a test tells it to, judges nothing."""

    def __init__(self, http: httpx.Client, base_url: str, world: World) -> None:
        self.http = http
        self.root = base_url.removesuffix("/snapchat")
        self.base_url = base_url
        self.world = world

    def refresh(self, **fields: str) -> httpx.Response:
        return self.http.post(
            f"{self.base_url}/login/oauth2/access_token", data={**GRANT, **fields}
        )

    def sign_in(self, **fields: str) -> str:
        token = str(self.refresh(**fields).json()["access_token"])
        self.http.headers["Authorization"] = f"Bearer {token}"
        return token

    def later(self, seconds: float) -> None:
        """Time passes, and a token that ended meanwhile is replaced."""
        self.world.advance(seconds)
        self.sign_in()

    def call(self, method: str, path: str, **rest: Any) -> httpx.Response:  # noqa: ANN401 - what httpx takes
        return self.http.request(method, f"{self.base_url}/v1/{path}", **rest)

    def make(self, *segments: Mapping[str, object]) -> httpx.Response:
        """A create call; each segment is a good one but for what is given."""
        listed = [{**segment_of(f"buyers {at}"), **each} for at, each in enumerate(segments)]
        return self.call("POST", f"adaccounts/{ACCOUNT}/segments", json={"segments": listed})

    def create(self, name: str = "buyers", **fields: object) -> str:
        (made,) = inner(self.make({"name": name, **fields}), "segments")
        return str(made["segment"]["id"])

    def upload(
        self, segment: str, schema: str, values: Sequence[str], *, method: str = "POST"
    ) -> httpx.Response:
        user = {"schema": [schema], "data": [[value] for value in values]}
        return self.users(segment, [user], method=method)

    def users(self, segment: str, users: object, *, method: str = "POST") -> httpx.Response:
        return self.call(method, f"segments/{segment}/users", json={"users": users})

    def read(self, segment: str) -> dict[str, Any]:
        (told,) = inner(self.call("GET", f"segments/{segment}"), "segments")
        return dict(told["segment"])

    def arm(self, *rules: Mapping[str, Any]) -> None:
        answer = self.http.post(f"{self.root}/_sandbox/faults", json=[*rules])
        assert answer.status_code == 200, answer.text

    def configure(self, **changes: object) -> None:
        answer = self.http.post(f"{self.root}/_sandbox/settings", json={"snapchat": changes})
        assert answer.status_code == 200, answer.text

    def remote(self, segment: str) -> Remote:
        return self.world.remote("snapchat", segment)

    def violations(self) -> dict[str, int]:
        return {each["kind"]: each["cells"] for each in self.world.journal.violations}


def segment_of(name: str) -> dict[str, object]:
    """What a good create call says of one segment."""
    return {
        "name": name,
        "ad_account_id": ACCOUNT,
        "source_type": "FIRST_PARTY",
        "retention_in_days": 9999,
    }


def inner(answer: httpx.Response, kind: str) -> list[dict[str, Any]]:
    """The elements of an answer in which all is well."""
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["request_status"].lower() == "success"
    assert 36 <= len(told["request_id"]) <= 110
    elements = list(told[kind])
    assert {each["sub_request_status"].lower() for each in elements} <= {"success"}
    return elements


def refusal(answer: httpx.Response) -> dict[str, Any]:
    """Status and body of an answer that refuses, but for its id, which is opaque."""
    told = dict(answer.json())
    assert 36 <= len(told.pop("request_id")) <= 110
    assert answer.headers["Content-Type"] == "application/json;charset=utf-8"
    return {"status": answer.status_code, **told}


def whole(message: str, *, status: int = 400, code: str = "E1001", shown: str = "") -> object:
    """What `refusal` gives for a call that is refused as a whole."""
    return {
        "status": status,
        "request_status": "ERROR",
        "debug_message": message,
        "display_message": shown or message,
        "error_code": code,
    }


def listed(message: str, *, kind: str = "segments", code: str = "E1001") -> object:
    """What `refusal` gives for one that is refused inside a 200."""
    return {"status": 200, "request_status": "ERROR", kind: [element(message, code=code)]}


def element(message: str, *, code: str = "E1001") -> dict[str, str]:
    """An element that is refused."""
    reason = f"Error code: {code}, message: {message}"
    return {"sub_request_status": "ERROR", "sub_request_error_reason": reason}
