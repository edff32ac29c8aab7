from typing import Any

import pytest

from tests.sandbox.google.client import (
    LISTS,
    USER_IDS,
    Google,
    contact,
    everybody,
    hashed,
    person,
    reasons,
)

HALF_HOUR_S, DAY_S = 1800, 86_400
T0 = "2026-11-22T10:15:00Z"


@pytest.fixture
def user_list(google: Google) -> str:
    return google.create()


def wait(google: Google, seconds: float) -> None:
    google.world.advance(seconds)
    google.sign_in()


def test_members_change_when_the_request_settles(google: Google, user_list: str) -> None:
    sent = google.ingest(user_list, person("a"))
    wait(google, HALF_HOUR_S - 1)
    assert google.status(sent) == {"requestStatus": "PROCESSING"}
    assert google.members(user_list) == set()
    assert google.remote(user_list).facts["in_flight"] == 1
    wait(google, 1)
    assert google.status(sent)["requestStatus"] == "SUCCESS"
    assert google.members(user_list) == everybody("a")
    assert google.remote(user_list).facts["in_flight"] == 0


def test_or_at_once(google: Google, user_list: str) -> None:
    google.configure(apply="at_once")
    sent = google.ingest(user_list, person("a"))
    assert google.members(user_list) == everybody("a")
    assert google.status(sent)["requestStatus"] == "PROCESSING"


def test_what_is_in_flight_settles_by_the_latest_setting(google: Google, user_list: str) -> None:
    sent = google.ingest(user_list, person("a"))
    google.configure(settle_after_s=0)
    assert google.status(sent)["requestStatus"] == "SUCCESS"


class TestStatus:
    def test_of_an_ingest(self, google: Google, user_list: str) -> None:
        members = [contact({"emailAddress": hashed(str(n))}) for n in range(200)]
        members += [contact({"phoneNumber": hashed("p")})]
        sent = google.ingest(user_list, *members)
        wait(google, HALF_HOUR_S)
        told = google.status(sent)["audienceMembersIngestionStatus"]
        told = told["compositeDataIngestionStatus"]
        assert told["uploadMatchRateRange"] == "MATCH_RATE_RANGE_71_TO_80"
        assert told["recordCount"] == "201"
        assert told["dataTypeCounts"] == [
            {"type": "EMAIL", "count": "200"},
            {"type": "PHONE_NUMBER", "count": "1"},
        ]

    def test_of_plain_user_data(self, google: Google, user_list: str) -> None:
        member = {"userData": person("a", "b")["compositeData"]["userData"]}
        sent, removed = google.ingest(user_list, member), google.remove(user_list, member)
        wait(google, HALF_HOUR_S)
        counted = {"recordCount": "1", "userIdentifierCount": "2"}
        rated = {**counted, "uploadMatchRateRange": "MATCH_RATE_RANGE_NOT_ELIGIBLE"}
        assert google.status(sent) == {
            "requestStatus": "SUCCESS",
            "audienceMembersIngestionStatus": {"userDataIngestionStatus": rated},
        }
        assert google.status(removed) == {
            "requestStatus": "SUCCESS",
            "audienceMembersRemovalStatus": {"userDataRemovalStatus": counted},
        }

    def test_of_user_ids(self, google: Google) -> None:
        users = google.create("u", USER_IDS)
        sent = google.ingest(users, {"userIdData": {"userId": "1"}})
        wait(google, HALF_HOUR_S)
        assert google.status(sent)["audienceMembersIngestionStatus"] == {
            "userIdDataIngestionStatus": {"recordCount": "1", "userIdCount": "1"}
        }

    def test_of_a_remove_all(self, google: Google, user_list: str) -> None:
        sent = google.remove_all(user_list, removeAsOfTime=T0)
        wait(google, HALF_HOUR_S)
        assert google.status(sent) == {
            "requestStatus": "SUCCESS",
            "removeAllAudienceMembersStatus": {},
        }

    def test_of_nothing(self, google: Google, user_list: str) -> None:
        assert reasons(google.ask_status("")) == [("request_id", "REQUIRED_FIELD_MISSING")]
        assert reasons(google.ask_status("x")) == [("request_id", "INVALID_REQUEST_ID")]
        sent = google.ingest(user_list, person("a"))
        wait(google, 51 * DAY_S)
        answer = google.ask_status(sent.json()["requestId"])
        assert reasons(answer) == [("request_id", "REQUEST_TOO_OLD")]

    def test_is_not_for_everybody(self, google: Google, user_list: str) -> None:
        sent = google.ingest(user_list, person("a"))
        google.configure(refresh_tokens=[{"accounts": ["77"]}])
        google.sign_in()
        assert google.ask_status(sent.json()["requestId"]).status_code == 403


