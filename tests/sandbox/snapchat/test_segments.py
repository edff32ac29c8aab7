import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from audsync.errors import ConfigError
from audsync.sandbox.snapchat.settings import Settings
from tests.sandbox.snapchat.client import (
    ACCOUNT,
    GONE,
    Snapchat,
    element,
    inner,
    listed,
    refusal,
    segment_of,
    whole,
)

SEGMENTS = f"adaccounts/{ACCOUNT}/segments"


def page(snapchat: Snapchat, **params: object) -> httpx.Response:
    return snapchat.call("GET", SEGMENTS, params={name: str(params[name]) for name in params})


def ids(answer: httpx.Response) -> list[str]:
    return [str(each["segment"]["id"]) for each in inner(answer, "segments")]


def put(snapchat: Snapchat, *elements: dict[str, Any]) -> httpx.Response:
    return snapchat.call("PUT", SEGMENTS, json={"segments": elements})


def test_a_new_segment(either: Snapchat) -> None:
    answer = either.make({"name": "vip_buyers", "description": "made by audsync"})
    (told,) = inner(answer, "segments")
    segment = told["segment"]
    for name in ("created_at", "updated_at"):
        moment = segment.pop(name)
        assert re.fullmatch(r"[0-9]{4}(-[0-9]{2}){2}T([0-9]{2}:){2}[0-9]{2}\.[0-9]{3}Z", moment)
    assert segment == {
        "id": "5000000000000001",
        "name": "vip_buyers",
        "ad_account_id": ACCOUNT,
        "description": "made by audsync",
        "status": "PENDING",
        "targetable_status": "NOT_READY",
        "upload_status": "NO_UPLOAD",
        "source_type": "FIRST_PARTY",
        "retention_in_days": 9999,
        "approximate_number_users": 0,
    }
    remote = either.remote("5000000000000001")
    assert (remote.name, remote.account) == ("vip_buyers", ACCOUNT)


def test_the_time_is_that_of_the_sandbox(snapchat: Snapchat) -> None:
    told = snapchat.read(snapchat.create())
    assert told["created_at"] == "2026-11-22T10:15:00.123Z"
    assert told["status"] == "PENDING"
    snapchat.world.advance(60)
    assert snapchat.read(told["id"])["status"] == "ACTIVE"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": ""}, "name must be a text of 1 to 375 characters"),
        ({"name": "  "}, "name must be a text of 1 to 375 characters"),
        ({"name": "é" * 376}, "name must be a text of 1 to 375 characters"),
        ({"name": None}, "name must be a text of 1 to 375 characters"),
        ({"ad_account_id": "another"}, "ad_account_id must be the ad account of the path"),
        ({"source_type": "PIXEL"}, "source_type must be FIRST_PARTY"),
        ({"description": 1}, "description must be a text"),
        ({"status": "ACTIVE"}, "status is read-only"),
        ({"approximate_number_users": 5}, "approximate_number_users is read-only"),
        ({"colour": "red"}, "A field of the segment is not known"),
        *(
            (
                {"retention_in_days": days},
                "retention_in_days must be a whole number from 1 to 9999",
            )
            for days in (0, 10_000, "30", 1.5, True, None)
        ),
    ],
)
def test_a_bad_segment_fails_inside_a_200(
    snapchat: Snapchat, change: dict[str, object], message: str
) -> None:
    assert refusal(snapchat.make(change)) == listed(message)
    assert snapchat.world.remotes("snapchat") == []


@pytest.mark.parametrize("missing", ["name", "ad_account_id", "source_type"])
def test_what_a_segment_must_say(snapchat: Snapchat, missing: str) -> None:
    segment = segment_of("x")
    del segment[missing]
    answer = snapchat.call("POST", SEGMENTS, json={"segments": [segment]})
    assert refusal(answer)["request_status"] == "ERROR"


def test_names_of_375_characters_and_of_others_are_taken(snapchat: Snapchat) -> None:
    assert snapchat.create("é" * 375)
    assert snapchat.create("same") != snapchat.create("same")
    assert snapchat.read(snapchat.create(retention_in_days=30))["retention_in_days"] == 30


def test_duplicate_names_are_refused_if_told_so(snapchat: Snapchat) -> None:
    snapchat.configure(refuses_duplicate_names=True)
    snapchat.create("same")
    assert refusal(snapchat.make({"name": "same"})) == listed(
        "The name is already in use", code="E2002"
    )
    snapchat.create("other")


