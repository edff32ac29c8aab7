"""Bodies as Google's own client library reads them, and answers as its guides print them."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
import pytest
from google.ads import datamanager_v1 as vendor
from google.protobuf import json_format

from audsync.connectors.google import wire
from audsync.connectors.google.settings import Settings, settings
from audsync.domain import Action, Kind, RemoteAudience, RemoteId, UploadBatch
from audsync.errors import OutcomeUnknownError
from tests.unit.connectors.google.accounts import APP, access

LIST = RemoteId("8765432109")
ANN, BEN = bytes(range(32)), bytes(range(1, 33))
REMOTE: dict[str, Any] = {
    "name": "accountTypes/GOOGLE_ADS/accounts/1234567890/userLists/8765432109",
    "id": "8765432109",
    "displayName": "audsync_newsletter",
    "membershipStatus": "OPEN",
    "sizeInfo": {
        "displayNetworkMembersCount": "1200",
        "searchNetworkMembersCount": "900",
        "youtubeMembersCount": 1100,
    },
    "ingestedUserListInfo": {
        "uploadKeyTypes": ["CONTACT_ID"],
        "contactIdInfo": {
            "dataSourceType": "DATA_SOURCE_TYPE_FIRST_PARTY",
            "matchRatePercentage": 61,
        },
    },
}


def mine(**options: object) -> Settings:
    return settings(access(options=options))


def batch(*cells: tuple[int, Kind, bytes], action: Action = Action.ADD) -> UploadBatch:
    rows = {row for row, _, _ in cells}
    return UploadBatch(
        audience=LIST,
        action=action,
        session=1,
        number=1,
        is_last=True,
        rows=len(rows),
        session_rows=len(rows),
        kinds=tuple(sorted({kind for _, kind, _ in cells})),
        members=pa.table(
            {
                "row": pa.array([row for row, _, _ in cells], pa.int32()),
                "kind": pa.array([kind for _, kind, _ in cells], pa.uint8()),
                "value": pa.array([value for _, _, value in cells], pa.binary()),
            }
        ),
    )


def read_by_google(body: bytes, message: Any) -> Any:  # noqa: ANN401 - the vendor's own types
    """`body` in the vendor's form; unknown fields and words are errors."""
    return json_format.Parse(body, message.pb()())


def test_contacts_travel_a_person_an_entry() -> None:
    body = wire.members_body(
        mine(), batch((4, Kind.EMAIL, ANN), (4, Kind.PHONE, BEN), (9, Kind.PHONE, ANN))
    )
    read = read_by_google(body, vendor.IngestAudienceMembersRequest)
    people = [
        [
            (found.WhichOneof("identifier"), found.email_address or found.phone_number)
            for found in member.composite_data.user_data.user_identifiers
        ]
        for member in read.audience_members
    ]
    assert people == [
        [("email_address", ANN.hex()), ("phone_number", BEN.hex())],
        [("phone_number", ANN.hex())],
    ]
    assert json.loads(body)["encoding"] == "HEX"
    assert json.loads(body)["consent"] == {
        "adUserData": "CONSENT_GRANTED",
        "adPersonalization": "CONSENT_DENIED",
    }
    assert json.loads(body)["termsOfService"] == {"customerMatchTermsOfServiceStatus": "ACCEPTED"}
    (place,) = read.destinations
    assert place.operating_account.account_id == "1234567890"
    assert place.product_destination_id == LIST
    assert "loginAccount" not in json.loads(body)["destinations"][0]


def consents(body: bytes) -> list[tuple[str, str] | None]:
    """What Google's own library reads of each member's consent; None where it says nothing."""
    read = read_by_google(body, vendor.IngestAudienceMembersRequest)
    told = vendor.ConsentStatus
    return [
        (told(member.consent.ad_user_data).name, told(member.consent.ad_personalization).name)
        if member.HasField("consent")
        else None
        for member in read.audience_members
    ]


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({}, Kind.EMAIL),
        ({"list_kind": "mobile", **APP}, Kind.MOBILE_ID),
        ({"list_kind": "user_id"}, Kind.EXTERNAL_ID),
    ],
)
def test_a_member_says_what_it_agreed_to_and_never_half_of_it(
    options: dict[str, object], kind: Kind
) -> None:
    value = ANN if kind is Kind.EMAIL else b"id"
    body = wire.members_body(
        mine(**options),  # granted, and denied
        batch(
            (0, kind, value),
            (0, Kind.AD_USER_DATA, b"DENIED"),
            (0, Kind.AD_PERSONALIZATION, b"GRANTED"),
            (1, kind, value),
            (1, Kind.AD_USER_DATA, b"DENIED"),
            (2, kind, value),
            (2, Kind.AD_PERSONALIZATION, b"GRANTED"),
            (3, kind, value),
        ),
    )
    granted, denied = "CONSENT_GRANTED", "CONSENT_DENIED"
    assert consents(body) == [(denied, granted), (denied, denied), (granted, granted), None]
    assert json.loads(body)["consent"] == {"adUserData": granted, "adPersonalization": denied}


