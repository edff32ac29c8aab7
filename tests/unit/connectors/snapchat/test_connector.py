"""What leaves the machine, seen from outside: addresses, bodies, numbers, order.

Whether Snapchat's rules are met is for the conformance tests, which have an independent witness.
"""

import json

import httpx
import pyarrow as pa
import pytest

from audsync.connectors.contract import may_have_applied
from audsync.connectors.snapchat.connector import SnapchatConnector
from audsync.domain import Action, Kind, RemoteId, UploadBatch
from audsync.errors import (
    AudienceGoneError,
    AudsyncError,
    CredentialsExpiredError,
    OutcomeUnknownError,
    PermissionDeniedError,
    UnavailableError,
)
from tests.unit.connectors.fakes import FakeClock
from tests.unit.connectors.snapchat.script import (
    ACCOUNT,
    ROOT,
    TOKEN,
    Says,
    Script,
    Step,
    connected,
    error,
    success,
)

ID = RemoteId("5000000000000001")
DIGEST = bytes(range(32))
PAGE = success()
TAKEN = success("users", number_uploaded_users=1)
GONE = error("E3004", 404)


def batch(action: Action = Action.ADD) -> UploadBatch:
    members = {
        "row": pa.array([1], pa.int32()),
        "kind": pa.array([Kind.PHONE], pa.uint8()),
        "value": pa.array([DIGEST], pa.binary()),
    }
    return UploadBatch(
        audience=ID,
        action=action,
        session=77,
        number=2,
        is_last=False,
        rows=1,
        session_rows=30,
        kinds=(Kind.EMAIL, Kind.PHONE),
        members=pa.table(members),
    )


@pytest.mark.parametrize(("action", "method"), [(Action.ADD, "POST"), (Action.REMOVE, "DELETE")])
def test_members_travel_in_the_body_and_the_token_in_its_header(
    snapchat: SnapchatConnector, script: Script, action: Action, method: str
) -> None:
    script.answers = [TAKEN]
    receipt = snapchat.send(batch(action))
    (request,) = script.seen
    assert request.method == method
    assert str(request.url) == f"{ROOT}/segments/{ID}/users"
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert request.headers["Content-Type"] == "application/json"
    users = [{"id": ID, "schema": ["PHONE_SHA256"], "data": [[DIGEST.hex()]]}]
    assert script.bodies() == [{"users": users}]
    assert (receipt.received_rows, receipt.reference) == (1, "6740a1c5")


def test_calls_without_members_have_no_body(snapchat: SnapchatConnector, script: Script) -> None:
    script.answers = [success(id=ID), PAGE]
    snapchat.wipe(ID)
    snapchat.delete(ID)
    assert [(request.method, str(request.url)) for request in script.seen] == [
        ("DELETE", f"{ROOT}/segments/{ID}/all_users"),
        ("DELETE", f"{ROOT}/segments/{ID}"),
    ]
    assert [request.content for request in script.seen] == [b"", b""]


def test_an_audience_is_created_with_what_was_configured(script: Script, clock: FakeClock) -> None:
    snapchat = connected(script, clock, options={"retention_days": 90})
    script.answers = [success(id=ID)]
    assert snapchat.create("vip", "best customers") == ID
    snapchat.close()
    assert str(script.seen[0].url) == f"{ROOT}/adaccounts/{ACCOUNT}/segments"
    wanted = {
        "name": "vip",
        "ad_account_id": ACCOUNT,
        "source_type": "FIRST_PARTY",
        "retention_in_days": 90,
        "description": "best customers",
    }
    assert script.bodies() == [{"segments": [wanted]}]


@pytest.mark.parametrize(
    "step",
    [
        httpx.ReadTimeout("silence"),
        httpx.ReadError("reset"),
        Says(500),
        Says(502, "<html>"),
        Says(200, "<html>"),
        {},
        {"request_status": "SUCCESS"},
        PAGE,
        success(id="../me"),
        error("E4001", 200),
        Says(200, "x" * 2_000_000),
    ],
)
def test_a_lost_answer_to_create_is_never_met_by_a_second_create(
    snapchat: SnapchatConnector, script: Script, step: Step
) -> None:
    script.answers = [step]
    with pytest.raises(OutcomeUnknownError):
        snapchat.create("vip", "")
    assert len(script.seen) == 1