@pytest.mark.parametrize("status", ["PARTIAL", "SUCCESS", "ERROR"])
def test_one_bad_segment_does_not_hold_up_the_others(snapchat: Snapchat, status: str) -> None:
    snapchat.configure(mixed_status=status, validation_code="E1999")
    answer = snapchat.make({"name": "good"}, {"source_type": "MOBILE"}, {"name": "also"})
    told = answer.json()
    assert (answer.status_code, told["request_status"]) == (200, status)
    good, bad, also = told["segments"]
    assert bad == element("source_type must be FIRST_PARTY", code="E1999")
    assert good["segment"]["name"] == "good"
    assert also["sub_request_status"].lower() == "success"
    assert [remote.name for remote in snapchat.world.remotes("snapchat")] == ["good", "also"]


@pytest.mark.parametrize("count", [0, 16])
def test_fifteen_segments_a_call(snapchat: Snapchat, count: int) -> None:
    message = "segments must be a list of 1 to 15 objects"
    assert refusal(snapchat.make(*[{}] * count)) == whole(message)
    assert len(inner(snapchat.make(*[{}] * 15), "segments")) == 15


def test_bodies_of_another_form(snapchat: Snapchat) -> None:
    said = "The request body must hold segments and nothing else"
    bodies: list[tuple[dict[str, Any], str]] = [
        ({}, said),
        ({"data": {"segments": [segment_of("x")]}}, said),
        ({"segments": {}}, "segments must be a list of 1 to 15 objects"),
        ({"segments": ["x"]}, "Every element of segments must be an object"),
    ]
    for body, message in bodies:
        assert refusal(snapchat.call("POST", SEGMENTS, json=body)) == whole(message)


def test_an_account_holds_a_thousand_segments(snapchat: Snapchat) -> None:
    snapchat.configure(max_segments=2, quota_code="E2777")
    snapchat.create()
    told = snapchat.make({"name": "fits"}, {"name": "not"}).json()
    assert told["segments"][1] == element(
        "The ad account has reached its limit of segments", code="E2777"
    )
    assert len(snapchat.world.remotes("snapchat")) == 2


class TestLists:
    @pytest.fixture
    def made(self, snapchat: Snapchat) -> list[str]:
        calls = [snapchat.make(*[{}] * 15) for _ in range(8)]
        return [number for call in calls for number in ids(call)]

    def test_pages_are_linked_on_our_own_host(self, snapchat: Snapchat, made: list[str]) -> None:
        answer = page(snapchat, limit=50, sort="name")
        seen = ids(answer)
        links = []
        while "paging" in answer.json():
            links.append(answer.json()["paging"]["next_link"])
            answer = snapchat.http.get(links[-1])
            seen += ids(answer)
        assert seen == made
        assert len(links) == 2
        for link in links:
            url = urlsplit(link)
            assert f"{url.scheme}://{url.netloc}{url.path}" == (
                f"http://sandbox/snapchat/v1/{SEGMENTS}"
            )
            assert set(parse_qs(url.query)) == {"limit", "sort", "cursor"}

    def test_a_page_goes_on_after_deletions(self, snapchat: Snapchat, made: list[str]) -> None:
        link = page(snapchat, limit=50).json()["paging"]["next_link"]
        for number in made[:60]:
            snapchat.call("DELETE", f"segments/{number}")
        assert ids(snapchat.http.get(link)) == made[60:110]

    def test_without_a_limit_the_order_means_nothing(
        self, snapchat: Snapchat, made: list[str]
    ) -> None:
        answer = page(snapchat)
        assert "paging" not in answer.json()
        assert ids(answer) != made
        assert sorted(ids(answer)) == made

    @pytest.mark.parametrize("limit", ["49", "1001", "0", "-50", "many", ""])
    def test_limits(self, snapchat: Snapchat, limit: str) -> None:
        message = "limit must be from 50 to 1000"
        assert refusal(page(snapchat, limit=limit)) == whole(message)
        assert ids(page(snapchat, limit=1000)) == []

    @pytest.mark.parametrize("cursor", ["x", "c2lt", "YWJj", "c2ltLXg=", "é"])
    def test_a_cursor_of_somebody_else(self, snapchat: Snapchat, cursor: str) -> None:
        answer = page(snapchat, limit=50, cursor=cursor)
        assert refusal(answer) == whole("cursor is not valid")


