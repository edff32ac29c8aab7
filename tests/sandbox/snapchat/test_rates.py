import pytest

from tests.sandbox.snapchat.client import ACCOUNT, Snapchat

PATH = f"adaccounts/{ACCOUNT}"


def statuses(snapchat: Snapchat, calls: int) -> list[int]:
    return [snapchat.call("GET", PATH).status_code for _ in range(calls)]


def test_ten_calls_a_second_for_a_token(snapchat: Snapchat) -> None:
    snapchat.configure(token_calls_per_s=10)
    assert statuses(snapchat, 12) == [200] * 10 + [429] * 2
    # A refused call does not count, and a second later all is forgotten.
    snapchat.world.advance(1)
    assert statuses(snapchat, 11) == [200] * 10 + [429]


def test_the_second_rolls(snapchat: Snapchat) -> None:
    snapchat.configure(token_calls_per_s=2)
    assert statuses(snapchat, 1) == [200]
    snapchat.world.advance(0.6)
    assert statuses(snapchat, 2) == [200, 429]
    snapchat.world.advance(0.6)
    assert statuses(snapchat, 2) == [200, 429]


def test_twenty_calls_a_second_for_an_app(snapchat: Snapchat) -> None:
    snapchat.configure(token_calls_per_s=10, app_calls_per_s=20)
    seen = []
    for _ in range(3):
        snapchat.sign_in()
        seen.extend(statuses(snapchat, 9))
    assert seen == [200] * 20 + [429] * 7


def test_apps_do_not_share_a_limit(snapchat: Snapchat) -> None:
    snapchat.configure(
        app_calls_per_s=1,
        clients=[{}, {"id": "other", "secret": "other-secret"}],
        refresh_tokens=[{}, {"value": "other-refresh", "client_id": "other"}],
    )
    assert statuses(snapchat, 2) == [200, 429]
    snapchat.sign_in(client_id="other", client_secret="other-secret", refresh_token="other-refresh")
    assert statuses(snapchat, 2) == [200, 429]


@pytest.mark.parametrize(
    ("limit", "body"), [("token_calls_per_s", ""), ("app_calls_per_s", "Too Many Requests")]
)
def test_no_header_tells_how_long_to_wait(snapchat: Snapchat, limit: str, body: str) -> None:
    snapchat.configure(**{limit: 1})
    snapchat.call("GET", PATH)
    answer = snapchat.call("GET", PATH)
    assert (answer.status_code, answer.text) == (429, body)
    assert set(answer.headers) <= {"content-length", "date"}


def test_the_token_endpoint_is_not_limited(snapchat: Snapchat) -> None:
    snapchat.configure(token_calls_per_s=1, app_calls_per_s=1)
    assert {snapchat.refresh().status_code for _ in range(30)} == {200}


def test_the_limits_are_there_unless_told_otherwise(snapchat: Snapchat) -> None:
    snapchat.world.reset()
    told = snapchat.http.get(f"{snapchat.root}/_sandbox/settings").json()["snapchat"]
    assert (told["token_calls_per_s"], told["app_calls_per_s"]) == (10, 20)
    assert (told["token_life_s"], told["max_rows"], told["max_segments"]) == (3600, 100_000, 1000)
