import json
from typing import Any

import pyarrow as pa
import pytest

from audsync.connectors.meta import wire
from audsync.connectors.meta.spec import SPEC
from audsync.domain import Action, Kind, RemoteId, UploadBatch
from audsync.errors import OutcomeUnknownError

DIGEST = bytes(range(32))
ID = "120230000000000001"
GOOD = {
    "audience_id": ID,
    "session_id": "77",
    "num_received": 2,
    "num_invalid_entries": 1,
    "invalid_entry_samples": {"1": "bad"},
}


def batch(**changes: object) -> UploadBatch:
    values: dict[str, Any] = {
        "audience": RemoteId(ID),
        "action": Action.ADD,
        "session": 77,
        "number": 1,
        "is_last": True,
        "rows": 2,
        "session_rows": 2,
        "kinds": (Kind.EMAIL, Kind.EXTERNAL_ID, Kind.COUNTRY),
        "members": pa.table(
            {
                "row": pa.array([4, 4, 9], pa.int32()),
                "kind": pa.array([Kind.EMAIL, Kind.EXTERNAL_ID, Kind.EXTERNAL_ID], pa.uint8()),
                "value": pa.array([DIGEST, b"crm-1", b"crm-2"], pa.binary()),
            }
        ),
    }
    return UploadBatch(**{**values, **changes})


def payload(batch: UploadBatch) -> dict[str, Any]:
    session = wire.Session(id=1, number=1, is_last=True, rows=1)
    body = json.loads(wire.members_body(wire.members_payload(batch), session))
    found: dict[str, Any] = body["payload"]
    return found


def test_the_schema_is_a_list_of_all_kinds_of_the_session_in_one_order() -> None:
    assert payload(batch()) == {
        "schema": ["EXTERN_ID", "EMAIL", "COUNTRY"],
        "is_raw": True,
        "data": [["crm-1", DIGEST.hex(), ""], ["crm-2", "", ""]],
    }


def test_every_kind_that_the_spec_accepts_has_a_key() -> None:
    for kind in SPEC.accepts:
        members = pa.table(
            {
                "row": pa.array([1], pa.int32()),
                "kind": pa.array([kind], pa.uint8()),
                "value": pa.array([b"plain text, or a digest of it   "], pa.binary()),
            }
        )
        data = payload(batch(kinds=(kind,), members=members))["data"]
        is_raw = kind in {Kind.MOBILE_ID, Kind.EXTERNAL_ID}
        assert data[0][0].startswith("plain text") is is_raw


def test_the_session_frames_the_payload() -> None:
    session = wire.Session(id=2**63 - 1, number=3, is_last=False, rows=25_000)
    body = json.loads(wire.members_body(b'{"payload":{"data":[]}', session))
    assert body == {
        "payload": {"data": []},
        "session": {
            "session_id": 2**63 - 1,
            "batch_seq": 3,
            "last_batch_flag": False,
            "estimated_num_total": 25_000,
        },
    }


def test_a_receipt_never_says_more_of_a_batch_than_its_rows() -> None:
    receipt = wire.receipt({**GOOD, "num_received": 20, "num_invalid_entries": 9}, batch())
    assert (receipt.received_rows, receipt.rejected_rows) == (2, 2)
    assert receipt.reference == "77"


@pytest.mark.parametrize(
    "change",
    [
        {"audience_id": "1"},
        {"audience_id": None},
        {"num_received": -1},
        {"num_received": "2"},
        {"num_received": 10**9},
        {"num_received": None},
        {"num_invalid_entries": -1},
        {"num_invalid_entries": 0.5},
        {"session_id": None},
    ],
)
def test_a_receipt_that_cannot_be_true_is_none(change: dict[str, object]) -> None:
    with pytest.raises(OutcomeUnknownError):
        wire.receipt({**GOOD, **change}, batch())


@pytest.mark.parametrize(
    ("code", "is_usable", "has_note"),
    [
        (200, True, False),
        (441, True, False),
        (410, True, True),
        (411, True, True),
        (414, False, True),
        (415, True, True),
        (471, False, True),
    ],
)
def test_the_operation_status_tells_whether_changes_are_let_in(
    code: int, is_usable: bool, has_note: bool
) -> None:
    answer = {
        "id": ID,
        "name": "vip",
        "approximate_count_lower_bound": 4200,
        "approximate_count_upper_bound": 4900,
        "operation_status": {"code": code, "description": "words"},
        "delivery_status": {"code": 200, "description": "ready"},
    }
    audience = wire.remote_audience(answer)
    assert audience.is_usable is is_usable
    assert bool(audience.note) is has_note
    assert (audience.size_lower, audience.size_upper) == (4200, 4900)


@pytest.mark.parametrize("bound", [None, -1, "4200", True])
def test_a_size_that_is_not_told_is_none(bound: object) -> None:
    answer = {"id": ID, "name": "vip", "approximate_count_lower_bound": bound}
    audience = wire.remote_audience(answer)
    assert audience.size_lower is None
    assert audience.size_upper is None
    assert audience.is_usable
    assert audience.note == ""


def test_an_audience_too_small_to_use_says_so() -> None:
    answer = {"id": ID, "name": "vip", "delivery_status": {"code": 300, "description": "small"}}
    assert wire.remote_audience(answer).note == "delivery_status 300: small"


def test_a_page_holds_customer_lists_of_exactly_the_name() -> None:
    answer = {
        "data": [
            {"id": "3", "name": "vip", "subtype": "CUSTOM", "time_created": 30},
            {"id": "2", "name": "vip", "subtype": "LOOKALIKE", "time_created": 20},
            {"id": "1", "name": "VIP", "subtype": "CUSTOM", "time_created": 10},
        ],
        "paging": {"cursors": {"after": "abc"}, "next": "https://evil.test/?access_token=x"},
    }
    page = wire.page(answer, "vip")
    assert page.audiences == ((30, RemoteId("3")),)
    assert page.after == "abc"


@pytest.mark.parametrize("paging", [None, {}, {"cursors": {"after": "abc"}}])
def test_a_page_without_next_is_the_last(paging: object) -> None:
    assert wire.page({"data": [], "paging": paging}, "vip").after is None


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"data": {}},
        {"data": ["1"]},
        {"data": [{"name": "vip"}]},
        {"data": [], "paging": {"next": "https://x.test"}},
        {"data": [], "paging": {"next": "https://x.test", "cursors": {"after": None}}},
    ],
)
def test_what_is_no_page_is_unusable(answer: dict[str, Any]) -> None:
    with pytest.raises(OutcomeUnknownError):
        wire.page(answer, "vip")