class TestUpdates:
    def test_what_is_said_changes_and_the_rest_stays(self, snapchat: Snapchat) -> None:
        segment = snapchat.create(description="old")
        snapchat.world.advance(5)
        (told,) = inner(put(snapchat, {"id": segment, "name": "new"}), "segments")
        assert told["segment"]["name"] == "new"
        read = snapchat.read(segment)
        assert (read["name"], read["description"]) == ("new", "old")
        assert read["updated_at"] == "2026-11-22T10:15:05.123Z"
        # The entity as it was read may be sent back.
        put(snapchat, {**read, "description": "newer", "retention_in_days": 30})
        read = snapchat.read(segment)
        assert (read["name"], read["description"]) == ("new", "newer")
        assert read["retention_in_days"] == 30

    @pytest.mark.parametrize(
        ("change", "message", "code"),
        [
            ({"id": "5000000000000009"}, GONE, "E3004"),
            ({"id": None}, GONE, "E3004"),
            ({"source_type": "PIXEL"}, "The value of source_type cannot be changed", "E2023"),
            ({"ad_account_id": "x"}, "The value of ad_account_id cannot be changed", "E2023"),
            ({"name": ""}, "name must be a text of 1 to 375 characters", "E1001"),
            ({"colour": "red"}, "A field of the segment is not known", "E1001"),
        ],
    )
    def test_updates_that_are_refused(
        self, snapchat: Snapchat, change: dict[str, object], message: str, code: str
    ) -> None:
        segment = snapchat.create()
        answer = put(snapchat, {"id": segment, "description": "new", **change})
        assert refusal(answer) == listed(message, code=code)
        assert "description" not in snapchat.read(segment)

    def test_a_change_of_retention_is_a_setting(self, snapchat: Snapchat) -> None:
        segment = snapchat.create()
        snapchat.configure(retention_changes="ignored")
        (told,) = inner(put(snapchat, {"id": segment, "retention_in_days": 30}), "segments")
        assert told["segment"]["retention_in_days"] == 9999
        snapchat.configure(retention_changes="refused")
        assert refusal(put(snapchat, {"id": segment, "retention_in_days": 30})) == listed(
            "The value of retention_in_days cannot be changed", code="E2023"
        )
        inner(put(snapchat, {"id": segment, "retention_in_days": 9999}), "segments")
        assert snapchat.read(segment)["retention_in_days"] == 9999


def test_delete_succeeds_once(either: Snapchat) -> None:
    segment = either.create()
    assert inner(either.call("DELETE", f"segments/{segment}"), "segments") == []
    assert refusal(either.call("DELETE", f"segments/{segment}")) == listed(GONE, code="E3004")
    assert refusal(either.call("GET", f"segments/{segment}"))["error_code"] == "E3004"
    assert ids(either.call("GET", SEGMENTS)) == []


def test_the_word_success_comes_in_every_case(snapchat: Snapchat) -> None:
    answers = [snapchat.make({}).json() for _ in range(12)]
    tops = [answer["request_status"] for answer in answers]
    inners = [answer["segments"][0]["sub_request_status"] for answer in answers]
    assert set(tops) == set(inners) == {"success", "SUCCESS", "Success"}
    assert tops != inners
    assert len({answer["request_id"] for answer in answers}) == 12
    snapchat.configure(varies_case=False)
    answer = snapchat.make({}).json()
    assert answer["request_status"] == answer["segments"][0]["sub_request_status"] == "SUCCESS"


@pytest.mark.parametrize(
    "changes",
    [
        {"nonsense": 1},
        {"max_rows": 0},
        {"accounts": []},
        {"missing_segment": "500"},
        {"validation_code": "1001"},
        {"people": [[["EMAIL_SHA256", "anna@example.com"]]]},
        {"refresh_tokens": [{"expires": 1}]},
    ],
)
def test_settings_that_are_not_allowed(changes: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="not allowed") as refused:
        Settings().changed(changes)
    assert "anna" not in refused.value.message


def test_secrets_stay_out_of_reprs() -> None:
    people = [[["EMAIL_SHA256", "a" * 64]]]
    text = repr(Settings().changed({"people": people}))
    assert "sandbox-client-secret" not in text
    assert "sandbox-snapchat-refresh" not in text
    assert "a" * 64 not in text
