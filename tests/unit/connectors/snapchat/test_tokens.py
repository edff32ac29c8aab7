"""How a connection gets its access tokens, keeps them, and what refusals come to."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from audsync.connectors.contract import may_have_applied
from audsync.connectors.snapchat.connector import SnapchatConnector
from audsync.domain import RemoteId
from audsync.errors import (
    AudsyncError,
    ConfigError,
    CredentialsError,
    CredentialsExpiredError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitError,
    UnavailableError,
    UnreachableError,
)
from tests.unit.connectors.fakes import FakeClock
from tests.unit.connectors.snapchat.script import (
    GRANT,
    TOKEN,
    TOKEN_URL,
    Says,
    Script,
    Step,
    connected,
    error,
    success,
)

PAGE = success()


def oauth_error(name: str, status: int = 400) -> Says:
    return Says(status, {"error": name, "error_description": "s3cret r3fresh-1"})


def failure(connector: SnapchatConnector) -> AudsyncError:
    with pytest.raises(AudsyncError) as caught:
        connector.check_access()
    return caught.value


def test_a_token_is_asked_for_in_a_form_and_used_for_an_hour(
    snapchat: SnapchatConnector, script: Script, clock: FakeClock
) -> None:
    script.answers = [PAGE, PAGE]
    snapchat.check_access()
    clock.seconds += 3_400
    snapchat.check_access()
    (asked,) = script.asked
    assert asked.method == "POST"
    assert str(asked.url) == TOKEN_URL
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "Authorization" not in asked.headers
    assert parse_qs(asked.content.decode()) == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["r3fresh-1"],
        "client_id": ["cl-1"],
        "client_secret": ["s3cret"],
    }
    assert script.tokens == [f"Bearer {TOKEN}"] * 2


@pytest.mark.parametrize("life_s", [3_600, 1_800])
def test_a_token_is_renewed_ahead_of_its_end(
    snapchat: SnapchatConnector, script: Script, clock: FakeClock, life_s: int
) -> None:
    script.grants = [{**GRANT, "expires_in": life_s}, {**GRANT, "access_token": "t0ken-2"}]
    script.answers = [PAGE, PAGE]
    snapchat.check_access()
    clock.seconds += life_s - 100
    snapchat.check_access()
    assert script.tokens == [f"Bearer {TOKEN}", "Bearer t0ken-2"]


@pytest.mark.parametrize("body", ["unauthorized", "", "<html>", {"request_status": "ERROR"}])
def test_a_token_refused_early_is_renewed_once_and_the_call_made_again(
    snapchat: SnapchatConnector, script: Script, body: dict[str, Any] | str
) -> None:
    script.grants = [GRANT, {**GRANT, "access_token": "t0ken-2"}]
    script.answers = [Says(401, body), success(id="5")]
    assert snapchat.create("vip", "") == "5"
    assert script.tokens == [f"Bearer {TOKEN}", "Bearer t0ken-2"]


def test_a_new_token_that_is_refused_as_well_is_for_a_person_to_mend(
    snapchat: SnapchatConnector, script: Script
) -> None:
    script.grants = [GRANT, {**GRANT, "access_token": "t0ken-2"}]
    script.answers = [Says(401, "unauthorized"), Says(401, "unauthorized")]
    refused = failure(snapchat)
    assert type(refused) is CredentialsExpiredError
    assert refused.exit_code == 5
    assert len(script.seen) == 2


def test_another_refresh_token_is_used_from_then_on(
    snapchat: SnapchatConnector, script: Script, clock: FakeClock
) -> None:
    other = {**GRANT, "refresh_token": "r3fresh-2"}
    script.grants = [other, {**GRANT, "refresh_token": ""}, {**GRANT, "refresh_token": 5}]
    script.answers = [PAGE] * 3
    for _ in range(3):
        snapchat.check_access()
        clock.seconds += 3_600
    used = [parse_qs(asked.content.decode())["refresh_token"] for asked in script.asked]
    assert used == [["r3fresh-1"], ["r3fresh-2"], ["r3fresh-2"]]


def test_callers_at_one_time_share_one_renewal(snapchat: SnapchatConnector, script: Script) -> None:
    script.answers = [PAGE] * 8
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: snapchat.check_access(), range(8)))
    assert len(script.asked) == 1


REFUSALS: list[tuple[Step, type[AudsyncError], int]] = [
    (oauth_error("invalid_grant"), CredentialsExpiredError, 5),
    (oauth_error("invalid_grant", 401), CredentialsExpiredError, 5),
    (oauth_error("invalid_client", 401), CredentialsError, 5),
    (oauth_error("invalid_client"), CredentialsError, 5),
    (oauth_error("unauthorized_client"), CredentialsError, 5),
    (oauth_error("unsupported_grant_type"), CredentialsError, 5),
    (oauth_error("s3cret r3fresh-1"), CredentialsError, 5),
    (oauth_error("invalid_grant", 200), CredentialsExpiredError, 5),
    (Says(401, "unauthorized"), CredentialsError, 5),
    (Says(403, "<html>"), PermissionDeniedError, 5),
    (Says(404, "<html>"), ConfigError, 2),
    (Says(405, ""), ConfigError, 2),
    (Says(302, ""), ConfigError, 2),
]


@pytest.mark.parametrize(("step", "expected", "exit_code"), REFUSALS)
def test_a_refusal_is_final_and_tells_no_secret(
    snapchat: SnapchatConnector,
    script: Script,
    step: Step,
    expected: type[AudsyncError],
    exit_code: int,
) -> None:
    script.grants = [step]
    refused = failure(snapchat)
    assert type(refused) is expected
    assert refused.exit_code == exit_code
    assert not may_have_applied(refused)
    assert script.seen == []
    for secret in ("s3cret", "r3fresh", "cl-1"):
        assert secret not in json.dumps(refused.as_json())


def test_a_dead_refresh_token_asks_for_a_new_connection(
    snapchat: SnapchatConnector, script: Script
) -> None:
    script.grants = [oauth_error("invalid_grant")]
    refused = failure(snapchat)
    assert refused.action_required == "reconnect_platform"
    assert refused.details["error_code"] == "invalid_grant"
    assert refused.message.endswith("Please reconnect your account.")


PASSING: list[tuple[Step, type[AudsyncError]]] = [
    (Says(500, "<html>"), UnavailableError),
    (Says(503, "<html>"), UnavailableError),
    (oauth_error("invalid_grant", 500), UnavailableError),
    (oauth_error("temporarily_unavailable"), UnavailableError),
    (oauth_error("server_error"), UnavailableError),
    (Says(400, "<html>"), UnavailableError),
    (httpx.ReadTimeout("silence"), UnavailableError),
    (httpx.ReadError("reset"), UnavailableError),
    (httpx.ConnectError("refused"), UnreachableError),
    (Says(429, "slow down"), RateLimitError),
    (oauth_error("slow_down", 429), RateLimitError),
    (Says(200, "<html>"), UnavailableError),
    (Says(200, "x" * 2_000_000), UnavailableError),
    ({}, UnavailableError),
    ({**GRANT, "access_token": ""}, UnavailableError),
    ({**GRANT, "access_token": "a\nb"}, UnavailableError),
    ({**GRANT, "access_token": ["a"]}, UnavailableError),
    ({**GRANT, "expires_in": None}, UnavailableError),
    ({**GRANT, "expires_in": "soon"}, UnavailableError),
    ({**GRANT, "expires_in": -1}, UnavailableError),
    ({**GRANT, "error": {}}, UnavailableError),
]


@pytest.mark.parametrize(("step", "expected"), PASSING)
def test_a_token_that_cannot_be_had_now_leaves_no_doubt_about_the_call(
    snapchat: SnapchatConnector,
    script: Script,
    clock: FakeClock,
    step: Step,
    expected: type[AudsyncError],
) -> None:
    script.grants = [step] * 50
    with pytest.raises(AudsyncError) as caught:
        snapchat.create("vip", "")
    assert type(caught.value) is expected
    assert caught.value.exit_code == 6
    assert not may_have_applied(caught.value)
    assert script.seen == []
    assert sum(clock.slept_s) <= 60


@pytest.mark.parametrize(("step", "expected"), PASSING)
def test_one_lost_answer_to_a_call_for_a_token_is_made_good(
    snapchat: SnapchatConnector, script: Script, step: Step, expected: type[AudsyncError]
) -> None:
    assert issubclass(expected, AudsyncError)
    script.grants = [step, GRANT]
    script.answers = [success(id="5")]
    assert snapchat.create("vip", "") == "5"


def test_a_call_in_doubt_stays_in_doubt_when_the_next_token_cannot_be_had(
    snapchat: SnapchatConnector, script: Script
) -> None:
    script.grants = [GRANT, *([Says(503)] * 9)]
    script.answers = [Says(500), Says(401)]
    with pytest.raises(OutcomeUnknownError):
        snapchat.wipe(RemoteId("5"))


def test_a_life_without_end_is_a_day(
    snapchat: SnapchatConnector, script: Script, clock: FakeClock
) -> None:
    script.grants = [{**GRANT, "expires_in": 2**62}, {**GRANT, "access_token": "t0ken-2"}]
    script.answers = [PAGE, PAGE]
    snapchat.check_access()
    clock.seconds += 86_400
    snapchat.check_access()
    assert script.tokens == [f"Bearer {TOKEN}", "Bearer t0ken-2"]


def test_the_address_for_tokens_is_used_exactly(script: Script, clock: FakeClock) -> None:
    token_url = "http://127.0.0.1:8080/snapchat/access_token/?via=proxy"
    connector = connected(script, clock, token_url=token_url)
    script.answers = [PAGE]
    connector.check_access()
    connector.close()
    assert str(script.asked[0].url) == token_url


def test_a_user_without_a_role_is_told_so(snapchat: SnapchatConnector, script: Script) -> None:
    script.answers = [error("E3002", 403)]
    refused = failure(snapchat)
    assert type(refused) is PermissionDeniedError
    assert "Data Manager" in refused.message
