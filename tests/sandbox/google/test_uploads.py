import base64
from hashlib import sha256
from typing import Any

import pytest

from tests.sandbox.google.client import (
    LISTS,
    MOBILES,
    USER_IDS,
    Google,
    contact,
    goal,
    hashed,
    ingestion,
    person,
    reasons,
)

FIRST = "audience_members.audience_members[0]"
IDENTIFIERS = f"{FIRST}.composite_data.user_data.user_identifiers"
ADDRESS = {
    "givenName": hashed("mary"),
    "familyName": hashed("major"),
    "regionCode": "US",
    "postalCode": "94045",
}
DEVICE = "AB1234CD-E123-42FA-A123-4567890ABCDE"


@pytest.fixture
def google(google: Google) -> Google:
    google.configure(settle_after_s=0)
    return google


def test_members_are_taken_in(google: Google) -> None:
    user_list = google.create()
    member = contact(
        {"emailAddress": hashed("mary.major@example.com")},
        {"phoneNumber": hashed("+15550104477").upper()},
        {"address": ADDRESS},
    )
    answer = google.ingest(user_list, member)
    assert (answer.status_code, list(answer.json())) == (200, ["requestId"])
    known = {
        ("EMAIL", hashed("mary.major@example.com")),
        ("PHONE", hashed("+15550104477")),
        ("ADDRESS", f"{hashed('mary')}:{hashed('major')}:US:94045"),
    }
    remote = google.remote(user_list)
    assert remote.identifiers == known
    assert remote.persons == {frozenset(known)}
    assert google.violations() == []


def test_a_removal_by_one_identifier_takes_the_person_out(google: Google) -> None:
    user_list = google.create()
    google.ingest(user_list, person("a", "b"), person("c"))
    google.remove(user_list, person("b"), person("nobody"))
    remote = google.remote(user_list)
    assert remote.identifiers == {("EMAIL", hashed("a")), ("EMAIL", hashed("c"))}
    assert remote.persons == {frozenset({("EMAIL", hashed("c"))})}


def test_a_removal_may_need_all_identifiers(google: Google) -> None:
    google.configure(removal_needs="all_identifiers")
    user_list = google.create()
    google.ingest(user_list, person("a", "b"), person("c"))
    google.remove(user_list, person("b"))
    assert google.remote(user_list).person_count == 2
    google.remove(user_list, person("a"), person("c"), person("nobody"))
    assert google.remote(user_list).person_count == 0


def test_rows_that_share_an_identifier_are_one_person(google: Google) -> None:
    user_list, other = google.create(), google.create("other")
    google.ingest(user_list, person("a", "b"), person("b", "c"))
    google.ingest(other, person("c"))
    assert google.remote(user_list).person_count == 1
    (known,) = google.remote(other).persons
    assert {value for _, value in known} == {hashed("a"), hashed("b"), hashed("c")}


def test_base64_is_the_same_hash(google: Google) -> None:
    user_list = google.create()
    text = base64.b64encode(sha256(b"a").digest()).decode()
    google.ingest(user_list, contact({"emailAddress": text}), encoding="BASE64")
    assert google.members(user_list) == {hashed("a")}


def test_plain_user_data_and_devices_and_user_ids(google: Google) -> None:
    user_list, phones, users = (
        google.create(),
        google.create("p", MOBILES),
        google.create("u", USER_IDS),
    )
    plain = {"userData": {"userIdentifiers": [{"emailAddress": hashed("a")}]}}
    assert google.ingest(user_list, plain).status_code == 200
    device = {"mobileData": {"mobileIds": [DEVICE, DEVICE.lower()]}}
    assert google.ingest(phones, device, encoding=None).status_code == 200
    user = {"userIdData": {"userId": "crm-1"}}
    answer = google.ingest(users, user, encoding=None, termsOfService=None)
    assert answer.status_code == 200
    assert google.members(user_list) == {hashed("a")}
    assert google.remote(phones).identifiers == {("MOBILE_ID", DEVICE.lower())}
    assert google.remote(users).identifiers == {("USER_ID", "crm-1")}
    google.configure(mobile_ids_ignore_case=False)
    google.ingest(phones, {"mobileData": {"mobileIds": [DEVICE]}})
    assert ("MOBILE_ID", DEVICE) in google.remote(phones).identifiers


