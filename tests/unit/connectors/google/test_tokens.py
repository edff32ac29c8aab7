import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from google.auth import jwt

from audsync.connectors.contract import HttpLimits
from audsync.connectors.google.assertion import signer
from audsync.connectors.google.settings import settings
from audsync.connectors.google.tokens import MARGIN_S, Tokens
from audsync.connectors.http import open_http
from audsync.connectors.oauth import Bearer
from audsync.errors import AudsyncError, ConfigError, RateLimitError, UnavailableError
from tests.unit.connectors.fakes import FakeClock
from tests.unit.connectors.google.accounts import SECRETS, access, service_account

TOKEN_URL = "http://tokens.test/oauth/token"
GOOD = {"access_token": "ya29.first", "expires_in": 3599, "token_type": "Bearer"}


class Endpoint:
    """Answers in order, the last one for ever."""

    def __init__(self) -> None:
        self.answers: list[httpx.Response | Exception] = [httpx.Response(200, json=GOOD)]
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    def forms(self) -> list[dict[str, str]]:
        return [
            {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
            for request in self.seen
        ]


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def http(endpoint: Endpoint) -> Iterator[httpx.Client]:
    with open_http(HttpLimits(), httpx.MockTransport(endpoint)) as client:
        yield client


def tokens(http: httpx.Client, clock: FakeClock, **changes: Any) -> Tokens:  # noqa: ANN401 - fields of Access
    mine = settings(access(token_url=TOKEN_URL, **changes))
    return Tokens(http, mine, clock=clock, limits=HttpLimits())


def failure_of(source: Tokens) -> AudsyncError:
    with pytest.raises(AudsyncError) as caught:
        source.fetch()
    told = f"{caught.value!r} {caught.value.as_json()}"
    assert not any(secret in told for secret in SECRETS.values())
    return caught.value


def test_a_refresh_token_is_traded_in_the_body_of_a_form(
    http: httpx.Client, clock: FakeClock, endpoint: Endpoint
) -> None:
    token = tokens(http, clock).fetch().token
    assert (token.value, token.lasts_s) == ("ya29.first", 3599)
    (request,) = endpoint.seen
    assert (request.method, str(request.url)) == ("POST", TOKEN_URL)
    assert "Authorization" not in request.headers
    assert endpoint.forms() == [{"grant_type": "refresh_token", **SECRETS}]
    assert "ya29" not in repr(token)


def test_a_service_account_signs_for_an_hour_and_its_key_stays_here(
    http: httpx.Client, clock: FakeClock, endpoint: Endpoint
) -> None:
    key = service_account()
    tokens(http, clock, credentials={"service_account": key}).fetch()
    (form,) = endpoint.forms()
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert jwt.decode_header(form["assertion"]) == {  # type: ignore[no-untyped-call]
        "alg": "RS256",
        "typ": "JWT",
        "kid": "key-1",
    }
    now = int(clock.now().timestamp())
    assert jwt.decode(form["assertion"], verify=False) == {  # type: ignore[no-untyped-call]
        "iss": "sync@example.iam.gserviceaccount.com",
        "scope": "https://www.googleapis.com/auth/datamanager",
        "aud": "https://oauth2.googleapis.com/token",
        "iat": now,
        "exp": now + 3600,
    }
    assert "PRIVATE" not in endpoint.seen[0].content.decode()


def test_a_key_may_lie_in_a_file(tmp_path: Any, clock: FakeClock) -> None:  # noqa: ANN401 - pytest's Path
    path = tmp_path / "key.json"
    path.write_text(service_account())
    assert signer(str(path)).assertion(clock.now()).count(".") == 2


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("/nowhere/key.json", "cannot be read"),
        ("{", "neither JSON"),
        ("{}", "not the key of a service account"),
        (json.dumps({"type": "authorized_user", "refresh_token": "1//x"}), "not the key"),
        (service_account(private_key="-----BEGIN s3cret"), "damaged"),
        (service_account(private_key=7), "damaged"),
        (json.dumps({"type": "service_account", "private_key": "s3cret"}), "damaged"),
    ],
)
def test_a_key_that_cannot_be_used_is_a_matter_of_configuration(key: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        signer(key)
    assert "s3cret" not in str(caught.value)
    assert "1//x" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "name", "code"),
    [
        (400, "invalid_grant", "CREDENTIALS_EXPIRED"),
        (401, "invalid_client", "INVALID_CREDENTIALS"),
        (400, "unauthorized_client", "INVALID_CREDENTIALS"),
        (400, "invalid_scope", "PERMISSION_DENIED"),
        (403, "access_denied", "PERMISSION_DENIED"),
        (400, "admin_policy_enforced", "PERMISSION_DENIED"),
        (400, "of tomorrow: 1//refresh", "INVALID_CREDENTIALS"),
    ],
)
def test_a_refused_refresh_is_for_a_person_and_is_not_tried_again(
    http: httpx.Client, clock: FakeClock, endpoint: Endpoint, status: int, name: str, code: str
) -> None:
    body = {"error": name, "error_description": "Token 1//refresh has been revoked."}
    endpoint.answers = [httpx.Response(status, json=body)]
    error = failure_of(tokens(http, clock))
    assert (error.code, error.exit_code) == (code, 5)
    assert len(endpoint.seen) == 1


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.ReadTimeout("silence"),
        httpx.ReadError("reset"),
        httpx.ConnectError("refused"),
        httpx.Response(500, content=b"<html>"),
        httpx.Response(503, json={"error": "invalid_grant"}),
        httpx.Response(400, json={"error": "temporarily_unavailable"}),
        httpx.Response(400, json={"error": "internal_failure"}),
        httpx.Response(200, content=b"{"),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"access_token": "ya29 x", "expires_in": 3599}),
        httpx.Response(200, json={"access_token": "ya29\nX: y", "expires_in": 3599}),
        httpx.Response(200, json={"access_token": "ya29.é", "expires_in": 3599}),
        httpx.Response(200, json={"access_token": "ya29.x", "expires_in": "soon"}),
        httpx.Response(200, json={"access_token": ["ya29.x"], "expires_in": 3599}),
    ],
)
def test_a_token_that_cannot_be_had_now_leaves_no_doubt_behind(
    http: httpx.Client, clock: FakeClock, endpoint: Endpoint, trouble: httpx.Response | Exception
) -> None:
    endpoint.answers = [trouble, httpx.Response(200, json=GOOD)]
    assert tokens(http, clock).fetch().token.value == "ya29.first"
    endpoint.answers = [trouble]
    error = failure_of(tokens(http, clock))
    assert isinstance(error, UnavailableError) or error.code == "PLATFORM_UNAVAILABLE"
    assert error.exit_code == 6


