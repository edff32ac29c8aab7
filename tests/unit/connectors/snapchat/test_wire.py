import json
from typing import Any

import pyarrow as pa
import pytest

from audsync.connectors.snapchat import wire
from audsync.connectors.snapchat.spec import SPEC
from audsync.domain import Action, Kind, RemoteId, UploadBatch
from audsync.errors import OutcomeUnknownError

ID = RemoteId("5000000000000001")
ANN, BEN = bytes(range(32)), bytes(range(32, 64))
PATH = "/adaccounts/acc-1/segments"
LINK = f"https://adsapi.snapchat.com/v1{PATH}?cursor=c2ltLTUw&limit=50"
GOOD = {
    "request_status": "SUCCESS",
    "request_id": "6740a1c5",
    "users": [{"sub_request_status": "SUCCESS", "user": {"number_uploaded_users": 2}}],
}


def batch(*kinds: Kind) -> UploadBatch:
    kinds = kinds or (Kind.EMAIL, Kind.EMAIL)
    return UploadBatch(
        audience=ID,
        action=Action.ADD,
        session=77,
        number=1,
        is_last=True,
        rows=len(kinds),
        session_rows=len(kinds),
        kinds=tuple(sorted(set(kinds))),
        members=pa.table(
            {
                "row": pa.array(range(4, 4 + len(kinds)), pa.int32()),
                "kind": pa.array([int(kind) for kind in kinds], pa.uint8()),
                "value": pa.array([ANN, BEN][: len(kinds)], pa.binary()),
            }
        ),
    )


def about(segment: object) -> dict[str, Any]:
    return {"segments": [{"sub_request_status": "SUCCESS", "segment": segment}]}


def test_a_request_says_its_one_kind_and_one_value_a_row() -> None:
    assert json.loads(wire.members_body(batch())) == {
        "users": [{"id": ID, "schema": ["EMAIL_SHA256"], "data": [[ANN.hex()], [BEN.hex()]]}]
    }


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        (Kind.EMAIL, "EMAIL_SHA256"),
        (Kind.PHONE, "PHONE_SHA256"),
        (Kind.MOBILE_ID, "MOBILE_AD_ID_SHA256"),
    ],
)
def test_every_kind_that_the_spec_accepts_has_a_schema(kind: Kind, schema: str) -> None:
    assert kind in SPEC.accepts
    assert len(SPEC.accepts) == 3
    assert json.loads(wire.members_body(batch(kind)))["users"][0]["schema"] == [schema]


def test_two_kinds_in_one_request_are_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="email, phone") as caught:
        wire.members_body(batch(Kind.EMAIL, Kind.PHONE))
    assert ANN.hex() not in str(caught.value)


def test_a_new_segment_has_no_empty_description() -> None:
    def body(description: str) -> object:
        text = wire.new_segment(
            account="acc-1", name="vip", description=description, retention_days=365
        )
        return json.loads(text)

    wanted = {
        "name": "vip",
        "ad_account_id": "acc-1",
        "source_type": "FIRST_PARTY",
        "retention_in_days": 365,
    }
    assert body("") == {"segments": [wanted]}
    assert body("best") == {"segments": [{**wanted, "description": "best"}]}


def test_a_receipt_has_the_name_of_its_request() -> None:
    receipt = wire.receipt(GOOD, batch())
    assert (receipt.received_rows, receipt.rejected_rows) == (2, 0)
    assert receipt.reference == "6740a1c5"


@pytest.mark.parametrize("name", [None, 5, "a b", "x" * 1_000])
def test_a_request_without_a_usable_name_is_still_a_request(name: object) -> None:
    assert wire.receipt({**GOOD, "request_id": name}, batch()).reference == ""


@pytest.mark.parametrize("count", [0, 1, -1, "2", 2.0, True, None])
def test_a_count_below_what_was_sent_leaves_nothing_certain(count: object) -> None:
    users = [{"sub_request_status": "SUCCESS", "user": {"number_uploaded_users": count}}]
    with pytest.raises(OutcomeUnknownError):
        wire.receipt({**GOOD, "users": users}, batch())


@pytest.mark.parametrize(
    "users",
    [
        None,
        {},
        [],
        [None],
        [{}],
        [{"sub_request_status": "SUCCESS"}],
        [{"sub_request_status": "SUCCESS", "user": []}],
        [{"user": {"number_uploaded_users": 2}}],
        [{"sub_request_status": "SUCCESS", "number_uploaded_users": 2}],
        GOOD["users"] * 2,  # type: ignore[operator]  # a list twice
    ],
)
def test_a_receipt_that_cannot_be_read_is_none(users: object) -> None:
    with pytest.raises(OutcomeUnknownError):
        wire.receipt({**GOOD, "users": users}, batch())


