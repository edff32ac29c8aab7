import hmac

import httpx
import pytest

from tests.sandbox.client import Meta, error_of

DOES_NOT_EXIST = (
    "Unsupported {} request. Object with ID '{}' does not exist, cannot be loaded due to missing"
    " permissions, or does not support this operation. Please read the Graph API documentation at"
    " https://developers.facebook.com/docs/graph-api"
)


def account(meta: Meta, **rest: object) -> httpx.Response:
    return meta.http.get(f"{meta.base_url}/v26.0/act_1001", **rest)  # type: ignore[arg-type]


def test_a_retired_version_is_refused(either: Meta) -> None:
    answer = either.http.get(f"{either.base_url}/v19.0/act_1001")
    assert answer.status_code == 400
    assert error_of(answer) == {
        "message": "(#2635) You are calling a deprecated version of the Ads API."
        " Please update to the latest version: v26.0.",
        "type": "OAuthException",
        "code": 2635,
    }


@pytest.mark.parametrize("path", ["act_1001", "v99.0/act_1001", "v26.1/act_1001", "v26.0/a/b/c"])
def test_a_path_without_a_known_version_is_refused(meta: Meta, path: str) -> None:
    answer = meta.http.get(f"{meta.base_url}/{path}")
    assert answer.status_code == 400
    assert error_of(answer) == {
        "message": f"Unknown path components: /{path}",
        "type": "OAuthException",
        "code": 2500,
    }


def test_unversioned_paths_can_be_allowed(meta: Meta) -> None:
    meta.configure(allows_unversioned=True)
    assert meta.http.get(f"{meta.base_url}/act_1001").json() == {"id": "act_1001"}


def test_an_unknown_edge_is_refused(meta: Meta) -> None:
    assert error_of(meta.call("GET", "act_1001/campaigns"))["code"] == 2500
    assert error_of(meta.call("GET", f"{meta.create()}/users"))["code"] == 2500


def test_a_token_is_taken_from_query_form_and_header(meta: Meta) -> None:
    del meta.http.headers["Authorization"]
    token = {"access_token": "sandbox-meta-token"}
    assert error_of(account(meta))["code"] == 104
    assert account(meta, params=token).status_code == 200
    assert meta.create(**token)
    for body in ({"json": token}, {"data": token}):
        assert meta.call("POST", "act_1001/customaudiences", **body).json()["error"]["code"] == 100


