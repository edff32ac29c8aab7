import httpx
import orjson
import pytest

from tests.sandbox.google.client import (
    LISTS,
    Google,
    everybody,
    ingestion,
    person,
    reason,
    reasons,
)

WRITES = {"platform": "google", "method": "POST", "path": "audienceMembers"}


@pytest.fixture
def user_list(either: Google) -> str:
    either.configure(settle_after_s=0)
    either.http.timeout = httpx.Timeout(0.5)
    return either.create()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("status", [500, 503, 504])
def test_a_status(either: Google, user_list: str, when: str, status: int) -> None:
    either.arm({**WRITES, "kind": "status", "status": status, "when": when})
    answer = either.ingest(user_list, person("a"))
    assert (answer.status_code, answer.headers["Content-Type"][:9]) == (status, "text/html")
    assert either.members(user_list) == (everybody("a") if when == "after" else set())


def test_a_status_with_a_body_of_google(either: Google, user_list: str) -> None:
    either.arm({**WRITES, "kind": "status", "status": 503, "code": 1})
    answer = either.ingest(user_list, person("a"))
    assert reason(answer) == (503, "INTERNAL_ERROR")
    assert answer.json()["error"]["status"] == "UNAVAILABLE"


def test_an_error_is_named_by_the_number_of_its_reason(google: Google) -> None:
    google.arm(
        {"kind": "error", "code": 26}, {"kind": "error", "code": 47, "status": 403, "nth": 2}
    )
    google.arm({"kind": "error", "status": 401, "nth": 3}, {"kind": "error_in_200", "nth": 4})
    assert reason(google.call("GET", LISTS)) == (400, "TERMS_AND_CONDITIONS_NOT_SIGNED")
    assert reason(google.call("GET", LISTS)) == (403, "NOT_ALLOWLISTED")
    assert reason(google.call("GET", LISTS)) == (401, "ACCESS_TOKEN_EXPIRED")
    answer = google.call("GET", LISTS)
    assert reason(answer) == (200, "DEADLINE_EXCEEDED")
    assert answer.json()["error"]["code"] == 504


def test_rate_limits_name_their_quota(google: Google) -> None:
    google.arm({"kind": "rate_limit"}, {"kind": "rate_limit", "wait_min": 300, "nth": 2})
    google.arm({"kind": "rate_limit", "headers": {"Retry-After": "7"}, "nth": 3})
    answers = [google.call("GET", LISTS) for _ in range(3)]
    assert {reason(each) for each in answers} == {(429, "RESOURCE_EXHAUSTED")}
    assert "MutateRequestsPerMinutePerProject" in answers[0].text
    assert "MutateRequestsPerDayPerProject" in answers[1].text
    assert "Retry-After" not in answers[0].headers
    assert answers[2].headers["Retry-After"] == "7"


def test_not_ready(google: Google) -> None:
    user_list = google.create()
    google.arm({**WRITES, "kind": "not_ready"})
    assert reasons(google.ingest(user_list, person("a")))[0][1] == "INVALID_USER_LIST_ID"
    assert google.ingest(user_list, person("a")).status_code == 200


@pytest.mark.parametrize(
    ("kind", "when", "error"),
    [
        ("reset", "before", httpx.ReadError),
        ("reset", "after", httpx.ReadError),
        ("hang", "before", httpx.ReadTimeout),
        ("hang", "after", httpx.ReadTimeout),
        ("cut", "after", httpx.RemoteProtocolError),
    ],
)
def test_answers_that_are_lost(
    either: Google, user_list: str, kind: str, when: str, error: type[Exception]
) -> None:
    either.arm({**WRITES, "kind": kind, "when": when, "seconds": 5})
    with pytest.raises(error):
        either.ingest(user_list, person("a"))
    assert either.members(user_list) == (everybody("a") if when == "after" else set())


def test_a_refused_connection(google: Google) -> None:
    google.arm({"kind": "refuse"})
    with pytest.raises(httpx.ConnectError):
        google.create()


@pytest.mark.parametrize("kind", ["broken_json", "empty", "html", "missing_fields"])
def test_a_200_without_what_it_should_say(either: Google, user_list: str, kind: str) -> None:
    either.arm({**WRITES, "kind": kind})
    answer = either.ingest(user_list, person("a"))
    assert answer.status_code == 200
    assert b'requestId":' not in answer.content.replace(b" ", b"") or kind == "broken_json"
    assert either.members(user_list) == everybody("a")


def test_the_token_endpoint_fails_as_well(google: Google) -> None:
    google.arm({"path": "/token", "kind": "status", "status": 503})
    assert google.token().status_code == 503
    assert google.token().status_code == 200


class TestLate:
    def test_a_late_request_is_in_flight_only_then(self, google: Google) -> None:
        user_list = google.create()
        google.arm({**WRITES, "kind": "late", "reply": "ok"})
        sent = google.ingest(user_list, person("a"))
        google.world.advance(1800)
        google.sign_in()
        assert google.status(sent)["requestStatus"] == "PROCESSING"
        google.world.settle()
        assert google.status(sent)["requestStatus"] == "SUCCESS"
        assert google.members(user_list) == everybody("a")

    def test_an_effect_that_comes_after_the_next_one(self, google: Google) -> None:
        google.configure(settle_after_s=0)
        user_list = google.create()
        google.arm({**WRITES, "kind": "reorder"})
        google.ingest(user_list, person("a"))
        google.remove(user_list, person("a"))
        assert google.members(user_list) == everybody("a")

    def test_a_create_that_nobody_heard_of(self, google: Google) -> None:
        google.arm({"path": "userLists", "method": "POST", "kind": "late"})
        with pytest.raises(httpx.ReadTimeout):
            google.create("ghost")
        assert google.world.remotes("google") == []
        google.world.settle()
        assert [each.name for each in google.world.remotes("google")] == ["ghost"]


def test_a_full_request_is_taken(google: Google) -> None:
    user_list = google.create()
    members = [person(f"{n} mail", f"{n} other") for n in range(10_000)]
    body = orjson.dumps(ingestion(user_list, members))
    answer = google.call("POST", "/v1/audienceMembers:ingest", content=body)
    assert answer.status_code == 200
    assert answer.json()["requestId"]