def test_the_tries_for_a_token_are_not_begun_anew_by_the_call_that_wants_it(
    http: httpx.Client, clock: FakeClock, endpoint: Endpoint
) -> None:
    endpoint.answers = [httpx.Response(429, headers={"Retry-After": "5"})]
    error = failure_of(tokens(http, clock))
    assert isinstance(error, RateLimitError)
    assert error.wait_s > HttpLimits().max_wait_s


@pytest.mark.parametrize("status", [302, 404])
def test_an_address_without_tokens_is_a_matter_of_configuration(
    http: httpx.Client, clock: FakeClock, endpoint: Endpoint, status: int
) -> None:
    endpoint.answers = [httpx.Response(status, content=b"no")]
    assert "token_url" in failure_of(tokens(http, clock)).message


def test_a_token_is_renewed_five_minutes_ahead_and_one_at_a_time(
    http: httpx.Client, clock: FakeClock, endpoint: Endpoint
) -> None:
    bearer = Bearer(tokens(http, clock).fetch, clock=clock, margin_s=MARGIN_S)
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda _: bearer.token(), range(32)))
    assert set(got) == {"ya29.first"}
    assert len(endpoint.seen) == 1
    clock.seconds += 3599 - 301
    bearer.token()
    assert len(endpoint.seen) == 1
    clock.seconds += 2
    bearer.token()
    assert len(endpoint.seen) == 2