def test_where_nobody_says_anything_the_request_alone_speaks() -> None:
    assert consents(wire.members_body(mine(), batch((0, Kind.EMAIL, ANN)))) == [None]


def test_a_removal_has_neither_consent_nor_terms() -> None:
    body = wire.members_body(mine(), batch((1, Kind.EMAIL, ANN), action=Action.REMOVE))
    read = read_by_google(body, vendor.RemoveAudienceMembersRequest)
    assert len(read.audience_members) == 1
    assert {"consent", "termsOfService"}.isdisjoint(json.loads(body))


def test_mobile_ids_and_ids_of_ones_own_travel_as_they_are() -> None:
    body = wire.members_body(
        mine(list_kind="mobile", **APP), batch((1, Kind.MOBILE_ID, b"AEBE52E7-03EE"))
    )
    read = read_by_google(body, vendor.IngestAudienceMembersRequest)
    assert list(read.audience_members[0].mobile_data.mobile_ids) == ["AEBE52E7-03EE"]
    assert "encoding" not in json.loads(body)
    ids = [(1, Kind.EXTERNAL_ID, b'a"%s\\'), (2, Kind.EXTERNAL_ID, "ü".encode())]
    body = wire.members_body(mine(list_kind="user_id"), batch(*ids))
    read = read_by_google(body, vendor.IngestAudienceMembersRequest)
    assert [member.user_id_data.user_id for member in read.audience_members] == ['a"%s\\', "ü"]


def test_a_manager_account_is_named_in_each_destination() -> None:
    body = wire.members_body(mine(login_account="98"), batch((1, Kind.EMAIL, ANN)))
    (place,) = read_by_google(body, vendor.IngestAudienceMembersRequest).destinations
    assert place.login_account.account_id == "98"


def test_a_sweep_always_says_as_of_when() -> None:
    moment = datetime(2026, 11, 22, 11, 0, 0, 900_000, timezone(timedelta(hours=1)))
    body = wire.sweep_body(mine(), LIST, moment)
    assert json.loads(body)["removeAsOfTime"] == "2026-11-22T10:00:00Z"
    read = read_by_google(body, vendor.RemoveAllAudienceMembersRequest)
    assert read.remove_as_of_time.ToDatetime(UTC) == datetime(2026, 11, 22, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("options", "key_type", "info"),
    [
        ({}, "CONTACT_ID", "contactIdInfo"),
        ({"list_kind": "mobile", **APP}, "MOBILE_ID", "mobileIdInfo"),
        ({"list_kind": "user_id"}, "USER_ID", "userIdInfo"),
    ],
)
def test_a_new_list_is_of_one_kind(options: dict[str, Any], key_type: str, info: str) -> None:
    body = wire.new_list(mine(membership_days=30, **options), "vip", "best customers")
    read_by_google(json.dumps(body).encode(), vendor.UserList)
    assert body["membershipDuration"] == "2592000s"
    assert body["ingestedUserListInfo"]["uploadKeyTypes"] == [key_type]
    told = body["ingestedUserListInfo"][info]
    app = {"keySpace": "ANDROID", "appId": "com.example.shop"} if options.get("app_id") else {}
    assert told == {"dataSourceType": "DATA_SOURCE_TYPE_FIRST_PARTY", **app}
    assert "description" not in wire.new_list(mine(), "vip", "")


