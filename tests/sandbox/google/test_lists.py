from typing import Any

import pytest

from tests.sandbox.google.client import (
    CONTACTS,
    LISTS,
    LOGIN,
    MOBILES,
    USER_IDS,
    Google,
    ingestion,
    person,
    reason,
    reasons,
    refusal,
)

DAY_S = 86_400
INFO = "user_list.ingested_user_list_info"


def test_a_list_is_made_and_read(google: Google) -> None:
    body = {
        "displayName": "audsync_newsletter",
        "description": "managed by audsync",
        "integrationCode": "seg-42",
        "membershipDuration": "46656000s",
        "ingestedUserListInfo": CONTACTS,
    }
    made = google.call("POST", LISTS, json=body).json()
    assert made["name"] == f"accountTypes/GOOGLE_ADS/accounts/1234567890/userLists/{made['id']}"
    assert {name: made[name] for name in body} == body
    assert (made["membershipStatus"], made["accessReason"]) == ("OPEN", "OWNED")
    assert made["sizeInfo"]["searchNetworkMembersCount"] == "0"
    assert google.call("GET", f"{LISTS}/{made['id']}").json() == made
    remote = google.remote(made["id"])
    assert (remote.name, remote.account) == ("audsync_newsletter", "1234567890")
    assert remote.facts["resource_name"] == made["name"]


@pytest.mark.parametrize("info", [CONTACTS, MOBILES, USER_IDS])
def test_each_kind_of_list(google: Google, info: dict[str, Any]) -> None:
    user_list = google.create(info=info)
    shown = google.call("GET", f"{LISTS}/{user_list}").json()
    assert shown["ingestedUserListInfo"] == info


def test_a_taken_name(google: Google) -> None:
    google.create("buyers")
    body = {"displayName": "buyers", "ingestedUserListInfo": CONTACTS}
    answer = google.call("POST", LISTS, json=body)
    told = refusal("user_list.display_name", "Name in use.", "DISPLAY_NAME_ALREADY_USED")
    assert (answer.status_code, answer.json()) == (400, told)
    google.configure(duplicate_name_status=409)
    answer = google.call("POST", LISTS, json=body)
    assert (answer.status_code, answer.json()["error"]["status"]) == (409, "ALREADY_EXISTS")
    google.create("Buyers")
    google.configure(names_ignore_case=True)
    assert google.call("POST", LISTS, json={**body, "displayName": "BUYERS"}).status_code == 409


@pytest.mark.parametrize(
    ("change", "field", "why"),
    [
        ({"displayName": None}, "user_list.display_name", "REQUIRED_FIELD_MISSING"),
        ({"displayName": "  "}, "user_list.display_name", "INVALID_DISPLAY_NAME"),
        ({"displayName": "x" * 129}, "user_list.display_name", "FIELD_VALUE_TOO_LONG"),
        (
            {"displayName": "AdWords optimized list"},
            "user_list.display_name",
            "USER_LIST_NAME_RESERVED",
        ),
        (
            {"membershipDuration": "46742400s"},
            "user_list.membership_duration",
            "MEMBERSHIP_DURATION_TOO_LONG",
        ),
        ({"membershipDuration": "90000s"}, "user_list.membership_duration", "INVALID_ARGUMENT"),
        ({"membershipDuration": "0s"}, "user_list.membership_duration", "INVALID_ARGUMENT"),
        ({"membershipDuration": "540d"}, "user_list.membership_duration", "INVALID_ARGUMENT"),
        ({"ingestedUserListInfo": None}, f"{INFO}.upload_key_types", "REQUIRED_FIELD_MISSING"),
        (
            {"ingestedUserListInfo": {"uploadKeyTypes": ["CONTACT_ID", "USER_ID"]}},
            f"{INFO}.upload_key_types",
            "UNSUPPORTED_USER_LIST_UPLOAD_KEY_TYPES",
        ),
        (
            {"ingestedUserListInfo": {"uploadKeyTypes": ["PAIR_ID"], "pairIdInfo": {}}},
            f"{INFO}.upload_key_types",
            "UNSUPPORTED_USER_LIST_UPLOAD_KEY_TYPES",
        ),
        (
            {"ingestedUserListInfo": {"uploadKeyTypes": ["CONTACT_ID"]}},
            f"{INFO}.contact_id_info",
            "REQUIRED_FIELD_MISSING",
        ),
        (
            {"ingestedUserListInfo": {**MOBILES, "mobileIdInfo": {"keySpace": "IOS"}}},
            f"{INFO}.mobile_id_info.app_id",
            "REQUIRED_FIELD_MISSING",
        ),
        (
            {"ingestedUserListInfo": {**CONTACTS, "userIdInfo": {}}},
            INFO,
            "UNSUPPORTED_INGESTED_USER_LIST_INFO_CONFIG",
        ),
    ],
)
def test_lists_that_are_refused(
    google: Google, change: dict[str, Any], field: str, why: str
) -> None:
    body = {"displayName": "x", "ingestedUserListInfo": CONTACTS, **change}
    answer = google.call("POST", LISTS, json=body)
    assert answer.status_code == 400
    assert reasons(answer) == [(field, why)]
    assert google.world.remotes("google") == []