@pytest.mark.parametrize("step", [Says(429), Says(503, {"request_status": "ERROR"})])
def test_a_create_that_was_surely_not_taken_is_made_again(
    snapchat: SnapchatConnector, script: Script, step: Step
) -> None:
    script.answers = [step, success(id=ID)]
    assert snapchat.create("vip", "") == ID


@pytest.mark.parametrize(
    "step",
    [
        httpx.ReadError("reset"),
        Says(500),
        {},
        success("users", number_uploaded_users=0),
        {**TAKEN, "request_status": "ERROR"},
        error("E4001", 200),
    ],
)
def test_one_lost_answer_to_an_upload_is_made_good_and_told(
    snapchat: SnapchatConnector, script: Script, step: Step
) -> None:
    script.answers = [step, TAKEN]
    assert snapchat.send(batch()).unanswered_tries == 1
    assert script.seen[0].content == script.seen[1].content


def test_a_count_that_stays_too_low_leaves_the_outcome_unknown(
    snapchat: SnapchatConnector, script: Script
) -> None:
    script.answers = [success("users", number_uploaded_users=0)] * 3
    with pytest.raises(OutcomeUnknownError) as caught:
        snapchat.send(batch())
    assert caught.value.details == {"field": "number_uploaded_users", "unanswered_tries": 3}
    assert caught.value.exit_code == 6


def test_a_new_audience_that_is_not_there_yet_is_waited_for(
    snapchat: SnapchatConnector, script: Script, clock: FakeClock
) -> None:
    script.answers = [success(id=ID), GONE, GONE, TAKEN]
    snapchat.create("vip", "")
    assert snapchat.send(batch()).unanswered_tries == 0
    assert len(clock.slept_s) == 2


@pytest.mark.parametrize(
    "gone", [GONE, error("E3004", 200), Says(410, {"request_status": "ERROR"})]
)
def test_an_audience_that_is_not_there_is_gone_if_the_account_is_seen(
    snapchat: SnapchatConnector, script: Script, clock: FakeClock, gone: Step
) -> None:
    script.answers = [gone, PAGE]
    with pytest.raises(AudienceGoneError) as caught:
        snapchat.send(batch())
    assert caught.value.details["where"] == "platform"
    assert str(script.seen[1].url) == f"{ROOT}/adaccounts/{ACCOUNT}/segments?limit=50"
    assert clock.slept_s == []


@pytest.mark.parametrize("account", [GONE, error("E3002", 403)])
def test_an_audience_is_not_called_gone_when_the_whole_account_is_out_of_sight(
    snapchat: SnapchatConnector, script: Script, account: Step
) -> None:
    script.answers = [httpx.ReadError("reset"), GONE, account]
    with pytest.raises(PermissionDeniedError, match=ACCOUNT) as caught:
        snapchat.send(batch())
    assert may_have_applied(caught.value)
    script.answers = [GONE, account]
    with pytest.raises(PermissionDeniedError) as caught:
        snapchat.delete(ID)
    assert not may_have_applied(caught.value)


def test_an_audience_is_not_called_gone_while_the_account_cannot_be_asked(
    snapchat: SnapchatConnector, script: Script
) -> None:
    failing: list[Step] = [Says(500)] * 3
    script.answers = [GONE, *failing]
    with pytest.raises(UnavailableError) as caught:
        snapchat.send(batch())
    assert not may_have_applied(caught.value)
    script.answers = [httpx.ReadError("reset"), GONE, *failing]
    with pytest.raises(OutcomeUnknownError) as doubtful:
        snapchat.send(batch())
    assert doubtful.value.details["unanswered_tries"] == 1


def test_what_snapchat_calls_deleted_is_gone(snapchat: SnapchatConnector, script: Script) -> None:
    script.answers = [success(id=ID, name="vip", status="DELETED")]
    with pytest.raises(AudienceGoneError):
        snapchat.describe(ID)


def test_deleting_what_is_gone_is_no_error(snapchat: SnapchatConnector, script: Script) -> None:
    script.answers = [error("E3004", 200), PAGE]
    snapchat.delete(ID)
    assert len(script.seen) == 2