def test_an_unknown_token_is_refused(meta: Meta) -> None:
    answer = account(meta, headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 401
    assert error_of(answer) == {
        "message": "Invalid OAuth access token.",
        "type": "OAuthException",
        "code": 190,
        "error_subcode": 467,
    }


def test_an_expired_token_is_refused(meta: Meta) -> None:
    meta.configure(tokens=[{"expires_at": meta.world.clock.now() + 60}])
    assert account(meta).status_code == 200
    meta.world.advance(61)
    answer = account(meta)
    assert answer.status_code == 400
    assert error_of(answer) == {
        "message": "Error validating access token: Session has expired",
        "type": "OAuthException",
        "code": 190,
        "error_subcode": 463,
    }


def test_a_token_that_died_otherwise_says_how(meta: Meta) -> None:
    meta.configure(tokens=[{"dead_subcode": 460}])
    assert error_of(account(meta))["error_subcode"] == 460


def test_a_scope_that_is_missing_is_refused(meta: Meta) -> None:
    meta.configure(tokens=[{"scopes": ["ads_read"]}])
    assert account(meta).status_code == 200
    answer = meta.call("POST", "act_1001/customaudiences", data={"name": "x"})
    assert (answer.status_code, error_of(answer)["code"]) == (403, 294)
    meta.configure(tokens=[{"scopes": ["email"]}])
    assert (account(meta).status_code, error_of(account(meta))["code"]) == (403, 200)


def test_a_wrong_proof_is_refused_even_when_none_is_asked_for(meta: Meta) -> None:
    proof = hmac.new(b"sandbox-app-secret", b"sandbox-meta-token", "sha256").hexdigest()
    assert account(meta, params={"appsecret_proof": proof}).status_code == 200
    answer = account(meta, params={"appsecret_proof": proof[:-1] + "x"})
    assert answer.status_code == 400
    assert error_of(answer) == {
        "message": "Invalid appsecret_proof provided in the API argument",
        "type": "GraphMethodException",
        "code": 100,
    }


def test_a_missing_proof_is_refused_when_the_app_asks_for_it(meta: Meta) -> None:
    meta.configure(requires_proof=True)
    assert error_of(account(meta)) == {
        "message": "API calls from the server require an appsecret_proof argument",
        "type": "GraphMethodException",
        "code": 100,
    }


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_what_a_token_cannot_see_does_not_exist(meta: Meta, method: str) -> None:
    audience = meta.create()
    meta.configure(tokens=[{"accounts": []}])
    for node in (audience, "act_1001", "120239999999999999"):
        answer = meta.call(method, node)
        assert answer.status_code == 400
        assert error_of(answer) == {
            "message": DOES_NOT_EXIST.format(method.lower(), node),
            "type": "GraphMethodException",
            "code": 100,
            "error_subcode": 33,
        }


def test_terms_must_be_accepted_to_create_and_to_upload(meta: Meta) -> None:
    audience = meta.create()
    meta.configure(accounts=[{"terms_accepted": False}])
    created = meta.call("POST", "act_1001/customaudiences", data={"name": "x"})
    assert (created.status_code, error_of(created)["code"]) == (400, 2663)
    for edge in ("users", "usersreplace"):
        uploaded = meta.upload(audience, ["EXTERN_ID"], [["a"]], edge=edge)
        assert uploaded.status_code == 403
        error = error_of(uploaded)
        assert (error["code"], error["error_subcode"]) == (200, 1870090)
        assert error["message"] == f"(#200) The current user can not update audience {audience}"
        assert error["error_data"] == {"blame_field_specs": [["payload"]]}
    told = meta.call("GET", "act_1001", params={"fields": "tos_accepted"}).json()
    assert told == {"id": "act_1001"}


def test_an_account_may_lack_rights(meta: Meta) -> None:
    meta.configure(accounts=[{"has_business": False}])
    error = error_of(meta.call("POST", "act_1001/customaudiences"))
    assert (error["code"], error["error_subcode"]) == (200, 1870050)
    meta.configure(accounts=[{"can_write": False}])
    error = error_of(meta.call("POST", "act_1001/customaudiences"))
    assert (error["code"], error["error_subcode"]) == (2654, 1713092)


def test_the_account_tells_its_state(either: Meta) -> None:
    fields = "id,name,account_status,tos_accepted,user_tos_accepted,account_id"
    assert either.call("GET", "act_1001", params={"fields": fields}).json() == {
        "id": "act_1001",
        "name": "Sandbox ad account",
        "account_status": 1,
        "tos_accepted": {"custom_audience_tos": 1},
        "user_tos_accepted": {"custom_audience_tos": 1},
        "account_id": "1001",
    }


@pytest.mark.parametrize("prefix", ["", "v26.0/"])
def test_debug_token_tells_scopes_and_end(meta: Meta, prefix: str) -> None:
    params = {
        "input_token": "sandbox-meta-token",
        "access_token": "sandbox-app|sandbox-app-secret",
    }
    answer = meta.http.get(f"{meta.base_url}/{prefix}debug_token", params=params)
    assert answer.json()["data"] == {
        "app_id": "sandbox-app",
        "type": "SYSTEM_USER",
        "application": "audsync sandbox",
        "data_access_expires_at": 0,
        "expires_at": 0,
        "is_valid": True,
        "scopes": ["ads_management", "ads_read"],
        "user_id": "122000111",
    }


def test_debug_token_answers_200_for_a_bad_token(meta: Meta) -> None:
    answer = meta.call("GET", "debug_token", params={"input_token": "no"})
    assert answer.status_code == 200
    assert answer.json()["data"]["is_valid"] is False
    assert answer.json()["data"]["error"]["code"] == 190
    assert error_of(meta.call("GET", "debug_token"))["code"] == 100


def test_an_app_token_is_good_for_debug_token_only(meta: Meta) -> None:
    answer = account(meta, params={"access_token": "sandbox-app|sandbox-app-secret"})
    assert (answer.status_code, error_of(answer)["code"]) == (403, 200)