def test_all_faults_are_told_at_once(google: Google) -> None:
    answer = google.call("POST", LISTS, json={"membershipDuration": "1s"})
    assert len(reasons(answer)) == 3


def test_a_missing_declaration(google: Google) -> None:
    google.configure(accounts=[{"needs_eu_declaration": True}, {"id": LOGIN, "managers": []}])
    answer = google.call("POST", LISTS, json={"displayName": "x", "ingestedUserListInfo": CONTACTS})
    assert reasons(answer)[0][1] == "EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED"


def test_a_rehearsal_makes_and_deletes_nothing(google: Google) -> None:
    body = {"displayName": "x", "ingestedUserListInfo": CONTACTS}
    answer = google.call("POST", LISTS, json=body, params={"validateOnly": "true"})
    assert (answer.status_code, google.world.remotes("google")) == (200, [])
    user_list = google.create()
    only = {"validateOnly": "true"}
    google.call("DELETE", f"{LISTS}/{user_list}", params=only)
    google.call("PATCH", f"{LISTS}/{user_list}", json={"displayName": "y"}, params=only)
    assert [each.name for each in google.world.remotes("google")] == ["buyers"]


class TestUpdate:
    def patch(self, google: Google, user_list: str, mask: str | None, **body: object) -> Any:  # noqa: ANN401 - a response
        params = {} if mask is None else {"updateMask": mask}
        return google.call("PATCH", f"{LISTS}/{user_list}", json=body, params=params)

    def test_what_the_mask_names(self, google: Google) -> None:
        user_list = google.create(description="old")
        answer = self.patch(
            google,
            user_list,
            "display_name,membershipDuration",
            displayName="new",
            description="not named",
            membershipDuration="86400s",
        )
        shown = google.call("GET", f"{LISTS}/{user_list}").json()
        assert answer.json() == shown
        assert (shown["displayName"], shown["description"]) == ("new", "old")
        assert shown["membershipDuration"] == "86400s"

    def test_without_a_mask_what_is_given(self, google: Google) -> None:
        user_list = google.create()
        self.patch(google, user_list, None, description="new", ingestedUserListInfo=CONTACTS)
        assert google.call("GET", f"{LISTS}/{user_list}").json()["description"] == "new"

    @pytest.mark.parametrize(
        ("mask", "why"),
        [
            ("ingestedUserListInfo.uploadKeyTypes", "IMMUTABLE_FIELD_FOR_UPDATE"),
            ("id", "IMMUTABLE_FIELD_FOR_UPDATE"),
            ("colour", "INVALID_UPDATE_MASK"),
            ("displayName", "DISPLAY_NAME_ALREADY_USED"),
            ("membershipDuration", "MEMBERSHIP_DURATION_TOO_LONG"),
        ],
    )
    def test_what_is_refused(self, google: Google, mask: str, why: str) -> None:
        google.create("taken")
        user_list = google.create()
        answer = self.patch(
            google, user_list, mask, displayName="taken", membershipDuration=f"{541 * DAY_S}s"
        )
        assert reasons(answer)[0][1] == why

    def test_a_closed_list_takes_nobody_in(self, google: Google) -> None:
        user_list = google.create()
        self.patch(google, user_list, "membershipStatus", membershipStatus="CLOSED")
        answer = google.ingest(user_list, person("a"))
        assert reasons(answer) == [("destinations.destinations[0]", "INVALID_DESTINATION")]
        assert google.remove(user_list, person("a")).status_code == 200