class TestOrder:
    @pytest.mark.parametrize(("order", "is_in"), [("fifo", False), ("reversed", True)])
    def test_an_add_and_a_remove_in_flight_together(
        self, google: Google, user_list: str, order: str, is_in: bool
    ) -> None:
        google.configure(order=order)
        google.ingest(user_list, person("a"))
        wait(google, 60)
        removed = google.remove(user_list, person("a"))
        assert google.violations() == ["opposite_in_flight"]
        wait(google, HALF_HOUR_S - 1)
        assert google.status(removed)["requestStatus"] == "PROCESSING"
        wait(google, 1)
        assert google.status(removed)["requestStatus"] == "SUCCESS"
        assert google.members(user_list) == (everybody("a") if is_in else set())

    def test_nobody_settles_early_and_the_next_ones_wait(
        self, google: Google, user_list: str
    ) -> None:
        google.configure(order="reversed")
        first = google.ingest(user_list, person("a"))
        wait(google, HALF_HOUR_S - 1)
        second = google.ingest(user_list, person("b"))
        wait(google, 2)
        third = google.ingest(user_list, person("c"))
        wait(google, HALF_HOUR_S - 2)
        told = [google.status(each)["requestStatus"] for each in (first, second, third)]
        # The third came after the first was due: it is another round.
        assert told == ["SUCCESS", "SUCCESS", "PROCESSING"]
        wait(google, HALF_HOUR_S)
        assert google.status(third)["requestStatus"] == "SUCCESS"

    def test_a_seed_gives_the_same_order_again(self, google: Google) -> None:
        google.configure(order="shuffled")
        ends = set()
        for seed in range(8):
            google.configure(order_seed=seed)
            one, two = google.create(f"{seed} one"), google.create(f"{seed} two")
            for user_list in (one, two):
                google.ingest(user_list, person("a"))
                google.remove(user_list, person("a"))
            wait(google, HALF_HOUR_S)
            ends.add(bool(google.members(one)))
        assert ends == {True, False}

    def test_the_same_person_by_another_identifier(self, google: Google, user_list: str) -> None:
        google.ingest(user_list, person("a", "b"))
        wait(google, HALF_HOUR_S)
        google.ingest(user_list, person("a"))
        assert google.violations() == []
        google.remove(user_list, person("b"))
        assert google.violations() == ["opposite_in_flight"]

    def test_what_may_be_in_flight_together(self, google: Google, user_list: str) -> None:
        other = google.create("other")
        google.ingest(user_list, person("a"))
        google.ingest(user_list, person("a"))
        google.remove(user_list, person("b"))
        google.remove(other, person("a"))
        google.remove_all(user_list, removeAsOfTime=T0)
        wait(google, HALF_HOUR_S)
        google.remove(user_list, person("a"))
        assert google.violations() == []


class TestRemoveAll:
    def test_who_was_added_before_goes(self, google: Google, user_list: str) -> None:
        google.ingest(user_list, person("old"), person("both"))
        wait(google, HALF_HOUR_S)
        google.ingest(user_list, person("both"), person("new"))
        wait(google, HALF_HOUR_S)
        google.remove_all(user_list, removeAsOfTime="2026-11-22T10:45:00.000000Z")
        wait(google, HALF_HOUR_S)
        assert google.members(user_list) == everybody("both", "new")

    def test_the_time_of_receipt_counts(self, google: Google, user_list: str) -> None:
        google.ingest(user_list, person("a"))
        wait(google, HALF_HOUR_S)
        google.remove_all(user_list, removeAsOfTime="2026-11-22T10:15:01+00:00")
        wait(google, HALF_HOUR_S)
        assert google.members(user_list) == set()

    def test_or_that_of_settling(self, google: Google, user_list: str) -> None:
        google.configure(added_at="settled")
        google.ingest(user_list, person("a"))
        wait(google, HALF_HOUR_S)
        google.remove_all(user_list, removeAsOfTime="2026-11-22T10:15:01Z")
        wait(google, HALF_HOUR_S)
        assert google.members(user_list) == everybody("a")

    def test_without_a_time_everybody_goes(self, google: Google, user_list: str) -> None:
        google.ingest(user_list, person("a"))
        google.remove_all(user_list)
        wait(google, 1)
        google.ingest(user_list, person("later"))
        wait(google, HALF_HOUR_S)
        assert google.members(user_list) == everybody("later")

    @pytest.mark.parametrize("text", ["2026-11-22T11:15:00Z", "soon", "2026-11-22T10:00:00", ""])
    def test_times_that_are_refused(self, google: Google, user_list: str, text: str) -> None:
        answer = google.remove_all(user_list, removeAsOfTime=text)
        assert reasons(answer) == [("remove_as_of_time", "INVALID_REMOVE_AS_OF_TIME")]


