"""A client of the simulated Google for tests, and what tests say to it."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import httpx

from audsync.sandbox.contract import Remote
from audsync.sandbox.world import World

ACCOUNT, LOGIN = "1234567890", "9876543210"
LISTS = f"/v1/accountTypes/GOOGLE_ADS/accounts/{ACCOUNT}/userLists"
CONTACTS = {
    "uploadKeyTypes": ["CONTACT_ID"],
    "contactIdInfo": {"dataSourceType": "DATA_SOURCE_TYPE_FIRST_PARTY"},
}
MOBILES = {
    "uploadKeyTypes": ["MOBILE_ID"],
    "mobileIdInfo": {"keySpace": "IOS", "appId": "com.example.app"},
}
USER_IDS = {"uploadKeyTypes": ["USER_ID"], "userIdInfo": {}}
REFRESH = {
    "grant_type": "refresh_token",
    "client_id": "sandbox-client",
    "client_secret": "sandbox-client-secret",
    "refresh_token": "sandbox-google-refresh",
}


class Google:
    """A client without manners: sends what a test tells it to, judges nothing."""

    def __init__(self, http: httpx.Client, base_url: str, world: World) -> None:
        self.http = http
        self.root = base_url.removesuffix("/google")
        self.base_url = base_url
        self.world = world

    def sign_in(self, **form: str) -> str:
        answer = self.token(**form)
        assert answer.status_code == 200, answer.text
        token = str(answer.json()["access_token"])
        self.http.headers["Authorization"] = f"Bearer {token}"
        return token

    def token(self, **form: str) -> httpx.Response:
        return self.http.post(f"{self.base_url}/token", data={**REFRESH, **form})

    def call(self, method: str, path: str, **rest: Any) -> httpx.Response:  # noqa: ANN401 - what httpx takes
        return self.http.request(method, f"{self.base_url}{path}", **rest)

    def create(self, name: str = "buyers", info: object = CONTACTS, **fields: object) -> str:
        body = {"displayName": name, "ingestedUserListInfo": info, **fields}
        answer = self.call("POST", LISTS, json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def send(self, verb: str, body: object) -> httpx.Response:
        return self.call("POST", f"/v1/audienceMembers:{verb}", json=body)

    def ingest(self, user_list: str, *members: object, **fields: object) -> httpx.Response:
        return self.send("ingest", ingestion(user_list, members, **fields))

    def remove(self, user_list: str, *members: object, **fields: object) -> httpx.Response:
        body = {"destinations": [goal(user_list)], "audienceMembers": [*members], "encoding": "HEX"}
        return self.send("remove", {**body, **fields})

    def remove_all(self, user_list: str, **fields: object) -> httpx.Response:
        return self.send("removeAll", {"destinations": [goal(user_list)], **fields})

    def status(self, request: httpx.Response) -> dict[str, Any]:
        """The status of a request at its first destination."""
        answer = self.ask_status(request.json()["requestId"])
        assert answer.status_code == 200, answer.text
        shown = dict(answer.json()["requestStatusPerDestination"][0])
        del shown["destination"]
        return shown

    def ask_status(self, request_id: str) -> httpx.Response:
        return self.call("GET", "/v1/requestStatus:retrieve", params={"requestId": request_id})

    def arm(self, *rules: Mapping[str, Any]) -> None:
        answer = self.http.post(f"{self.root}/_sandbox/faults", json=[*rules])
        assert answer.status_code == 200, answer.text

    def configure(self, **changes: object) -> None:
        answer = self.http.post(f"{self.root}/_sandbox/settings", json={"google": changes})
        assert answer.status_code == 200, answer.text

    def remote(self, user_list: str) -> Remote:
        return self.world.remote("google", user_list)

    def members(self, user_list: str) -> set[str]:
        """The e-mail digests in a list."""
        return {value for name, value in self.remote(user_list).identifiers if name == "EMAIL"}

    def violations(self) -> list[str]:
        return [each["kind"] for each in self.world.journal.violations]


def goal(user_list: str, *, account: str = ACCOUNT, login: str = LOGIN) -> dict[str, Any]:
    return {
        "operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": account},
        "loginAccount": {"accountType": "GOOGLE_ADS", "accountId": login},
        "productDestinationId": user_list,
    }


def ingestion(user_list: str, members: Sequence[object], **fields: object) -> dict[str, Any]:
    body = {
        "destinations": [goal(user_list)],
        "audienceMembers": [*members],
        "consent": {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"},
        "encoding": "HEX",
        "termsOfService": {"customerMatchTermsOfServiceStatus": "ACCEPTED"},
    }
    return {**body, **fields}


def person(*names: str, **more: object) -> dict[str, Any]:
    """A member who is known by the e-mail hashes of `names`."""
    return contact(*({"emailAddress": hashed(name)} for name in names), **more)


def contact(*identifiers: object, **more: object) -> dict[str, Any]:
    return {"compositeData": {"userData": {"userIdentifiers": [*identifiers]}}, **more}


def hashed(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def everybody(*names: str) -> set[str]:
    return {hashed(name) for name in names}


def reasons(answer: httpx.Response) -> list[tuple[str, str]]:
    """(field, reason) of each violated field."""
    (request,) = [
        each for each in answer.json()["error"]["details"] if each["@type"].endswith("BadRequest")
    ]
    return [(each["field"], each["reason"]) for each in request["fieldViolations"]]


def reason(answer: httpx.Response) -> tuple[int, str]:
    """HTTP status and the reason in ErrorInfo."""
    info = answer.json()["error"]["details"][0]
    assert info["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"
    return answer.status_code, info["reason"]


def refusal(field: str, told: str, why: str) -> dict[str, Any]:
    """The whole body of a refusal for one field of a list."""
    return {
        "error": {
            "code": 400,
            "message": "There was a problem with the request.",
            "status": "INVALID_ARGUMENT",
            "details": [
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "INVALID_ARGUMENT",
                    "domain": "datamanager.googleapis.com",
                },
                {
                    "@type": "type.googleapis.com/google.rpc.BadRequest",
                    "fieldViolations": [{"field": field, "description": told, "reason": why}],
                },
            ],
        }
    }
