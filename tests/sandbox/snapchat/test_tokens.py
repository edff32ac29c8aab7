import httpx
import pytest

from tests.sandbox.snapchat.client import (
    ACCOUNT,
    GRANT,
    NOT_AVAILABLE,
    Snapchat,
    inner,
    refusal,
    whole,
)

SIGNED_IN = f"adaccounts/{ACCOUNT}"


def bearer(snapchat: Snapchat, value: str) -> httpx.Response:
    return snapchat.call("GET", SIGNED_IN, headers={"Authorization": value})


def test_a_refresh_gives_a_token_for_an_hour(either: Snapchat) -> None:
    answer = either.refresh()
    assert answer.status_code == 200
    assert answer.json() == {
        "access_token": "sandbox-snapchat-access-2",
        "token_type": "Bearer",
        "expires_in": 3600,
        "refresh_token": "sandbox-snapchat-refresh",
        "scope": "snapchat-marketing-api",
    }
    assert bearer(either, "Bearer sandbox-snapchat-access-2").status_code == 200
    assert bearer(either, "bearer sandbox-snapchat-access-1").status_code == 200


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({"client_id": "another"}, 401, "invalid_client"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": ""}, 400, "unsupported_grant_type"),
        ({"refresh_token": "another"}, 400, "invalid_grant"),
        ({"grant_type": "authorization_code", "refresh_token": ""}, 400, "invalid_grant"),
    ],
)
def test_refreshes_that_are_refused(
    snapchat: Snapchat, fields: dict[str, str], status: int, error: str
) -> None:
    answer = snapchat.refresh(**fields)
    assert (answer.status_code, answer.json()) == (status, {"error": error})


def test_the_status_of_a_refused_refresh_is_a_setting(snapchat: Snapchat) -> None:
    snapchat.configure(invalid_client_status=400, invalid_grant_status=401)
    assert snapchat.refresh(client_id="another").status_code == 400
    assert snapchat.refresh(refresh_token="another").status_code == 401


def test_a_refresh_is_a_form_that_is_posted(snapchat: Snapchat) -> None:
    url = f"{snapchat.base_url}/login/oauth2/access_token"
    for answer in (snapchat.http.post(url, json=GRANT), snapchat.http.post(url, params=GRANT)):
        assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})
    assert snapchat.http.get(url, params=GRANT).status_code == 405


def test_a_refresh_token_belongs_to_its_client(snapchat: Snapchat) -> None:
    snapchat.configure(clients=[{}, {"id": "other", "secret": "other-secret"}])
    answer = snapchat.refresh(client_id="other", client_secret="other-secret")
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_grant"})


def test_a_rotated_refresh_token_dies(snapchat: Snapchat) -> None:
    snapchat.configure(rotates_refresh_tokens=True)
    first = snapchat.refresh().json()["refresh_token"]
    assert first != GRANT["refresh_token"]
    assert snapchat.refresh().json() == {"error": "invalid_grant"}
    second = snapchat.refresh(refresh_token=first).json()
    assert second["refresh_token"] not in (first, GRANT["refresh_token"])
    assert bearer(snapchat, f"Bearer {second['access_token']}").status_code == 200
    assert snapchat.refresh(refresh_token=first).json() == {"error": "invalid_grant"}
    # A new consent makes the tokens of the settings good again.
    snapchat.configure(refresh_tokens=[{}])
    assert snapchat.refresh().status_code == 200


def test_a_lost_answer_to_a_rotation_takes_the_old_token_all_the_same(snapchat: Snapchat) -> None:
    snapchat.configure(rotates_refresh_tokens=True)
    snapchat.arm({"kind": "reset", "path": "/login"})
    with pytest.raises(httpx.ReadError):
        snapchat.refresh()
    assert snapchat.refresh().json() == {"error": "invalid_grant"}


@pytest.mark.parametrize("life_s", [3600, 1800])
def test_an_access_token_expires(snapchat: Snapchat, life_s: int) -> None:
    snapchat.configure(token_life_s=life_s)
    snapchat.sign_in()
    snapchat.world.advance(life_s - 1)
    assert snapchat.call("GET", SIGNED_IN).status_code == 200
    snapchat.world.advance(1)
    answer = snapchat.call("GET", SIGNED_IN)
    assert (answer.status_code, answer.text) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == (
        'Bearer error="invalid_token", error_description="The access token expired"'
    )
    snapchat.sign_in()
    assert snapchat.call("GET", SIGNED_IN).status_code == 200


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("Basic abc", "Bearer"),
        ("Bearer", "Bearer"),
        (
            "Bearer unknown",
            'Bearer error="invalid_token", error_description="The access token is invalid"',
        ),
    ],
)
def test_calls_without_a_good_token(snapchat: Snapchat, value: str, told: str) -> None:
    answer = bearer(snapchat, value)
    assert (answer.status_code, answer.text) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == told


def test_a_revoked_grant_takes_its_access_tokens_along(snapchat: Snapchat) -> None:
    snapchat.configure(refresh_tokens=[{"value": "another"}])
    assert snapchat.call("GET", SIGNED_IN).status_code == 401
    assert snapchat.refresh().json() == {"error": "invalid_grant"}


@pytest.mark.parametrize(
    "trouble",
    [
        {"refresh_tokens": [{"scopes": ["snapchat-profile-api"]}]},
        {"refresh_tokens": [{"accounts": ["another"]}]},
        {"accounts": [{"has_role": False}]},
    ],
)
def test_a_missing_right_is_e3002(snapchat: Snapchat, trouble: dict[str, object]) -> None:
    segment = snapchat.create()
    snapchat.configure(**trouble)
    for path in (SIGNED_IN, f"segments/{segment}"):
        assert refusal(snapchat.call("GET", path)) == whole(
            "Caller does not have permission", status=403, code="E3002", shown=NOT_AVAILABLE
        )


def test_refreshes_are_counted_and_their_secrets_are_not_kept(snapchat: Snapchat) -> None:
    snapchat.refresh()
    snapchat.refresh(refresh_token="s3cret")
    answer = snapchat.http.get(f"{snapchat.root}/_sandbox/requests")
    actions = [each["action"] for each in answer.json()["requests"]]
    assert actions == ["token", "token", "token"]
    assert "s3cret" not in answer.text
    assert "sandbox-snapchat" not in answer.text


def test_who_am_i(snapchat: Snapchat) -> None:
    told = snapchat.call("GET", "me").json()
    assert told["request_status"].lower() == "success"
    assert told["me"]["client_id"] == "sandbox-client"
    (account,) = inner(snapchat.call("GET", SIGNED_IN), "adaccounts")
    assert account["adaccount"]["organization_id"] == told["me"]["organization_id"]
