"""A client of the simulated TikTok for tests, and what tests say to it."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import orjson

from audsync.sandbox.contract import Remote
from audsync.sandbox.world import World

ADVERTISER = "7000000000000000001"
TOKEN = {"Access-Token": "sandbox-tiktok-token"}
MAIL, PHONE = "EMAIL_SHA256", "PHONE_SHA256"
HOUR, DAY = 3600, 86_400
NOT_EDITABLE = (40002, "Audience is not editable, please check audience status")


class TikTok:
    """A client without manners: sends what a test tells it to, judges nothing."""

    def __init__(self, http: httpx.Client, base_url: str, world: World) -> None:
        self.http = http
        self.root = base_url.removesuffix("/tiktok")
        self.base_url = base_url
        self.world = world

    def call(self, method: str, path: str, **rest: Any) -> httpx.Response:  # noqa: ANN401 - what httpx takes
        return self.http.request(method, f"{self.base_url}/open_api/v1.3/{path}", **rest)

    def post(self, path: str, **fields: object) -> httpx.Response:
        """A JSON call for the usual advertiser; a field of None stays away."""
        body = {"advertiser_id": ADVERTISER, **fields}
        given = {name: value for name, value in body.items() if value is not None}
        return self.call("POST", path, json=given)

    def get(self, path: str, **params: str) -> httpx.Response:
        return self.call("GET", path, params={"advertiser_id": ADVERTISER, **params})

    def create(self, name: str = "buyers", **fields: object) -> str:
        """A streaming audience."""
        return str(
            data(self.post("segment/audience/", custom_audience_name=name, **fields))["audience_id"]
        )

    def map(self, rows: object, schema: object = (MAIL,), **fields: object) -> httpx.Response:
        """A mapping call with these rows."""
        body = {"advertiser_ids": [ADVERTISER], "id_schema": schema, "batch_data": rows, **fields}
        return self.call("POST", "segment/mapping/", json=body)

    def add(self, audience: str, *values: str, action: str = "add") -> httpx.Response:
        """A mapping call with one e-mail hash a row."""
        return self.map([[slot(value, audience)] for value in values], action=action)

    def upload(
        self, content: bytes, calculate_type: str = MAIL, *, filename: str = "ids.csv", **form: str
    ) -> httpx.Response:
        fields = {
            "advertiser_id": ADVERTISER,
            "calculate_type": calculate_type,
            "file_signature": hashlib.md5(content).hexdigest(),
            **form,
        }
        path = "dmp/custom_audience/file/upload/"
        return self.call("POST", path, data=fields, files={"file": (filename, content)})

    def path_of(self, values: Sequence[str], calculate_type: str = MAIL) -> str:
        """The path of a file of one id a line."""
        answer = self.upload("".join(f"{value}\n" for value in values).encode(), calculate_type)
        return str(data(answer)["file_path"])

    def create_from(self, *paths: str, **fields: object) -> str:
        """An audience from files of e-mail hashes."""
        body = {"custom_audience_name": "lapsed", "calculate_type": MAIL, "file_paths": paths}
        answer = self.post("dmp/custom_audience/create/", **{**body, **fields})
        return str(data(answer)["custom_audience_id"])

    def update(self, audience: str, **fields: object) -> httpx.Response:
        return self.post("dmp/custom_audience/update/", custom_audience_id=audience, **fields)

    def details(self, audience: str) -> dict[str, Any]:
        return dict(self.told(audience)["audience_details"])

    def told(self, audience: str) -> dict[str, Any]:
        """The entry of one audience in the answer of `get`."""
        ids = orjson.dumps([audience]).decode()
        (entry,) = data(self.get("dmp/custom_audience/get/", custom_audience_ids=ids))["list"]
        return dict(entry)

    def arm(self, *rules: Mapping[str, Any]) -> None:
        answer = self.http.post(f"{self.root}/_sandbox/faults", json=[*rules])
        assert answer.status_code == 200, answer.text

    def configure(self, **changes: object) -> None:
        answer = self.http.post(f"{self.root}/_sandbox/settings", json={"tiktok": changes})
        assert answer.status_code == 200, answer.text

    def remote(self, audience: str) -> Remote:
        return self.world.remote("tiktok", audience)

    def members(self, audience: str) -> set[str]:
        return {value for _, value in self.remote(audience).identifiers}

    def violations(self) -> list[tuple[str, str, int]]:
        """Kind, column and count of each."""
        noted = self.world.journal.violations
        return [(each["kind"], each["column"], each["cells"]) for each in noted]


def hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def known(count: int, name: str = "person") -> list[str]:
    """Digests of invented people who are TikTok's users as well."""
    found = (hashed(f"{name}-{number}") for number in range(count * 3))
    return [digest for digest in found if digest[-1] < "c"][:count]


def slot(value: str, *audiences: str) -> dict[str, object]:
    return {"id": value, "audience_ids": list(audiences)}


def data(answer: httpx.Response) -> dict[str, Any]:
    """The data of an answer that must be a success."""
    envelope = answer.json()
    assert (answer.status_code, envelope["code"]) == (200, 0), answer.text
    assert envelope["message"] == "OK"
    return dict(envelope["data"])


def refused(answer: httpx.Response) -> tuple[int, str]:
    """Code and text of an answer that must be a refusal: HTTP 200 and a whole envelope."""
    envelope = answer.json()
    assert answer.status_code == 200
    assert set(envelope) == {"code", "message", "request_id", "data"}
    assert envelope["data"] == {}
    assert envelope["code"] != 0
    return envelope["code"], envelope["message"]
