"""Google as a script: answers in order, and what was asked."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pyarrow as pa

from audsync.connectors.contract import HttpLimits
from audsync.connectors.google.connector import GoogleConnector
from audsync.domain import Action, Kind, RemoteId, UploadBatch
from tests.unit.connectors.fakes import FakeClock
from tests.unit.connectors.google.accounts import access, failure

ID = RemoteId("8765432109")
LISTS = "/v1/accountTypes/GOOGLE_ADS/accounts/1234567890/userLists"
TAKEN = {"requestId": "126365e1-16d0"}
LIST = {"id": ID, "displayName": "vip", "ingestedUserListInfo": {"uploadKeyTypes": ["CONTACT_ID"]}}
GONE = (404, failure("NOT_FOUND", "NOT_FOUND"))
NO_SUCH_LIST = (400, failure("INVALID_ARGUMENT", "INVALID_USER_LIST_ID"))
DENIED = (403, failure("PERMISSION_DENIED", "PERMISSION_DENIED"))
DEAD_TOKEN = (401, failure("UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED"))
FAILING = (503, failure("UNAVAILABLE", "UNAVAILABLE"))
SILENCE = httpx.ReadError("reset")

Scripted = dict[str, Any] | tuple[int, dict[str, Any]] | Exception


def wrong(*positions: int) -> tuple[int, dict[str, Any]]:
    fields = {f"audience_members.audience_members[{at}]": "INVALID_FORMAT" for at in positions}
    return 400, failure("INVALID_ARGUMENT", "INVALID_ARGUMENT", fields=fields)


@dataclass
class Script:
    """Answers in order; an exception stands for a connection that breaks. Tokens come aside."""

    clock: FakeClock
    answers: list[Scripted] = field(default_factory=list)
    seen: list[httpx.Request] = field(default_factory=list)
    tokens: int = 0
    skew: timedelta | None = timedelta(0)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "oauth2.googleapis.com":
            self.tokens += 1
            value = f"ya29.{self.tokens}"
            return httpx.Response(200, json={"access_token": value, "expires_in": 3599})
        self.seen.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        headers = {}
        if self.skew is not None:
            headers["Date"] = format_datetime(self.clock.now() + self.skew, usegmt=True)
        return httpx.Response(status, json=body, headers=headers)

    def paths(self) -> list[str]:
        return [request.url.path for request in self.seen]

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.seen]


def connected(script: Script, **changes: Any) -> GoogleConnector:  # noqa: ANN401 - fields of Access
    transport = httpx.MockTransport(script)
    return GoogleConnector(
        access(**changes), clock=script.clock, limits=HttpLimits(), transport=transport
    )


def batch(people: int = 1, action: Action = Action.ADD) -> UploadBatch:
    return UploadBatch(
        audience=ID,
        action=action,
        session=7,
        number=1,
        is_last=True,
        rows=people,
        session_rows=people,
        kinds=(Kind.EMAIL,),
        members=pa.table(
            {
                "row": pa.array(range(people), pa.int32()),
                "kind": pa.array([Kind.EMAIL] * people, pa.uint8()),
                "value": pa.array([bytes([at]) * 32 for at in range(people)], pa.binary()),
            }
        ),
    )