def test_internet_addresses_identify_nobody(google: Google) -> None:
    user_list = google.create()
    only_ip = {"compositeData": {"ipData": [{"ipAddress": "2001:db8::1"}]}}
    sent = google.ingest(user_list, only_ip)
    assert google.remote(user_list).person_count == 0
    told = google.status(sent)["audienceMembersIngestionStatus"]["compositeDataIngestionStatus"]
    assert told["dataTypeCounts"] == [{"type": "IP_ADDRESS", "count": "1"}]
    only_ip["compositeData"]["ipData"][0]["ipAddress"] = "300.1.1.1"
    answer = google.ingest(user_list, only_ip)
    path = f"{FIRST}.composite_data.ip_data.ip_data[0].ip_address"
    assert reasons(answer) == [(path, "INVALID_FORMAT")]


def test_one_bad_member_refuses_all_and_each_is_named(google: Google) -> None:
    user_list = google.create()
    members = [person("a"), contact({"emailAddress": "x"}), contact({"emailAddress": "abcd"})]
    answer = google.ingest(user_list, *members)
    assert reasons(answer) == [
        (IDENTIFIERS.replace("[0]", "[1]"), "INVALID_HEX_ENCODING"),
        (FIRST.replace("[0]", "[2]"), "INVALID_SHA256_FORMAT"),
    ]
    assert google.remote(user_list).person_count == 0


@pytest.mark.parametrize(
    ("change", "field", "why"),
    [
        (
            {"termsOfService": None},
            "terms_of_service.customer_match_terms_of_service_status",
            "TERMS_AND_CONDITIONS_NOT_SIGNED",
        ),
        (
            {"termsOfService": {"customerMatchTermsOfServiceStatus": "REJECTED"}},
            "terms_of_service.customer_match_terms_of_service_status",
            "TERMS_AND_CONDITIONS_NOT_SIGNED",
        ),
        ({"encoding": None}, "encoding", "REQUIRED_FIELD_MISSING"),
        ({"encoding": "ENCODING_UNSPECIFIED"}, "encoding", "REQUIRED_FIELD_MISSING"),
        ({"encryptionInfo": {}}, "encryption_info", "INVALID_ARGUMENT"),
        (
            {"audienceMembers": [{}]},
            "audience_members.audience_members[0]",
            "INVALID_AUDIENCE_MEMBER",
        ),
        (
            {"audienceMembers": [person("a"), {"mobileData": {"mobileIds": [DEVICE]}}]},
            "audience_members",
            "MULTIPLE_DATA_TYPES_NOT_ALLOWED",
        ),
        (
            {"audienceMembers": [{"mobileData": {"mobileIds": [DEVICE]}}]},
            "audience_members",
            "INVALID_USER_LIST_TYPE",
        ),
        (
            {"audienceMembers": [{"pairData": {"pairIds": ["x"]}}]},
            "audience_members",
            "INVALID_USER_LIST_TYPE",
        ),
        (
            {"audienceMembers": [person("a", destinationReferences=["x"])]},
            f"{FIRST}.destination_references",
            "INVALID_DESTINATION",
        ),
    ],
)
def test_requests_that_are_refused(
    google: Google, change: dict[str, Any], field: str, why: str
) -> None:
    user_list = google.create()
    answer = google.send("ingest", ingestion(user_list, [person("a")], **change))
    assert (answer.status_code, reasons(answer)) == (400, [(field, why)])