class TestOutcomes:
    def outcome(self, google: Google, **outcome: object) -> None:
        google.configure(outcomes=[outcome])

    def test_the_nth_request_fails(self, google: Google, user_list: str) -> None:
        self.outcome(google, nth=2, action="ingest")
        sent = [google.ingest(user_list, person(name)) for name in "abc"]
        wait(google, HALF_HOUR_S)
        told = [google.status(each)["requestStatus"] for each in sent]
        assert told == ["SUCCESS", "FAILED", "SUCCESS"]
        assert google.status(sent[1])["errorInfo"] == {
            "errorCounts": [
                {"recordCount": "1", "reason": "PROCESSING_ERROR_REASON_INTERNAL_ERROR"}
            ]
        }
        assert google.members(user_list) == everybody("a", "c")

    def test_a_part_of_it_fails(self, google: Google, user_list: str) -> None:
        why = "PROCESSING_ERROR_REASON_INVALID_FORMAT"
        self.outcome(google, status="PARTIAL_SUCCESS", records=2, reason=why)
        sent = google.ingest(user_list, person("a"), person("b"), person("c"))
        wait(google, HALF_HOUR_S)
        shown = google.status(sent)
        assert shown["requestStatus"] == "PARTIAL_SUCCESS"
        assert shown["errorInfo"] == {"errorCounts": [{"recordCount": "2", "reason": why}]}
        assert google.members(user_list) == everybody("a")

    def test_a_remove_all_that_fails(self, google: Google, user_list: str) -> None:
        google.ingest(user_list, person("a"))
        self.outcome(google, action="remove_all")
        sent = google.remove_all(user_list)
        wait(google, HALF_HOUR_S)
        assert google.status(sent)["requestStatus"] == "FAILED"
        assert google.members(user_list) == everybody("a")

    def test_a_request_that_never_ends(self, google: Google, user_list: str) -> None:
        self.outcome(google, status="PROCESSING")
        sent = google.ingest(user_list, person("a"))
        wait(google, DAY_S)
        assert google.status(sent) == {"requestStatus": "PROCESSING"}
        assert google.members(user_list) == set()

    def test_they_count_from_when_they_are_set(self, google: Google, user_list: str) -> None:
        google.ingest(user_list, person("a"))
        self.outcome(google, nth=1)
        sent = google.ingest(user_list, person("b"))
        wait(google, HALF_HOUR_S)
        assert google.status(sent)["requestStatus"] == "FAILED"


class TestTime:
    def test_members_expire(self, google: Google) -> None:
        user_list = google.create(membershipDuration=f"{2 * DAY_S}s")
        google.ingest(user_list, person("a"), person("b"))
        wait(google, DAY_S)
        google.ingest(user_list, person("b"))
        wait(google, DAY_S + HALF_HOUR_S)
        assert google.members(user_list) == everybody("b")
        wait(google, DAY_S)
        assert google.members(user_list) == set()

    def shown(self, google: Google, user_list: str) -> dict[str, Any]:
        shown: dict[str, Any] = google.call("GET", f"{LISTS}/{user_list}").json()
        return shown

    def test_sizes_show_after_a_day_rounded(self, google: Google, user_list: str) -> None:
        google.ingest(user_list, *(person(str(number)) for number in range(200)))
        wait(google, HALF_HOUR_S + DAY_S - 1)
        before = self.shown(google, user_list)
        assert before["sizeInfo"]["searchNetworkMembersCount"] == "0"
        assert "matchRatePercentage" not in str(before)
        wait(google, 1)
        after = self.shown(google, user_list)
        matched = google.remote(user_list).facts["matched"]
        assert after["sizeInfo"]["searchNetworkMembersCount"] == str(matched // 10 * 10)
        assert after["targetNetworkInfo"] == {"eligibleForDisplay": True, "eligibleForSearch": True}
        rate = after["ingestedUserListInfo"]["contactIdInfo"]["matchRatePercentage"]
        assert rate == matched * 100 // 200

    def test_small_lists_show_nothing(self, google: Google, user_list: str) -> None:
        google.configure(counts_after_h=0)
        google.ingest(user_list, *(person(str(number)) for number in range(90)))
        wait(google, HALF_HOUR_S)
        shown = self.shown(google, user_list)
        assert shown["sizeInfo"]["youtubeMembersCount"] == "0"
        assert shown["targetNetworkInfo"]["eligibleForSearch"] is False
