from typing import Any

import pytest

from tests.sandbox.google.client import (
    MOBILES,
    USER_IDS,
    Google,
    contact,
    hashed,
    person,
    reasons,
    refusal,
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


def test_a_raw_email_is_told_in_googles_words(google: Google) -> None:
    user_list = google.create()
    raw = {"userIdentifiers": [{"emailAddress": "mary.major@example.com"}]}
    answer = google.ingest(user_list, {"userData": raw})
    field = f"{FIRST}.user_data.user_identifiers"
    told = refusal(field, "Email is not hex encoded.", "INVALID_HEX_ENCODING")
    details = answer.json()["error"]["details"]
    assert details.pop()["@type"] == "type.googleapis.com/google.rpc.RequestInfo"
    assert answer.json()["error"] | {"details": details} == told["error"]
    assert google.violations() == ["raw_email"]
    assert "mary.major" not in str(list(google.world.journal.violations))


@pytest.mark.parametrize(
    ("identifier", "field", "why", "leaks"),
    [
        ({"phoneNumber": "+1 555 010 4477"}, IDENTIFIERS, "INVALID_HEX_ENCODING", ["raw_phone"]),
        ({"emailAddress": "x" * 64}, IDENTIFIERS, "INVALID_HEX_ENCODING", []),
        ({"emailAddress": hashed("a")[:62] + "  "}, IDENTIFIERS, "INVALID_HEX_ENCODING", []),
        ({"emailAddress": "abcdef"}, FIRST, "INVALID_SHA256_FORMAT", []),
        ({"emailAddress": hashed("a") * 2}, FIRST, "INVALID_SHA256_FORMAT", []),
        ({"emailAddress": ""}, IDENTIFIERS, "REQUIRED_FIELD_MISSING", []),
        ({}, IDENTIFIERS, "REQUIRED_FIELD_MISSING", []),
        ({"emailAddress": hashed("")}, FIRST, "INVALID_SHA256_FORMAT", ["empty_hash"]),
        (
            {"address": {**ADDRESS, "postalCode": " "}},
            f"{IDENTIFIERS}.user_identifiers[0].address.postal_code",
            "REQUIRED_FIELD_MISSING",
            [],
        ),
        (
            {"address": {**ADDRESS, "regionCode": "us"}},
            f"{IDENTIFIERS}.user_identifiers[0].address.region_code",
            "INVALID_REGION_CODE",
            [],
        ),
        (
            {"address": {**ADDRESS, "postalCode": hashed("94045")}},
            f"{IDENTIFIERS}.user_identifiers[0].address.postal_code",
            "INVALID_POSTAL_CODE",
            ["hashed_postal_code"],
        ),
        (
            {"address": {**ADDRESS, "familyName": "Major"}},
            f"{IDENTIFIERS}.user_identifiers[0].address",
            "INVALID_HEX_ENCODING",
            ["raw_name"],
        ),
    ],
)
def test_identifiers_that_are_refused(
    google: Google, identifier: dict[str, Any], field: str, why: str, leaks: list[str]
) -> None:
    user_list = google.create()
    answer = google.ingest(user_list, contact(identifier), person("good"))
    assert (answer.status_code, reasons(answer)) == (400, [(field, why)])
    assert google.violations() == leaks
    assert google.remote(user_list).person_count == 0


def test_the_hash_of_nothing_passes_when_not_strict(google: Google) -> None:
    google.configure(is_strict=False)
    user_list = google.create()
    assert google.ingest(user_list, person("")).status_code == 200
    assert google.violations() == ["empty_hash"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (hashed("a"), "INVALID_SHA256_FORMAT"),
        ("not base64!", "INVALID_BASE64_ENCODING"),
        ("é", "INVALID_BASE64_ENCODING"),
    ],
)
def test_base64_that_is_refused(google: Google, text: str, why: str) -> None:
    user_list = google.create()
    answer = google.ingest(user_list, contact({"emailAddress": text}), encoding="BASE64")
    assert [each for _, each in reasons(answer)] == [why]


@pytest.mark.parametrize("device", ["00000000-0000-0000-0000-000000000000", "x", hashed(DEVICE)])
def test_devices_that_are_refused(google: Google, device: str) -> None:
    phones = google.create("p", MOBILES)
    answer = google.ingest(phones, {"mobileData": {"mobileIds": [device]}})
    assert reasons(answer) == [(f"{FIRST}.mobile_data.mobile_ids", "INVALID_MOBILE_ID_FORMAT")]
    assert google.violations() == (["hashed_mobile_id"] if len(device) == 64 else [])


def test_how_many_identifiers_a_member_may_have(google: Google) -> None:
    user_list, phones, users = (
        google.create(),
        google.create("p", MOBILES),
        google.create("u", USER_IDS),
    )
    assert google.ingest(user_list, person(*map(str, range(10)))).status_code == 200
    many = google.ingest(user_list, person(*map(str, range(11))))
    assert reasons(many) == [(IDENTIFIERS, "TOO_MANY_USER_IDENTIFIERS")]
    empty_ones: list[dict[str, Any]] = [contact(), {"userData": {}}, {"compositeData": {}}]
    for empty in empty_ones:
        (told,) = reasons(google.ingest(user_list, empty))
        assert told[1] == "REQUIRED_FIELD_MISSING"
    for ids, why in ([], "REQUIRED_FIELD_MISSING"), ([DEVICE] * 11, "TOO_MANY_USER_IDENTIFIERS"):
        answer = google.ingest(phones, {"mobileData": {"mobileIds": ids}})
        assert reasons(answer) == [(f"{FIRST}.mobile_data.mobile_ids", why)]
    answer = google.ingest(users, {"userIdData": {"userId": ""}})
    assert reasons(answer) == [(f"{FIRST}.user_id_data.user_id", "REQUIRED_FIELD_MISSING")]
