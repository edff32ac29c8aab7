from pathlib import Path
from typing import Any

import orjson
import pytest
from google.auth import crypt, jwt
from google.auth.transport.requests import Request as AuthRequest
from google.oauth2 import service_account

from audsync.sandbox.google.signature import is_signed_by
from tests.sandbox.google.client import LISTS, Google, reason

KEY: dict[str, str] = orjson.loads((Path(__file__).parent / "service_account.json").read_bytes())
SCOPE = "https://www.googleapis.com/auth/datamanager"
ASSERTION = "urn:ietf:params:oauth:grant-type:jwt-bearer"
NOW = 1795342500  # the still clock's


def signed(**claims: object) -> str:
    given: dict[str, Any] = {
        "iss": KEY["client_email"],
        "scope": SCOPE,
        "aud": "https://oauth2.googleapis.com/token",
        "iat": NOW,
        "exp": NOW + 3600,
        **claims,
    }
    signer = crypt.RSASigner.from_service_account_info(KEY)  # type: ignore[no-untyped-call]
    return bytes(jwt.encode(signer, given)).decode()  # type: ignore[no-untyped-call]


def assert_(google: Google, assertion: str) -> Any:  # noqa: ANN401 - any JSON
    form = {"grant_type": ASSERTION, "assertion": assertion}
    answer = google.http.post(f"{google.base_url}/token", data=form)
    return answer.status_code, answer.json()


def test_a_refresh_token_buys_an_access_token(google: Google) -> None:
    assert google.token().json() == {
        "access_token": "ya29.sandbox-2",
        "expires_in": 3599,
        "scope": SCOPE,
        "token_type": "Bearer",
    }


def test_a_dead_refresh_token(google: Google) -> None:
    told = {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
    answer = google.token(refresh_token="dead")
    assert (answer.status_code, answer.json()) == (400, told)
    google.configure(refresh_tokens=[{"is_dead": True}])
    assert google.token().json() == told


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"client_id": "other"}, 401, "invalid_client"),
        ({"client_secret": "other"}, 401, "invalid_client"),
        ({"refresh_token": ""}, 400, "invalid_request"),
        ({"grant_type": ""}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": ASSERTION}, 400, "invalid_grant"),
    ],
)
def test_forms_that_are_refused(
    google: Google, form: dict[str, str], status: int, error: str
) -> None:
    answer = google.token(**form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_the_form_must_be_one(google: Google) -> None:
    answer = google.call("POST", "/token", json={"grant_type": "refresh_token"})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert google.call("GET", "/token").status_code == 404


def test_a_signed_assertion_buys_an_access_token(google: Google) -> None:
    status, token = assert_(google, signed())
    assert (status, token["scope"]) == (200, SCOPE)
    google.http.headers["Authorization"] = f"Bearer {token['access_token']}"
    assert google.call("GET", LISTS).status_code == 200
    own_audience = signed(aud=f"{google.base_url}/token")
    assert assert_(google, own_audience)[0] == 200


@pytest.mark.parametrize(
    ("claims", "description"),
    [
        ({"iss": "other@example.iam.gserviceaccount.com"}, "account not found"),
        ({"aud": "https://example.com"}, "Failed audience check"),
        ({"exp": NOW + 3601}, "short-lived token"),
        ({"iat": NOW + 400}, "short-lived token"),
        ({"iat": NOW - 3700, "exp": NOW - 100}, "short-lived token"),
        ({"exp": "soon"}, "short-lived token"),
        ({"scope": ""}, "Invalid OAuth scope"),
    ],
)
def test_claims_that_are_refused(
    google: Google, claims: dict[str, object], description: str
) -> None:
    status, told = assert_(google, signed(**claims))
    assert status == 400
    assert description in told["error_description"]


def test_a_signature_of_somebody_else(google: Google) -> None:
    good = signed()
    forged = f"{good[:-20]}{'A' * 20}"
    for assertion in (forged, good[:-40], good.replace(good.split(".")[1], good.split(".")[0])):
        status, told = assert_(google, assertion)
        assert (status, told["error"]) == (400, "invalid_grant")
    assert assert_(google, "a.b.c")[1]["error"] == "invalid_grant"


def test_a_public_key_that_is_none() -> None:
    for text in ("-----BEGIN PUBLIC KEY-----\n!!\n", "-----BEGIN PUBLIC KEY-----\nAAAA\n", ""):
        with pytest.raises(ValueError, match="RSA"):
            is_signed_by(text, message=b"", signature=b"")


def test_the_vendors_own_library_signs_in(served: Google) -> None:
    info = {**KEY, "token_uri": f"{served.base_url}/token"}
    credentials = service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
        info, scopes=[SCOPE]
    )
    credentials.refresh(AuthRequest())
    assert credentials.token.startswith("ya29.")
    assert credentials.expiry.timestamp() > 0


def test_tokens_end(google: Google) -> None:
    assert google.call("GET", LISTS).status_code == 200
    google.world.advance(3599)
    answer = google.call("GET", LISTS)
    assert reason(answer) == (401, "ACCESS_TOKEN_EXPIRED")
    assert answer.json()["error"]["status"] == "UNAUTHENTICATED"
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    google.sign_in()
    assert google.call("GET", LISTS).status_code == 200


def test_tokens_tell_of_themselves(google: Google) -> None:
    token = google.sign_in()
    told = google.call("GET", "/tokeninfo", params={"access_token": token}).json()
    assert (told["scope"], told["expires_in"]) == (SCOPE, "3599")
    answer = google.call("GET", "/tokeninfo", params={"access_token": "other"})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_token")
