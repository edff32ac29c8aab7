"""Paths, methods, bodies, and in which order a call is judged."""

import gzip
from typing import Any

import httpx
import pytest

from tests.sandbox.snapchat.client import (
    ACCOUNT,
    GONE,
    NOT_AVAILABLE,
    Snapchat,
    listed,
    refusal,
    whole,
)

NOT_FOUND = whole(GONE, status=404, code="E3004", shown=NOT_AVAILABLE)


@pytest.mark.parametrize(
    "path",
    ["", "campaigns", "segments", "adaccounts/x/y", "segments/1/users/2", "me/too", "segments/1/x"],
)
def test_unknown_paths(snapchat: Snapchat, path: str) -> None:
    assert refusal(snapchat.call("GET", path)) == whole("No such path", status=404)


def test_another_version(snapchat: Snapchat) -> None:
    for path in ("v2/me", "me", ""):
        answer = snapchat.http.get(f"{snapchat.base_url}/{path}")
        assert refusal(answer) == whole("No such path", status=404)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "me"),
        ("DELETE", f"adaccounts/{ACCOUNT}"),
        ("PATCH", f"adaccounts/{ACCOUNT}/segments"),
        ("PUT", "segments/1"),
        ("GET", "segments/1/users"),
        ("POST", "segments/1/all_users"),
    ],
)
def test_methods_that_a_path_does_not_take(snapchat: Snapchat, method: str, path: str) -> None:
    message = "The method is not allowed for this path"
    assert refusal(snapchat.call(method, path)) == whole(message, status=405)


def test_only_json_is_answered(snapchat: Snapchat) -> None:
    answer = snapchat.call("GET", "me", headers={"Accept": "text/csv"})
    assert refusal(answer) == whole("Only application/json can be answered", status=406)
    for accepted in ("application/json", "text/html, */*;q=0.1", "application/*"):
        assert snapchat.call("GET", "me", headers={"Accept": accepted}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"adaccounts/{ACCOUNT}/segments"),
        ("PUT", f"adaccounts/{ACCOUNT}/segments"),
        ("POST", "segments/{}/users"),
        ("DELETE", "segments/{}/users"),
    ],
)
@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"data": {"a": "b"}}, "The content type of the request body must be application/json"),
        ({}, "The content type of the request body must be application/json"),
        ({"content": b"{"}, "The request body is not valid JSON"),
        ({"content": b""}, "The request body is not valid JSON"),
        ({"json": []}, "The request body must be a JSON object"),
    ],
)
def test_bodies_that_are_no_json(
    snapchat: Snapchat, method: str, path: str, sent: dict[str, Any], message: str
) -> None:
    if "content" in sent:
        sent["headers"] = {"Content-Type": "application/json; charset=utf-8"}
    answer = snapchat.call(method, path.format(snapchat.create()), **sent)
    assert refusal(answer) == whole(message)


def test_compressed_bodies_are_refused(snapchat: Snapchat) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = snapchat.call(
        "POST",
        f"adaccounts/{ACCOUNT}/segments",
        content=gzip.compress(b"{}"),
        headers=headers,
    )
    assert refusal(answer) == whole("Compressed request bodies are not supported")


def test_a_limit_of_bytes_is_a_setting(snapchat: Snapchat) -> None:
    segment = snapchat.create()
    snapchat.configure(max_body_bytes=100)
    answer = snapchat.upload(segment, "EMAIL_SHA256", ["a" * 64])
    assert refusal(answer) == whole("The request body is too large", status=413)


def test_an_ad_account_that_is_not_there(snapchat: Snapchat) -> None:
    for path in ("adaccounts/another", "adaccounts/another/segments"):
        assert refusal(snapchat.call("GET", path)) == NOT_FOUND


def test_the_order_of_the_checks(snapchat: Snapchat) -> None:
    """Each call here is wrong in every later way too."""
    snapchat.configure(token_calls_per_s=1, accounts=[{"id": "another"}])
    path = f"adaccounts/{ACCOUNT}/segments"

    def say(method: str = "POST", path: str = path, **rest: Any) -> httpx.Response:  # noqa: ANN401 - what httpx takes
        return snapchat.call(method, path, **rest)

    bad = {"Authorization": "Bearer unknown"}
    assert say("GET", "nowhere", headers=bad).status_code == 401
    assert say("GET", "nowhere").status_code == 404
    assert say("GET", "nowhere").status_code == 429
    snapchat.configure(token_calls_per_s=None)
    assert refusal(say("POST", "nowhere")) == whole("No such path", status=404)
    assert say("PATCH").status_code == 405
    assert say(content=b"{").status_code == 400
    assert refusal(say(json={})) == NOT_FOUND
    snapchat.configure(accounts=[{}])
    assert say(json={}).status_code == 400


MISSING = {
    "404": whole(GONE, status=404, code="E3004", shown=NOT_AVAILABLE),
    "410": whole(GONE, status=410, code="E3004", shown=NOT_AVAILABLE),
}


@pytest.mark.parametrize("choice", ["404", "410", "in_200"])
def test_a_segment_that_is_not_there(snapchat: Snapchat, choice: str) -> None:
    snapchat.configure(missing_segment=choice)
    body = {"json": {"users": [{"schema": ["EMAIL_SHA256"], "data": [["a" * 64]]}]}}
    calls: list[tuple[str, str, str, dict[str, Any]]] = [
        ("GET", "", "segments", {}),
        ("DELETE", "/all_users", "segments", {}),
        ("POST", "/users", "users", body),
        ("DELETE", "/users", "users", body),
    ]
    for method, edge, kind, sent in calls:
        told = refusal(snapchat.call(method, f"segments/5000000000000009{edge}", **sent))
        assert told == MISSING.get(choice, listed(GONE, kind=kind, code="E3004"))


@pytest.mark.parametrize("choice", ["404", "410", "in_200"])
def test_deleting_what_is_not_there_fails_inside_a_200(snapchat: Snapchat, choice: str) -> None:
    snapchat.configure(missing_segment=choice)
    told = refusal(snapchat.call("DELETE", "segments/5000000000000009"))
    assert told == listed(GONE, code="E3004")
