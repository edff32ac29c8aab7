from email.utils import parsedate_to_datetime

import pytest

from tests.sandbox.google.client import ACCOUNT, LISTS, LOGIN, Google, goal, person, reason

HEADER = f"accountTypes/GOOGLE_ADS/accounts/{LOGIN}"


@pytest.mark.parametrize("header", ["", "Basic abc", "Bearer "])
def test_no_token(google: Google, header: str) -> None:
    answer = google.call("GET", LISTS, headers={"Authorization": header})
    assert reason(answer) == (401, "CREDENTIALS_MISSING")
    assert answer.json()["error"]["details"][0]["domain"] == "googleapis.com"


def test_a_token_of_nobody(google: Google) -> None:
    answer = google.call("GET", LISTS, headers={"Authorization": "Bearer ya29.other"})
    assert reason(answer) == (401, "ACCESS_TOKEN_TYPE_UNSUPPORTED")


def test_another_scope(google: Google) -> None:
    google.configure(refresh_tokens=[{"scopes": ["https://www.googleapis.com/auth/adwords"]}])
    google.sign_in()
    answer = google.call("GET", LISTS)
    assert reason(answer) == (403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT")


def test_a_project_without_the_api(google: Google) -> None:
    google.configure(is_enabled=False)
    assert reason(google.call("GET", LISTS)) == (403, "SERVICE_DISABLED")


def test_accounts_are_reached_directly_or_through_a_manager(google: Google) -> None:
    google.configure(refresh_tokens=[{"accounts": [LOGIN]}])
    google.sign_in()
    assert google.call("GET", LISTS).status_code == 200
    assert google.call("GET", LISTS, headers={"login-account": HEADER}).status_code == 200
    google.configure(refresh_tokens=[{"accounts": [ACCOUNT]}])
    google.sign_in()
    assert google.call("GET", LISTS).status_code == 200
    told = google.call("GET", LISTS, headers={"login-account": HEADER})
    assert reason(told) == (403, "PERMISSION_DENIED")
    assert told.json()["error"]["message"] == "The caller does not have permission"


def test_an_account_that_is_not_there(google: Google) -> None:
    path = LISTS.replace(ACCOUNT, "5555555555")
    assert reason(google.call("GET", path)) == (403, "PERMISSION_DENIED")
    user_list = google.create()
    for destination in (goal(user_list, account="5555555555"), goal(user_list, login="77")):
        answer = google.ingest(user_list, person("a"), destinations=[destination])
        assert reason(answer) == (403, "PERMISSION_DENIED")


def test_names_that_are_none(google: Google) -> None:
    for path in (LISTS.replace(ACCOUNT, "me"), LISTS.replace("GOOGLE_ADS", "ADWORDS")):
        assert google.call("GET", path).status_code == 400
    answer = google.call("GET", LISTS.replace("GOOGLE_ADS", "DATA_PARTNER"))
    assert "DESTINATION_ACCOUNT_TYPE_MISMATCH" in answer.text
    answer = google.call("GET", LISTS, headers={"login-account": LOGIN})
    assert "INVALID_RESOURCE_NAME" in answer.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/anything"),
        ("PUT", LISTS),
        ("POST", f"{LISTS}/1"),
        ("GET", "/v1/audienceMembers:ingest"),
    ],
)
def test_paths_that_lead_nowhere(google: Google, method: str, path: str) -> None:
    answer = google.call(method, path)
    assert (answer.status_code, answer.headers["Content-Type"][:9]) == (404, "text/html")


def test_accounts_that_are_not_allowlisted(google: Google) -> None:
    user_list = google.create()
    google.configure(accounts=[{"is_allowlisted": False}, {"id": LOGIN, "managers": []}])
    assert google.call("GET", LISTS).status_code == 200
    assert reason(google.call("POST", LISTS, json={})) == (403, "NOT_ALLOWLISTED")
    assert reason(google.ingest(user_list, person("a"))) == (403, "NOT_ALLOWLISTED")


def test_headers_of_the_older_api_are_noted(google: Google) -> None:
    google.call("GET", LISTS, headers={"developer-token": "x", "login-customer-id": "1"})
    noted = [each["header"] for each in google.world.journal.violations]
    assert noted == ["developer-token", "login-customer-id"]


def test_answers_carry_the_time_of_the_virtual_clock(either: Google) -> None:
    either.world.advance(86_400)
    either.sign_in()
    answers = [
        either.call("GET", LISTS),
        either.call("GET", "/nowhere"),
        either.send("ingest", {}),
        either.token(),
    ]
    for answer in answers:
        assert answer.headers.get_list("Date") == [answer.headers["Date"]]
        told = parsedate_to_datetime(answer.headers["Date"]).timestamp()
        assert abs(told - either.world.clock.now()) < 5


class TestQuotas:
    def test_by_minute(self, google: Google) -> None:
        google.configure(quotas={"management_read": {"per_minute": 2}})
        assert [google.call("GET", LISTS).status_code for _ in range(3)] == [200, 200, 429]
        answer = google.call("GET", LISTS)
        assert answer.json() == {
            "error": {
                "code": 429,
                "message": "Quota exceeded.",
                "status": "RESOURCE_EXHAUSTED",
                "details": [
                    {
                        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                        "reason": "RESOURCE_EXHAUSTED",
                        "domain": "datamanager.googleapis.com",
                        "metadata": {"quota_limit": "ManagementReadRequestsPerMinutePerProject"},
                    }
                ],
            }
        }
        google.create()
        google.world.advance(60)
        assert google.call("GET", LISTS).status_code == 200

    def test_the_301st_ingest_of_a_minute(self, google: Google) -> None:
        told = {google.send("ingest", {}).status_code for _ in range(300)}
        assert told == {400}
        answer = google.send("removeAll", {})
        assert answer.status_code == 429
        assert "IngestionMutateRequestsPerMinutePerProject" in answer.text

    def test_by_day(self, google: Google) -> None:
        google.configure(quotas={"ingestion_read": {"per_day": 1}})
        google.ask_status("x")
        assert "IngestionReadRequestsPerDayPerProject" in google.ask_status("x").text
        google.world.advance(3600)
        google.sign_in()
        assert google.ask_status("x").status_code == 429
        google.world.advance(86_400)
        google.sign_in()
        assert google.ask_status("x").status_code == 400