def test_a_deleted_list_is_gone(google: Google) -> None:
    user_list = google.create()
    sent = google.ingest(user_list, person("a"))
    assert google.call("DELETE", f"{LISTS}/{user_list}").json() == {}
    assert google.world.remotes("google") == []
    assert google.status(sent)["requestStatus"] == "FAILED"
    for method in ("GET", "PATCH", "DELETE"):
        answer = google.call(method, f"{LISTS}/{user_list}", json={})
        assert reason(answer) == (404, "NOT_FOUND")
        assert answer.json()["error"]["message"] == "Requested entity was not found."
    google.configure(missing_list="PERMISSION_DENIED")
    assert reason(google.call("GET", f"{LISTS}/{user_list}")) == (403, "PERMISSION_DENIED")
    answer = google.send("ingest", ingestion(user_list, [person("a")]))
    assert reasons(answer) == [
        ("destinations.destinations[0].product_destination_id", "INVALID_USER_LIST_ID")
    ]


class TestReadingMany:
    def names(self, google: Google, **params: str) -> list[str]:
        answer = google.call("GET", LISTS, params=params)
        assert answer.status_code == 200, answer.text
        return [each["displayName"] for each in answer.json().get("userLists", [])]

    def test_pages(self, google: Google) -> None:
        assert google.call("GET", LISTS).json() == {}
        for number in range(5):
            google.create(f"list {number}")
        seen: list[str] = []
        params = {"pageSize": "2"}
        while True:
            answer = google.call("GET", LISTS, params=params).json()
            seen += [each["displayName"] for each in answer["userLists"]]
            if "nextPageToken" not in answer:
                break
            params = {"pageSize": "2", "pageToken": answer["nextPageToken"]}
        assert seen == [f"list {number}" for number in range(5)]

    def test_page_sizes(self, google: Google) -> None:
        for number in range(51):
            google.create(f"list {number}")
        assert len(self.names(google)) == 50
        assert len(self.names(google, pageSize="0")) == 50
        assert len(self.names(google, pageSize="5000")) == 51
        answer = google.call("GET", LISTS, params={"pageSize": "-1"})
        assert reasons(answer) == [("page_size", "INVALID_ARGUMENT")]

    def test_a_token_belongs_to_its_filter(self, google: Google) -> None:
        google.create("one")
        google.create("two")
        token = google.call("GET", LISTS, params={"pageSize": "1"}).json()["nextPageToken"]
        for params in ({"pageToken": token, "filter": "id = 1"}, {"pageToken": "%%%"}):
            answer = google.call("GET", LISTS, params=params)
            assert reasons(answer) == [("page_token", "INVALID_PAGE_TOKEN")]

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            ('display_name = "my \\"big\\" list"', ['my "big" list']),
            ('displayName != "phones"', ["mine", 'my "big" list']),
            ('integration_code = "seg-1" AND membership_status = OPEN', ["mine"]),
            ('display_name : "list"', ['my "big" list']),
            ('IN(display_name, "mine", "phones")', ["mine", "phones"]),
            ("ingested_user_list_info.upload_key_types : MOBILE_ID", ["phones"]),
            ("id > 8765432109", ['my "big" list', "phones"]),
            ("id <= 8765432109", ["mine"]),
            ('display_name = "none"', []),
        ],
    )
    def test_filters(self, google: Google, wanted: str, found: list[str]) -> None:
        google.create("mine", integrationCode="seg-1")
        google.create('my "big" list')
        google.create("phones", MOBILES)
        assert sorted(self.names(google, filter=wanted)) == sorted(found)

    @pytest.mark.parametrize(
        "wanted",
        ["colour = 1", "display_name", "id = 1 OR id = 2", "id = 1 AND ", "id = 1 id = 2", "("],
    )
    def test_filters_that_are_none(self, google: Google, wanted: str) -> None:
        answer = google.call("GET", LISTS, params={"filter": wanted})
        assert reasons(answer) == [("filter", "INVALID_FILTER")]


def test_parameters_that_are_not_known(google: Google) -> None:
    answer = google.call("GET", LISTS, params={"page_size": "1", "limit": "3", "prettyPrint": "1"})
    assert 'Unknown name "limit"' in answer.json()["error"]["message"]
    assert "page_size" not in answer.text


def test_enums_as_numbers(google: Google) -> None:
    answer = google.call(
        "POST",
        LISTS,
        json={
            "display_name": "x",
            "ingested_user_list_info": {"upload_key_types": [3], "user_id_info": {}},
        },
        params={"$alt": "json;enum-encoding=int"},
    )
    shown = answer.json()
    assert (shown["membershipStatus"], shown["accessReason"]) == (1, 1)
    assert shown["ingestedUserListInfo"]["uploadKeyTypes"] == [3]
    assert shown["displayName"] == "x"