@pytest.mark.parametrize(
    ("states", "note"),
    [
        ({"targetable_status": "READY", "upload_status": "COMPLETE"}, ""),
        (
            {"targetable_status": "NOT_READY", "upload_status": "PROCESSING"},
            "targetable_status NOT_READY; upload_status PROCESSING",
        ),
        (
            {"targetable_status": "TOO_FEW_USERS", "upload_status": "COMPLETE"},
            "targetable_status TOO_FEW_USERS",
        ),
        ({"targetable_status": 5}, ""),
        ({}, ""),
    ],
)
def test_a_segment_takes_changes_in_every_state_and_the_state_is_told(
    states: dict[str, object], note: str
) -> None:
    segment = {"id": ID, "name": "vip", "approximate_number_users": 42_000, **states}
    audience = wire.remote_audience(about(segment), ID)
    assert audience is not None
    assert audience.is_usable
    assert audience.note == note
    assert (audience.size_lower, audience.size_upper) == (42_000, 42_000)


@pytest.mark.parametrize(
    ("size", "expected"),
    [(0, (0, None)), (None, (None, None)), (-1, (None, None)), ("7", (None,) * 2)],
)
def test_a_size_of_nought_may_be_any_small_one(
    size: object, expected: tuple[int | None, int | None]
) -> None:
    segment = {"id": ID, "name": "vip", "approximate_number_users": size}
    audience = wire.remote_audience(about(segment), ID)
    assert audience is not None
    assert (audience.size_lower, audience.size_upper) == expected


def test_a_deleted_segment_is_no_audience() -> None:
    segment = {"id": ID, "name": "vip", "status": "DELETED"}
    assert wire.remote_audience(about(segment), ID) is None


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"segments": []},
        about(None),
        about({"id": ID}),
        about({"id": "5000000000000002", "name": "vip"}),
        about({"name": "vip"}),
    ],
)
def test_what_is_no_such_segment_is_unusable(answer: dict[str, Any]) -> None:
    with pytest.raises(OutcomeUnknownError):
        wire.remote_audience(answer, ID)


@pytest.mark.parametrize("hostile", ["../me", "a/b", "", "a?b", "x" * 65, None, 1.5])
def test_an_id_that_would_lead_elsewhere_is_unusable(hostile: object) -> None:
    with pytest.raises(OutcomeUnknownError):
        wire.segment_id(about({"id": hostile}))


def test_a_page_holds_customer_lists_of_exactly_the_name() -> None:
    entries = [
        {"id": "4", "name": "vip", "source_type": "FIRST_PARTY", "created_at": "2026-11-22T10"},
        {"id": "3", "name": "vip", "source_type": "LOOKALIKE"},
        {"id": "2", "name": "VIP", "source_type": "FIRST_PARTY"},
        {"id": "1", "name": "vip", "source_type": "FIRST_PARTY", "status": "DELETED"},
    ]
    answer = {"segments": [{"segment": entry} for entry in entries], "paging": {"next_link": LINK}}
    page = wire.page(answer, "vip", PATH)
    assert page.audiences == (("2026-11-22T10", RemoteId("4")),)
    assert page.next_query == "cursor=c2ltLTUw&limit=50"


@pytest.mark.parametrize("paging", [None, {}, {"next_link": None}, {"next_link": ""}])
def test_a_page_without_a_link_is_the_last(paging: object) -> None:
    assert wire.page({"segments": [], "paging": paging}, "vip", PATH).next_query is None


@pytest.mark.parametrize(
    "link",
    [
        5,
        "https://adsapi.snapchat.com/v1/me?cursor=1",
        f"https://adsapi.snapchat.com/v1{PATH}",
        f"https://adsapi.snapchat.com/v1{PATH}?cursor",
        f"https://adsapi.snapchat.com/v1{PATH}?cursor= 1",
        f"https://adsapi.snapchat.com/v1{PATH}?cursor=é",
        f"https://[x/v1{PATH}?cursor=1",
        f"{LINK}{'x' * 5_000}",
    ],
)
def test_a_link_to_something_else_is_unusable(link: object) -> None:
    with pytest.raises(OutcomeUnknownError):
        wire.page({"segments": [], "paging": {"next_link": link}}, "vip", PATH)


@pytest.mark.parametrize(
    "answer", [{}, {"segments": {}}, {"segments": ["1"]}, {"segments": [{"segment": None}]}]
)
def test_what_is_no_page_is_unusable(answer: dict[str, Any]) -> None:
    with pytest.raises(OutcomeUnknownError):
        wire.page(answer, "vip", PATH)
    with pytest.raises(OutcomeUnknownError):
        wire.seen(answer)


def test_a_segment_found_without_an_id_is_unusable() -> None:
    with pytest.raises(OutcomeUnknownError):
        wire.page({"segments": [{"segment": {"name": "vip"}}]}, "vip", PATH)