def test_a_list_is_described_by_its_networks() -> None:
    assert wire.remote_audience(REMOTE, mine()) == RemoteAudience(
        id=LIST,
        name="audsync_newsletter",
        size_lower=900,
        size_upper=1200,
        matched_percent=61,
    )


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        (
            {"membershipStatus": "CLOSED", "closingReason": "UNUSED"},
            "membershipStatus CLOSED; closingReason UNUSED",
        ),
        ({"readOnly": True}, "read-only; membershipStatus OPEN"),
        ({"membershipStatus": {"x": "mary@example.com"}}, "takes no changes"),
    ],
)
def test_a_list_that_takes_no_changes_says_why(changes: dict[str, Any], note: str) -> None:
    told = wire.remote_audience({**REMOTE, **changes}, mine())
    assert not told.is_usable
    assert told.note == note


@pytest.mark.parametrize(
    "sizes",
    [
        None,
        {},
        [],
        {"displayNetworkMembersCount": "0", "searchNetworkMembersCount": 0},
        {"displayNetworkMembersCount": "-5", "searchNetworkMembersCount": True},
        {"displayNetworkMembersCount": "9" * 40, "searchNetworkMembersCount": "\uff11\uff12"},
    ],
)
def test_sizes_that_are_not_told_yet_are_unknown(sizes: object) -> None:
    told = wire.remote_audience({**REMOTE, "sizeInfo": sizes}, mine())
    assert (told.size_lower, told.size_upper) == (None, None)


@pytest.mark.parametrize("percent", [None, 0, 101, -1, "x", [61]])
def test_a_match_rate_that_is_not_told_yet_is_unknown(percent: object) -> None:
    info = {"contactIdInfo": {"matchRatePercentage": percent}}
    told = wire.remote_audience({**REMOTE, "ingestedUserListInfo": info}, mine())
    assert told.matched_percent is None


@pytest.mark.parametrize("value", [None, "", "../1", "1/2", "1" * 21, "\uff11\uff12", {}, True])
def test_an_id_that_cannot_be_one_is_refused(value: object) -> None:
    with pytest.raises(OutcomeUnknownError):
        wire.list_id({"id": value})


def test_a_page_holds_lists_of_exactly_this_name_and_kind() -> None:
    lists = [
        REMOTE,
        {**REMOTE, "id": "1", "displayName": "AUDSYNC_newsletter"},
        {**REMOTE, "id": "2", "ingestedUserListInfo": {"uploadKeyTypes": ["USER_ID"]}},
        {**REMOTE, "id": "3", "ingestedUserListInfo": None},
        {"id": "4", "displayName": "audsync_newsletter"},
    ]
    found = wire.page({"userLists": lists, "nextPageToken": "p2"}, mine(), "audsync_newsletter")
    assert found == wire.Page(audiences=(LIST,), after="p2")


def test_lists_of_another_app_are_not_ours() -> None:
    ours = {"keySpace": "ANDROID", "appId": "com.example.shop"}
    lists = [
        {
            "id": str(number),
            "displayName": "vip",
            "ingestedUserListInfo": {"uploadKeyTypes": ["MOBILE_ID"], "mobileIdInfo": info},
        }
        for number, info in enumerate((ours, {**ours, "appId": "2"}, {**ours, "keySpace": "IOS"}))
    ]
    found = wire.page({"userLists": lists}, mine(list_kind="mobile", **APP), "vip")
    assert found == wire.Page(audiences=(RemoteId("0"),), after=None)


def test_a_page_of_nothing_is_the_last() -> None:
    answers: list[dict[str, Any]] = [
        {},
        {"userLists": [], "nextPageToken": ""},
        {"nextPageToken": []},
    ]
    for answer in answers:
        assert wire.page(answer, mine(), "vip") == wire.Page(audiences=(), after=None)


@pytest.mark.parametrize(
    "answer", [{"userLists": {}}, {"userLists": [1]}, {"nextPageToken": {"x": 1}}]
)
def test_a_page_in_no_known_form_is_none(answer: dict[str, Any]) -> None:
    with pytest.raises(OutcomeUnknownError):
        wire.page(answer, mine(), "vip")


def test_a_name_that_could_end_its_quotes_early_is_not_filtered_by() -> None:
    assert wire.name_filter("buyers") == 'display_name = "buyers"'
    assert wire.name_filter('a" OR id > 0') is None
    assert wire.name_filter("back\\slash") is None