def test_how_many_members_a_request_may_have(google: Google) -> None:
    user_list = google.create()
    none = google.ingest(user_list)
    assert reasons(none) == [("audience_members", "REQUIRED_FIELD_MISSING")]
    assert google.ingest(user_list, *[person("a")] * 10_000).status_code == 200
    many = google.ingest(user_list, *[person("a")] * 10_001)
    assert reasons(many) == [("audience_members", "TOO_MANY_AUDIENCE_MEMBERS")]


class TestDestinations:
    def told(self, google: Google, *destinations: object) -> list[tuple[str, str]]:
        body = ingestion("", [person("a")], destinations=[*destinations])
        answer = google.send("ingest", body)
        assert answer.status_code == 400, answer.text
        return reasons(answer)

    def test_how_many(self, google: Google) -> None:
        user_list = google.create()
        assert self.told(google) == [("destinations", "REQUIRED_FIELD_MISSING")]
        told = self.told(google, *[goal(user_list)] * 11)
        assert told == [("destinations", "TOO_MANY_DESTINATIONS")]

    @pytest.mark.parametrize(
        ("change", "path", "why"),
        [
            ({"productDestinationId": ""}, ".product_destination_id", "REQUIRED_FIELD_MISSING"),
            ({"productDestinationId": "77"}, ".product_destination_id", "INVALID_USER_LIST_ID"),
            (
                {"productDestinationId": f"{LISTS[4:]}/8765432109"},
                ".product_destination_id",
                "INVALID_USER_LIST_ID",
            ),
            ({"operatingAccount": None}, ".operating_account.account_id", "REQUIRED_FIELD_MISSING"),
            (
                {"operatingAccount": {"accountId": "1234567890"}},
                ".operating_account.account_type",
                "REQUIRED_FIELD_MISSING",
            ),
            (
                {"loginAccount": {"accountId": "1", "accountType": "DATA_PARTNER"}},
                ".login_account.account_type",
                "DESTINATION_ACCOUNT_TYPE_MISMATCH",
            ),
            (
                {"linkedAccount": {"accountId": "1", "accountType": "GOOGLE_ADS"}},
                ".linked_account",
                "LINKED_ACCOUNT_ONLY_ALLOWED_WITH_DATA_PARTNER_LOGIN_ACCOUNT",
            ),
        ],
    )
    def test_what_each_must_be(
        self, google: Google, change: dict[str, Any], path: str, why: str
    ) -> None:
        user_list = google.create()
        told = self.told(google, {**goal(user_list), **change})
        assert told == [(f"destinations.destinations[0]{path}", why)]

    def test_the_login_account_may_be_left_out(self, google: Google) -> None:
        user_list = google.create()
        destination = {**goal(user_list), "loginAccount": None}
        answer = google.send("ingest", ingestion("", [person("a")], destinations=[destination]))
        assert answer.status_code == 200

    def test_references_route_members(self, google: Google) -> None:
        one, two = google.create("one"), google.create("two")
        destinations = [{**goal(one), "reference": "1"}, {**goal(two), "reference": "2"}]
        members = [person("a", destinationReferences=["1"]), person("b")]
        answer = google.ingest("", *members, destinations=destinations)
        assert google.members(one) == {hashed("a"), hashed("b")}
        assert google.members(two) == {hashed("b")}
        shown = google.ask_status(answer.json()["requestId"]).json()
        told = [each["destination"]["reference"] for each in shown["requestStatusPerDestination"]]
        assert told == ["1", "2"]
        twice = [{**goal(one), "reference": "1"}, {**goal(two), "reference": "1"}]
        told_twice = self.told(google, *twice)
        assert told_twice == [("destinations", "DUPLICATE_DESTINATION_REFERENCE")]

    def test_a_new_list_may_not_be_ready(self, google: Google) -> None:
        google.configure(unready_calls=2)
        user_list = google.create()
        told = [google.ingest(user_list, person("a")).status_code for _ in range(3)]
        assert told == [400, 400, 200]
