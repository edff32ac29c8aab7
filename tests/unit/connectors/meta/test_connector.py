"""What leaves the machine, seen from outside: addresses, headers, numbers, order.

Whether Meta's rules are met is for the conformance tests, which have an independent witness.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pyarrow as pa
import pytest

from audsync.connectors.contract import Access, HttpLimits, may_have_applied
from audsync.connectors.meta.connector import MetaConnector
from audsync.domain import Action, Kind, RemoteId, UploadBatch
from audsync.errors import (
    AudienceGoneError,
    ConflictError,
    CredentialsError,
    OutcomeUnknownError,
    PermissionDeniedError,
)
from tests.unit.connectors.fakes import FakeClock

ID = RemoteId("120230000000000001")
TOKEN = "EAAtoken"
RECEIPT = {"audience_id": ID, "session_id": "7", "num_received": 1, "num_invalid_entries": 0}
GONE = {"error": {"code": 100, "error_subcode": 33}}
ACCOUNT = {
    "id": "act_9001",
    "account_status": 1,
    "tos_accepted": {"custom_audience_tos": 1},
}


@dataclass
class Script:
    """Answers in order; an exception stands for a connection that breaks."""

    answers: list[dict[str, Any] | Exception] = field(default_factory=list)
    seen: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(400 if "error" in answer else 200, json=answer)

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.seen]


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def connected(script: Script, clock: FakeClock, **changes: object) -> MetaConnector:
    values: dict[str, Any] = {"account": "act_9001", "credentials": {"access_token": TOKEN}}
    access = Access(**{**values, **changes})
    transport = httpx.MockTransport(script)
    return MetaConnector(access, clock=clock, limits=HttpLimits(), transport=transport)


@pytest.fixture
def meta(script: Script, clock: FakeClock) -> Iterator[MetaConnector]:
    connector = connected(script, clock)
    yield connector
    connector.close()


def batch(**changes: object) -> UploadBatch:
    values: dict[str, Any] = {
        "audience": ID,
        "action": Action.ADD,
        "session": 77,
        "number": 2,
        "is_last": False,
        "rows": 1,
        "session_rows": 30,
        "kinds": (Kind.EXTERNAL_ID,),
        "members": pa.table(
            {
                "row": pa.array([1], pa.int32()),
                "kind": pa.array([Kind.EXTERNAL_ID], pa.uint8()),
                "value": pa.array([b"crm-1"], pa.binary()),
            }
        ),
    }
    return UploadBatch(**{**values, **changes})


@pytest.mark.parametrize(
    ("action", "method", "edge"),
    [
        (Action.ADD, "POST", "users"),
        (Action.REMOVE, "DELETE", "users"),
        (Action.REPLACE, "POST", "usersreplace"),
    ],
)
def test_members_and_token_stay_out_of_the_address(
    meta: MetaConnector, script: Script, action: Action, method: str, edge: str
) -> None:
    script.answers = [RECEIPT]
    meta.send(batch(action=action))
    (request,) = script.seen
    assert request.method == method
    assert str(request.url) == f"https://graph.facebook.com/v26.0/{ID}/{edge}"
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert script.bodies()[0]["payload"]["data"] == [["crm-1"]]


def test_with_an_app_secret_every_call_carries_the_proof(script: Script, clock: FakeClock) -> None:
    credentials = {"access_token": "demo-access-token", "app_secret": "demo-app-secret"}
    meta = connected(script, clock, credentials=credentials)
    script.answers = [{"id": ID}, RECEIPT, {"data": []}, {"success": True}]
    meta.create("vip", "")
    meta.send(batch())
    meta.find("vip")
    meta.delete(ID)
    proofs = {request.url.params["appsecret_proof"] for request in script.seen}
    assert proofs == {"aed6826bfacdf6c46c9b96c4dc4634d148ee2c2fd274a9976d9ef754c800814d"}


def test_an_audience_is_created_with_what_was_configured(script: Script, clock: FakeClock) -> None:
    meta = connected(script, clock, options={"retention_days": 90})
    script.answers = [{"id": ID}]
    assert meta.create("vip", "best customers") == ID
    assert script.bodies() == [
        {
            "name": "vip",
            "subtype": "CUSTOM",
            "customer_file_source": "USER_PROVIDED_ONLY",
            "description": "best customers",
            "retention_days": 90,
        }
    ]


def test_a_lost_answer_to_create_is_never_met_by_a_second_create(
    meta: MetaConnector, script: Script
) -> None:
    script.answers = [httpx.ReadTimeout("silence")]
    with pytest.raises(OutcomeUnknownError):
        meta.create("vip", "")
    assert len(script.seen) == 1


def test_batches_of_a_replace_share_their_session(meta: MetaConnector, script: Script) -> None:
    script.answers = [httpx.ReadError("reset"), RECEIPT]
    receipt = meta.send(batch(action=Action.REPLACE))
    assert receipt.unanswered_tries == 1
    expected = {
        "session_id": 77,
        "batch_seq": 2,
        "last_batch_flag": False,
        "estimated_num_total": 30,
    }
    assert [body["session"] for body in script.bodies()] == [expected, expected]


@pytest.mark.parametrize("action", [Action.ADD, Action.REMOVE])
def test_each_try_to_add_or_remove_is_a_session_of_its_own(
    meta: MetaConnector, script: Script, action: Action
) -> None:
    script.answers = [httpx.ReadError("reset"), RECEIPT]
    meta.send(batch(action=action))
    first, second = (body["session"] for body in script.bodies())
    assert first["session_id"] != second["session_id"]
    for session in (first, second):
        assert 0 < session.pop("session_id") < 2**63
        assert session == {"batch_seq": 1, "last_batch_flag": True, "estimated_num_total": 1}


def test_a_replace_that_a_lost_answer_has_finished_is_finished(
    meta: MetaConnector, script: Script
) -> None:
    finished = {"error": {"code": 2650, "error_subcode": 1870159}}
    script.answers = [httpx.ReadError("reset"), finished]
    receipt = meta.send(batch(action=Action.REPLACE, is_last=True))
    assert receipt.unanswered_tries == 1
    assert receipt.received_rows == 1
    script.answers = [finished]
    with pytest.raises(ConflictError):
        meta.send(batch(action=Action.REPLACE, is_last=True))


@pytest.mark.parametrize("subcode", [1870158, 1870159, 1870147])
def test_closing_a_session_that_has_ended_is_no_error(
    meta: MetaConnector, script: Script, subcode: int
) -> None:
    script.answers = [{"error": {"code": 2650, "error_subcode": subcode}}]
    meta.close_session(ID, 99, batch(number=5))
    assert script.bodies()[0]["session"] == {
        "session_id": 99,
        "batch_seq": 5,
        "last_batch_flag": True,
        "estimated_num_total": 30,
    }


def test_closing_while_another_replace_runs_is_an_error(
    meta: MetaConnector, script: Script
) -> None:
    script.answers = [{"error": {"code": 2650, "error_subcode": 1870145}}]
    with pytest.raises(ConflictError):
        meta.close_session(ID, 99, batch())


def test_a_new_audience_that_is_not_there_yet_is_waited_for(
    meta: MetaConnector, script: Script, clock: FakeClock
) -> None:
    script.answers = [{"id": ID}, {"error": {"code": 803}}, GONE, RECEIPT]
    meta.create("vip", "")
    assert meta.send(batch()).unanswered_tries == 0
    assert len(clock.slept_s) == 2


def test_an_older_audience_that_is_not_there_is_gone(
    meta: MetaConnector, script: Script, clock: FakeClock
) -> None:
    script.answers = [{"id": ID}]
    meta.create("vip", "")
    clock.seconds += 61
    script.answers = [GONE, ACCOUNT]
    with pytest.raises(AudienceGoneError):
        meta.send(batch())
    assert clock.slept_s == []


def test_an_audience_is_not_called_gone_when_the_whole_account_is_out_of_sight(
    meta: MetaConnector, script: Script
) -> None:
    script.answers = [httpx.ReadError("reset"), GONE, GONE]
    with pytest.raises(PermissionDeniedError, match="act_9001") as caught:
        meta.send(batch())
    assert may_have_applied(caught.value)


def test_an_account_that_cannot_be_asked_leaves_the_audience_gone(
    meta: MetaConnector, script: Script
) -> None:
    script.answers = [GONE, {"error": {"code": 2}}, {"error": {"code": 2}}, {"error": {"code": 2}}]
    with pytest.raises(AudienceGoneError):
        meta.describe(ID)


def test_deleting_what_is_gone_is_no_error(meta: MetaConnector, script: Script) -> None:
    script.answers = [GONE, ACCOUNT]
    meta.delete(ID)


def test_pages_are_followed_by_cursor_on_our_own_address(
    meta: MetaConnector, script: Script
) -> None:
    first = {"id": "5", "name": "vip", "time_created": 50}
    second = {"id": "4", "name": "vip", "time_created": 40}
    paging = {"cursors": {"after": "c1"}, "next": "https://elsewhere.test/?access_token=x"}
    script.answers = [{"data": [first], "paging": paging}, {"data": [second]}]
    assert meta.find("vip") == ["4", "5"]
    assert {request.url.host for request in script.seen} == {"graph.facebook.com"}
    assert script.seen[1].url.params["after"] == "c1"


def test_pages_that_go_in_circles_end(meta: MetaConnector, script: Script) -> None:
    paging = {"cursors": {"after": "c1"}, "next": "https://elsewhere.test/"}
    script.answers = [{"data": [], "paging": paging}, {"data": [], "paging": paging}]
    assert meta.find("vip") == []


def test_access_is_checked_with_the_apps_own_token_where_it_is_known(
    script: Script, clock: FakeClock
) -> None:
    credentials = {"access_token": TOKEN, "app_id": "1", "app_secret": "s"}
    meta = connected(script, clock, credentials=credentials)
    token = {"is_valid": True, "expires_at": int(clock.now().timestamp()) + 60, "scopes": None}
    script.answers = [ACCOUNT, {"data": token}]
    ends_at = meta.check_access()
    assert ends_at is not None
    assert (ends_at - clock.now()).total_seconds() == 60
    assert [request.headers["Authorization"] for request in script.seen] == [
        f"Bearer {TOKEN}",
        "Bearer 1|s",
    ]


def test_a_token_that_may_not_look_at_itself_is_still_a_good_token(
    meta: MetaConnector, script: Script
) -> None:
    script.answers = [ACCOUNT, {"error": {"code": 100}}]
    assert meta.check_access() is None


def test_a_wrong_app_is_told_at_the_check(script: Script, clock: FakeClock) -> None:
    credentials = {"access_token": TOKEN, "app_id": "1", "app_secret": "s"}
    meta = connected(script, clock, credentials=credentials)
    script.answers = [ACCOUNT, {"error": {"code": 101}}]
    with pytest.raises(CredentialsError, match="app_id"):
        meta.check_access()
