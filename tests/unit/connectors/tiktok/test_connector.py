"""What leaves the machine, seen from outside: addresses, headers, order, tries.

Whether TikTok's rules are met is for the conformance tests, which have an independent witness.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pyarrow as pa
import pytest

from audsync.connectors.contract import Access, HttpLimits, may_have_applied
from audsync.connectors.tiktok.connector import TiktokConnector
from audsync.connectors.tiktok.settings import settings
from audsync.domain import Action, Kind, RemoteId, UploadBatch
from audsync.errors import (
    AudienceGoneError,
    MaintenanceError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitError,
    UnavailableError,
    ValidationError,
)
from tests.unit.connectors.fakes import FakeClock

ID = RemoteId("900000000000000001")
ROOT = "https://business-api.tiktok.com/open_api/v1.3"
OK = {"code": 0, "message": "OK", "request_id": "20261122A", "data": {}}
GONE = {"code": 40007, "message": "Audience does not exist", "request_id": "r", "data": {}}
NO_ACCESS = {"code": 40001, "message": "No permission", "request_id": "r", "data": {}}
FAILED = {"code": 51003, "message": "inner error", "request_id": "r", "data": {}}


def listing(*entries: dict[str, Any], pages: int = 1) -> dict[str, Any]:
    return {**OK, "data": {"list": list(entries), "page_info": {"total_page": pages}}}


def entry(audience: str, **changes: object) -> dict[str, Any]:
    values = {"name": "vip", "audience_type": "Partner", "create_time": "2026-11-22 10:15:00"}
    return {"audience_id": audience, **values, **changes}


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
        return httpx.Response(200, json=answer)


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def tiktok(script: Script, clock: FakeClock) -> Iterator[TiktokConnector]:
    mine = settings(Access(account="7001", credentials={"access_token": "tok1"}))
    transport = httpx.MockTransport(script)
    connector = TiktokConnector(mine, clock=clock, limits=HttpLimits(), transport=transport)
    yield connector
    connector.close()


def batch(**changes: object) -> UploadBatch:
    values: dict[str, Any] = {
        "audience": ID,
        "action": Action.ADD,
        "session": 77,
        "number": 1,
        "is_last": True,
        "rows": 1,
        "session_rows": 1,
        "kinds": (Kind.EMAIL,),
        "members": pa.table(
            {
                "row": pa.array([1], pa.int32()),
                "kind": pa.array([Kind.EMAIL], pa.uint8()),
                "value": pa.array([bytes(range(32))], pa.binary()),
            }
        ),
    }
    return UploadBatch(**{**values, **changes})


def test_members_and_token_stay_out_of_the_address(tiktok: TiktokConnector, script: Script) -> None:
    script.answers = [OK]
    receipt = tiktok.send(batch())
    (request,) = script.seen
    assert request.method == "POST"
    assert str(request.url) == f"{ROOT}/segment/mapping/"
    assert request.headers["Access-Token"] == "tok1"
    assert "Authorization" not in request.headers
    assert request.headers["Content-Type"] == "application/json"
    assert (receipt.received_rows, receipt.rejected_rows, receipt.unanswered_tries) == (1, 0, 0)
    assert receipt.reference == "20261122A"
    assert receipt.is_settled


@pytest.mark.parametrize("request_id", [None, "", 5, "a b", "x" * 999])
def test_a_receipt_without_a_name_is_still_a_receipt(
    tiktok: TiktokConnector, script: Script, request_id: object
) -> None:
    script.answers = [{**OK, "request_id": request_id}]
    assert tiktok.send(batch()).reference == ""


def test_every_path_ends_with_a_slash_and_lists_are_json_of_texts(
    tiktok: TiktokConnector, script: Script
) -> None:
    details = {"audience_id": ID, "name": "vip", "type": "Partner", "is_valid": True}
    read = {**OK, "data": {"list": [{"audience_details": details}]}}
    script.answers = [{**OK, "data": {"audience_id": ID}}, listing(), read, OK]
    assert tiktok.create("vip", "best customers") == ID
    tiktok.find("vip")
    tiktok.describe(ID)
    tiktok.delete(ID)
    assert [request.url.path for request in script.seen] == [
        "/open_api/v1.3/segment/audience/",
        "/open_api/v1.3/dmp/custom_audience/list/",
        "/open_api/v1.3/dmp/custom_audience/get/",
        "/open_api/v1.3/segment/audience/",
    ]
    create, _, get, delete = script.seen
    assert json.loads(create.content) == {
        "advertiser_id": "7001",
        "action": "create",
        "custom_audience_name": "vip",
    }
    assert dict(get.url.params) == {"advertiser_id": "7001", "custom_audience_ids": f'["{ID}"]'}
    assert json.loads(delete.content) == {
        "advertiser_id": "7001",
        "action": "delete",
        "delete_audience_id": ID,
    }


@pytest.mark.parametrize("answer", [httpx.ReadTimeout("silence"), FAILED, {**OK, "code": 40050}])
def test_a_lost_answer_to_create_is_never_met_by_a_second_create(
    tiktok: TiktokConnector, script: Script, answer: dict[str, Any] | Exception
) -> None:
    script.answers = [answer]
    with pytest.raises(OutcomeUnknownError):
        tiktok.create("vip", "")
    assert len(script.seen) == 1


def test_a_throttled_create_goes_again(
    tiktok: TiktokConnector, script: Script, clock: FakeClock
) -> None:
    script.answers = [
        {**OK, "code": 40100},
        {**OK, "code": 40133},
        {**OK, "data": {"audience_id": ID}},
    ]
    assert tiktok.create("vip", "") == ID
    assert len(clock.slept_s) == 2


def test_a_throttle_that_does_not_end_is_left_to_a_later_run(
    tiktok: TiktokConnector, script: Script, clock: FakeClock
) -> None:
    script.answers = [{**OK, "code": 40100}] * 20
    with pytest.raises(RateLimitError) as caught:
        tiktok.send(batch())
    assert caught.value.details["retry_after_seconds"] == 300
    assert sum(clock.slept_s) <= 60


def test_maintenance_is_not_waited_for(
    tiktok: TiktokConnector, script: Script, clock: FakeClock
) -> None:
    script.answers = [{**OK, "code": 60001}]
    with pytest.raises(MaintenanceError) as caught:
        tiktok.send(batch())
    assert caught.value.details["retry_after_seconds"] == 300
    assert clock.slept_s == []


@pytest.mark.parametrize("answer", [FAILED, {**OK, "code": 20001}, httpx.ReadError("reset")])
def test_members_in_doubt_are_sent_again_and_the_doubt_is_told(
    tiktok: TiktokConnector, script: Script, answer: dict[str, Any] | Exception
) -> None:
    script.answers = [answer, OK]
    assert tiktok.send(batch()).unanswered_tries == 1
    assert script.seen[0].content == script.seen[1].content


def test_a_refusal_after_a_lost_answer_leaves_the_outcome_unknown(
    tiktok: TiktokConnector, script: Script
) -> None:
    script.answers = [FAILED, {**OK, "code": 40002}]
    with pytest.raises(OutcomeUnknownError) as caught:
        tiktok.send(batch())
    assert caught.value.details["ended_with"] == "VALIDATION_ERROR"


def test_pages_are_followed_and_the_oldest_comes_first(
    tiktok: TiktokConnector, script: Script
) -> None:
    young, old = entry("8", create_time="2026-11-22 10:15:01"), entry("9")
    script.answers = [
        listing(young, entry("1", name="VIP"), pages=3),
        listing(young, entry("2", audience_type="Customer File Audience"), pages=3),
        listing(old, entry("10"), pages=3),
    ]
    assert tiktok.find("vip") == ["9", "10", "8"]
    assert [request.url.params["page"] for request in script.seen] == ["1", "2", "3"]


def test_pages_without_end_end(tiktok: TiktokConnector, script: Script) -> None:
    script.answers = [listing(entry("8"), pages=10**9)] * 2
    assert tiktok.find("vip") == ["8"]
    script.answers = [listing(pages=10**9)]
    assert tiktok.find("vip") == []


def test_a_long_name_is_found_as_tiktok_keeps_it(tiktok: TiktokConnector, script: Script) -> None:
    script.answers = [listing(entry("8", name="a" * 67 + "..."), entry("9", name="a" * 67))]
    assert tiktok.find("a" * 90) == ["8"]


def test_an_audience_missing_in_an_account_that_is_there_is_gone(
    tiktok: TiktokConnector, script: Script
) -> None:
    script.answers = [GONE, listing()]
    with pytest.raises(AudienceGoneError) as caught:
        tiktok.send(batch())
    assert caught.value.details["where"] == "platform"
    assert not may_have_applied(caught.value)


def test_an_audience_is_not_called_gone_when_the_account_is_out_of_sight(
    tiktok: TiktokConnector, script: Script
) -> None:
    script.answers = [httpx.ReadError("reset"), GONE, NO_ACCESS]
    with pytest.raises(PermissionDeniedError, match="7001") as caught:
        tiktok.send(batch())
    assert may_have_applied(caught.value)
    assert "where" not in caught.value.details


def test_an_account_that_cannot_be_asked_leaves_the_audience_gone(
    tiktok: TiktokConnector, script: Script
) -> None:
    script.answers = [GONE, FAILED, FAILED, FAILED]
    with pytest.raises(AudienceGoneError):
        tiktok.describe(ID)


def test_an_audience_that_is_listed_is_not_gone(tiktok: TiktokConnector, script: Script) -> None:
    script.answers = [httpx.ReadError("reset"), GONE, listing(entry(ID))]
    with pytest.raises(UnavailableError) as caught:
        tiktok.send(batch())
    assert may_have_applied(caught.value)


def test_an_audience_of_files_is_told_from_one_that_is_gone(
    tiktok: TiktokConnector, script: Script
) -> None:
    files = entry(ID, audience_type="Customer File Audience")
    for call in (lambda: tiktok.send(batch()), lambda: tiktok.delete(ID)):
        script.answers = [GONE, listing(files)]
        with pytest.raises(ValidationError, match="streamed"):
            call()


def test_an_account_that_tiktok_does_not_find_is_no_audience(
    tiktok: TiktokConnector, script: Script
) -> None:
    script.answers = [GONE]
    with pytest.raises(PermissionDeniedError) as caught:
        tiktok.create("vip", "")
    assert caught.value.details["where"] == "account"


def test_deleting_what_is_gone_is_no_error(tiktok: TiktokConnector, script: Script) -> None:
    script.answers = [GONE, listing()]
    tiktok.delete(ID)


def test_the_check_reads_one_audience_and_changes_nothing(
    tiktok: TiktokConnector, script: Script
) -> None:
    script.answers = [listing()]
    tiktok.check_access()
    (request,) = script.seen
    assert request.method == "GET"
    assert request.url.params["page_size"] == "1"