def page(number: int, link: str | None) -> dict[str, object]:
    entry = {"id": str(number), "name": "vip", "created_at": f"2026-11-2{number}T10:15:00.123Z"}
    return {**success(**entry), "paging": {"next_link": link} if link else {}}


@pytest.mark.parametrize("host", ["https://adsapi.snapchat.com/v1", "https://elsewhere.test/v1"])
def test_pages_are_followed_on_our_own_address_only(
    script: Script, clock: FakeClock, host: str
) -> None:
    snapchat = connected(script, clock, base_url="http://proxy.test/prefix/")
    link = f"{host}/adaccounts/{ACCOUNT}/segments?cursor=c%3D1&limit=100"
    script.answers = [page(2, link), page(1, None)]
    assert snapchat.find("vip") == ["1", "2"]
    snapchat.close()
    below = f"http://proxy.test/prefix/v1/adaccounts/{ACCOUNT}/segments"
    assert [str(request.url) for request in script.seen] == [
        f"{below}?limit=100",
        f"{below}?cursor=c%3D1&limit=100",
    ]


def test_pages_that_lead_out_of_the_account_are_not_followed(
    snapchat: SnapchatConnector, script: Script
) -> None:
    script.answers = [page(1, "https://adsapi.snapchat.com/v1/adaccounts/x/segments?cursor=1")] * 3
    with pytest.raises(UnavailableError):
        snapchat.find("vip")
    assert {str(request.url) for request in script.seen} == {
        f"{ROOT}/adaccounts/{ACCOUNT}/segments?limit=100"
    }


def test_pages_that_go_in_circles_end(snapchat: SnapchatConnector, script: Script) -> None:
    link = f"{ROOT}/adaccounts/{ACCOUNT}/segments?cursor=c1"
    script.answers = [page(1, link), page(2, link)]
    assert snapchat.find("vip") == ["1", "2"]


def test_pages_that_never_end_are_given_up(snapchat: SnapchatConnector, script: Script) -> None:
    link = f"{ROOT}/adaccounts/{ACCOUNT}/segments?cursor="
    script.answers = [page(1, f"{link}{number}") for number in range(1_001)]
    with pytest.raises(UnavailableError, match="never ends"):
        snapchat.find("vip")


def test_a_connector_says_which_version_it_speaks(script: Script, clock: FakeClock) -> None:
    snapchat = connected(script, clock, api_version="v2")
    assert snapchat.spec.api_version == "v2"
    snapchat.close()


@pytest.mark.parametrize(
    "step",
    [
        Says(400, DIGEST.hex()),
        Says(401, DIGEST.hex()),
        Says(500, DIGEST.hex()),
        Says(200, f"[[{DIGEST.hex()}"),
        Says(400, {"request_status": "ERROR", "debug_message": f"bad {DIGEST.hex()} {TOKEN}"}),
        {"request_status": "ERROR", "users": [{"sub_request_status": f"no {DIGEST.hex()}"}]},
        httpx.RemoteProtocolError(f"illegal line {DIGEST.hex()}"),
    ],
)
def test_no_error_holds_a_value_or_a_secret(
    snapchat: SnapchatConnector, script: Script, step: Step
) -> None:
    script.grants = [*script.grants, Says(400, {"error": "invalid_grant", "hint": "s3cret"})]
    script.answers = [step] * 3
    with pytest.raises(AudsyncError) as caught:
        snapchat.send(batch())
    told = f"{caught.value!r} {json.dumps(caught.value.as_json())}"
    for hidden in (DIGEST.hex(), TOKEN, "s3cret", "r3fresh-1", "cl-1"):
        assert hidden not in told


def test_a_user_who_lost_the_way_in_during_the_work_leaves_no_doubt(
    snapchat: SnapchatConnector, script: Script
) -> None:
    script.grants = [*script.grants, Says(400, {"error": "invalid_grant"})]
    script.answers = [Says(401, "unauthorized")]
    with pytest.raises(CredentialsExpiredError) as caught:
        snapchat.send(batch())
    assert not may_have_applied(caught.value)
