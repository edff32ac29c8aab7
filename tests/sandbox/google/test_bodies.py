from typing import Any

import orjson
import pytest

from tests.sandbox.google.client import Google, contact, hashed, ingestion, person, reasons

DEVICE = "AB1234CD-E123-42FA-A123-4567890ABCDE"
DENIED = {"adUserData": "CONSENT_DENIED"}


@pytest.fixture
def google(google: Google) -> Google:
    google.configure(settle_after_s=0)
    return google


class TestReading:
    """Bodies that the front end cannot read."""

    def told(self, google: Google, body: object) -> list[dict[str, str]]:
        answer = google.send("ingest", body)
        error = answer.json()["error"]
        assert (answer.status_code, error["status"]) == (400, "INVALID_ARGUMENT")
        fields: list[dict[str, str]] = error["details"][0]["fieldViolations"]
        assert error["message"] == "\n".join(each["description"] for each in fields)
        return fields

    def test_unknown_names(self, google: Google) -> None:
        user_list = google.create()
        body = ingestion(user_list, [contact({"hashedEmail": hashed("a")})], colour="red")
        where = "audience_members[0].composite_data.user_data.user_identifiers[0]"
        first = "Invalid JSON payload received. Unknown name"
        assert self.told(google, body) == [
            {
                "field": where,
                "description": f"{first} \"hashedEmail\" at '{where}': Cannot find field.",
            },
            {"field": "", "description": f'{first} "colour": Cannot find field.'},
        ]

    def test_unknown_enums(self, google: Google) -> None:
        user_list = google.create()
        body = ingestion(user_list, [person("a")], consent={"adUserData": "GRANTED"})
        kind = "type.googleapis.com/google.ads.datamanager.v1.ConsentStatus"
        assert self.told(google, body) == [
            {
                "field": "consent.ad_user_data",
                "description": f"Invalid value at 'consent.ad_user_data' ({kind}), \"GRANTED\"",
            }
        ]
        assert self.told(google, ingestion(user_list, [person("a")], encoding=9))

    def test_two_of_one(self, google: Google) -> None:
        user_list = google.create()
        both = {"emailAddress": hashed("a"), "phoneNumber": hashed("b")}
        body = ingestion(user_list, [contact(both)])
        (told,) = self.told(google, body)
        assert "(oneof)" in told["description"]
        mixed = {**person("a"), "mobileData": {"mobileIds": [DEVICE]}}
        (told,) = self.told(google, ingestion(user_list, [mixed]))
        assert told["field"] == "audience_members[0]"

    @pytest.mark.parametrize(
        "change",
        [
            {"audienceMembers": {}},
            {"audienceMembers": ["x"]},
            {"validateOnly": "yes"},
            {"audienceMembers": [contact({"emailAddress": 5})]},
        ],
    )
    def test_wrong_types(self, google: Google, change: dict[str, Any]) -> None:
        body = ingestion(google.create(), [person("a")], **change)
        assert "Invalid value at" in self.told(google, body)[0]["description"]

    def test_no_json(self, google: Google) -> None:
        answer = google.call("POST", "/v1/audienceMembers:ingest", content=b"{")
        assert "Invalid JSON payload" in answer.json()["error"]["message"]
        assert self.told(google, [])

    def test_compressed_bodies(self, google: Google) -> None:
        answer = google.call(
            "POST", "/v1/audienceMembers:ingest", content=b"x", headers={"Content-Encoding": "gzip"}
        )
        assert "Compressed" in answer.json()["error"]["message"]

    def test_snake_case_and_numbers_pass(self, google: Google) -> None:
        user_list = google.create()
        text = orjson.dumps(ingestion(user_list, [person("a")])).decode()
        for camel, spelt in {
            "audienceMembers": "audience_members",
            "compositeData": "composite_data",
            "userIdentifiers": "user_identifiers",
            "emailAddress": "email_address",
            '"HEX"': "1",
            '"GOOGLE_ADS"': "1",
            '"CONSENT_GRANTED"': "1",
        }.items():
            text = text.replace(camel, spelt)
        answer = google.call("POST", "/v1/audienceMembers:ingest", content=text.encode())
        assert answer.status_code == 200
        assert google.members(user_list) == {hashed("a")}


class TestConsent:
    def test_who_denied_it_is_counted_and_left_out(self, google: Google) -> None:
        user_list = google.create()
        sent = google.ingest(user_list, person("a"), person("b", consent=DENIED))
        assert google.members(user_list) == {hashed("a")}
        shown = google.status(sent)
        assert shown["requestStatus"] == "PARTIAL_SUCCESS"
        counts = [{"recordCount": "1", "reason": "PROCESSING_ERROR_REASON_DENIED_CONSENT"}]
        assert shown["errorInfo"] == {"errorCounts": counts}

    def test_all_denied_is_a_failure(self, google: Google) -> None:
        sent = google.ingest(google.create(), person("a"), consent=DENIED)
        assert google.status(sent)["requestStatus"] == "FAILED"

    def test_a_member_speaks_for_itself(self, google: Google) -> None:
        user_list = google.create()
        granted = {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}
        google.ingest(user_list, person("a", consent=granted), person("b"), consent=DENIED)
        assert google.members(user_list) == {hashed("a")}

    def test_what_was_said_last_of_each_is_shown_also_of_who_denied_it(
        self, google: Google
    ) -> None:
        user_list = google.create()
        google.ingest(user_list, person("a"), person("b", consent=DENIED), person("c"))
        google.ingest(user_list, person("c", consent=DENIED))
        google.remove(user_list, person("b"))
        granted, denied = "CONSENT_GRANTED", "CONSENT_DENIED"
        assert google.remote(user_list).facts["consents"] == [
            {"adUserData": denied, "adPersonalization": granted, "identifiers": 1},
            {"adUserData": granted, "adPersonalization": granted, "identifiers": 1},
        ]

    def test_none_at_all(self, google: Google) -> None:
        user_list = google.create()
        google.ingest(user_list, person("a"), consent=None)
        google.configure(requires_consent=True)
        sent = google.ingest(user_list, person("b"), consent=None)
        assert google.members(user_list) == {hashed("a")}
        assert "PROCESSING_ERROR_REASON_NO_CONSENT" in str(google.status(sent))

    def test_mixed_is_noted_when_asked_for(self, google: Google) -> None:
        members = [person("a"), person("b", consent=DENIED)]
        google.ingest(google.create(), *members)
        assert google.violations() == []
        google.configure(reports_mixed_consent=True)
        google.ingest(google.create("other"), *members)
        assert google.violations() == ["mixed_consent"]


def test_a_rehearsal_checks_and_stores_nothing(google: Google) -> None:
    user_list = google.create()
    answer = google.ingest(user_list, person("a"), validateOnly=True)
    assert answer.status_code == 200
    assert google.remote(user_list).person_count == 0
    status = google.ask_status(answer.json()["requestId"])
    assert reasons(status) == [("request_id", "INVALID_REQUEST_ID")]
    assert google.ingest(user_list, person(""), validateOnly=True).status_code == 400
