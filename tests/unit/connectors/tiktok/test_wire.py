import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from audsync.connectors.tiktok import wire
from audsync.connectors.tiktok.spec import SPEC
from audsync.domain import Action, Kind, RemoteAudience, RemoteId, UploadBatch
from audsync.errors import AudienceGoneError, OutcomeUnknownError

FIRST, SECOND, THIRD = bytes(range(32)), bytes(range(1, 33)), bytes(range(2, 34))
ID = RemoteId("900000000000000001")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DETAILS = {
    "audience_id": ID,
    "name": "vip",
    "type": "Partner",
    "cover_num": 4200,
    "is_valid": True,
    "is_expiring": False,
    "create_time": "2026-06-01 10:15:00",
    "expired_time": "2027-11-22 10:15:00",
    "msg": None,
    "error_msg": None,
}


def batch(**changes: object) -> UploadBatch:
    values: dict[str, Any] = {
        "audience": ID,
        "action": Action.ADD,
        "session": 77,
        "number": 1,
        "is_last": True,
        "rows": 2,
        "session_rows": 2,
        "kinds": (Kind.EMAIL, Kind.PHONE, Kind.MOBILE_ID),
        "members": pa.table(
            {
                "row": pa.array([4, 4, 9], pa.int32()),
                "kind": pa.array([Kind.EMAIL, Kind.MOBILE_ID, Kind.PHONE], pa.uint8()),
                "value": pa.array([FIRST, SECOND, THIRD], pa.binary()),
            }
        ),
    }
    return UploadBatch(**{**values, **changes})


def described(history: object = None, **changes: object) -> RemoteAudience:
    entry = {"audience_details": {**DETAILS, **changes}, "audience_history": history}
    return wire.remote_audience({"data": {"list": [entry]}}, ID, NOW)


@pytest.mark.parametrize(("action", "verb"), [(Action.ADD, "add"), (Action.REMOVE, "delete")])
def test_every_slot_stands_where_the_schema_says(action: Action, verb: str) -> None:
    def slot(value: bytes) -> dict[str, Any]:
        return {"id": value.hex(), "audience_ids": [ID]}

    assert json.loads(wire.mapping_body(batch(action=action), "7001")) == {
        "advertiser_ids": ["7001"],
        "action": verb,
        "id_schema": ["EMAIL_SHA256", "PHONE_SHA256", "IDFA_SHA256"],
        "batch_data": [[slot(FIRST), {}, slot(SECOND)], [{}, slot(THIRD), {}]],
    }


def test_an_audience_id_is_data_whatever_it_holds() -> None:
    odd = RemoteId('{}"]}$0')
    body = json.loads(wire.mapping_body(batch(audience=odd), "7001"))
    assert body["batch_data"][0][0]["audience_ids"] == [odd]


@pytest.mark.parametrize("kind", SPEC.accepts)
def test_every_kind_that_the_spec_accepts_has_a_label(kind: Kind) -> None:
    members = pa.table(
        {
            "row": pa.array([1], pa.int32()),
            "kind": pa.array([kind], pa.uint8()),
            "value": pa.array([FIRST], pa.binary()),
        }
    )
    body = json.loads(wire.mapping_body(batch(kinds=(kind,), members=members), "7001"))
    assert len(body["id_schema"]) == 1
    assert body["batch_data"][0][0]["id"] == FIRST.hex()


@pytest.mark.parametrize(
    ("name", "stored"),
    [("a" * 70, "a" * 70), ("a" * 71, "a" * 67 + "..."), ("é" * 200, "é" * 67 + "...")],
)
def test_a_name_is_known_as_tiktok_cuts_it(name: str, stored: str) -> None:
    assert wire.stored_name(name) == stored


def test_a_valid_audience_needs_no_words() -> None:
    audience = described()
    assert (audience.id, audience.name) == (ID, "vip")
    assert (audience.size_lower, audience.size_upper) == (4200, 4200)
    assert audience.is_usable
    assert audience.note == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"is_valid": False, "create_time": "2026-11-21 10:15:00"}, "being matched"),
        ({"is_valid": False, "cover_num": 800}, "too small"),
        ({"is_valid": False, "cover_num": 0}, "too small"),
        ({"is_valid": False, "cover_num": None}, "not valid"),
        ({"is_valid": False}, "not valid"),
        ({"is_valid": None}, "not valid"),
        ({"is_valid": False, "error_msg": "it broke"}, "it broke"),
        ({"is_expiring": True}, "expires on 2027-11-22"),
        ({"is_valid": False, "expired_time": "2026-11-22 11:00:00"}, "expired on 2026-11-22"),
    ],
)
def test_a_state_is_told_and_keeps_no_change_out(changes: dict[str, object], words: str) -> None:
    audience = described(**changes)
    assert words in audience.note
    assert audience.is_usable


def test_an_audience_of_another_path_takes_no_changes_from_us() -> None:
    audience = described(type="Customer File Audience")
    assert not audience.is_usable
    assert "Customer File Audience" in audience.note


def test_an_edit_of_yesterday_starts_the_matching_anew() -> None:
    yesterday = f"{NOW - timedelta(days=1):%Y-%m-%d %H:%M:%S}"
    history = [{"opt_time": "2026-06-01 10:15:00"}, {"opt_time": yesterday}, "junk", {}]
    assert "being matched" in described(history, is_valid=False, cover_num=800).note
    assert "too small" in described(history[:1], is_valid=False, cover_num=800).note


@pytest.mark.parametrize("count", [None, -1, "4200", True, 1.5])
def test_a_size_that_is_not_told_is_none(count: object) -> None:
    assert described(cover_num=count).size_lower is None


def test_people_not_counted_yet_are_not_nobody() -> None:
    fresh = {"is_valid": False, "create_time": "2026-11-22 10:15:00", "cover_num": 0}
    assert described(**fresh).size_upper is None
    assert described(is_valid=False, cover_num=0).size_upper == 0


@pytest.mark.parametrize("text", [None, 5, "soon", "2026-13-45 00:00:00", ""])
def test_a_moment_that_cannot_be_read_is_none(text: object) -> None:
    assert described(expired_time=text, create_time=text, is_expiring=True).note == ""


def test_an_audience_that_is_not_in_the_answer_is_gone() -> None:
    other = {"audience_details": {**DETAILS, "audience_id": "1"}}
    for entries in ([], [other], [{"audience_details": None}]):
        with pytest.raises(AudienceGoneError):
            wire.remote_audience({"data": {"list": entries}}, ID, NOW)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"data": None},
        {"data": {}},
        {"data": {"list": {}}},
        {"data": {"list": ["1"]}},
        {"data": {"list": [{"audience_details": {"name": "vip"}}]}},
        {"data": {"list": [{"audience_details": {**DETAILS, "name": None}}]}},
    ],
)
def test_what_is_no_audience_is_unusable(answer: dict[str, Any]) -> None:
    with pytest.raises(OutcomeUnknownError):
        wire.remote_audience(answer, ID, NOW)


@pytest.mark.parametrize("data", [None, [], {}, {"audience_id": ""}, {"audience_id": None}])
def test_a_creation_without_an_id_is_unusable(data: object) -> None:
    with pytest.raises(OutcomeUnknownError):
        wire.created({"data": data})
