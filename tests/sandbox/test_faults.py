from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from audsync.errors import ConfigError
from audsync.sandbox.faults import Rule, load
from tests.sandbox.client import Meta, error_of

WRITES = {"method": "POST", "path": "/users"}


@pytest.fixture
def audience(either: Meta) -> str:
    either.http.timeout = httpx.Timeout(0.3)
    return either.create()


def send(meta: Meta, audience: str, *values: str) -> httpx.Response:
    return meta.upload(audience, ["EXTERN_ID"], [[value] for value in values])


def members(meta: Meta, audience: str) -> set[str]:
    return {value for _, value in meta.remote(audience).identifiers}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_status_comes_with_a_page(either: Meta, audience: str, when: str, status: int) -> None:
    either.arm({**WRITES, "kind": "status", "status": status, "when": when})
    answer = send(either, audience, "a")
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/html")
    assert members(either, audience) == ({"a"} if when == "after" else set())
    assert send(either, audience, "b").status_code == 200


def test_a_status_may_carry_an_error_of_the_platform_and_headers(meta: Meta) -> None:
    meta.arm({"kind": "status", "status": 503, "code": 2, "headers": {"Retry-After": "-1"}})
    answer = meta.call("GET", "act_1001")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "-1")
    assert error_of(answer) == {
        "message": "(#2) Simulated error",
        "type": "OAuthException",
        "code": 2,
        "is_transient": True,
    }


def test_an_error_of_the_platform(meta: Meta) -> None:
    meta.arm({"kind": "error", "code": 190, "subcode": 460})
    answer = meta.call("GET", "act_1001")
    error = error_of(answer)
    assert (answer.status_code, error["code"], error["error_subcode"]) == (400, 190, 460)


def test_a_fault_may_strike_what_holds_a_value(meta: Meta) -> None:
    audience = meta.create()
    meta.arm({**WRITES, "kind": "error", "code": 100, "holds": "bad", "times": 0})
    assert error_of(send(meta, audience, "good", "bad"))["code"] == 100
    assert send(meta, audience, "good").status_code == 200
    assert error_of(send(meta, audience, "bad"))["code"] == 100
    assert members(meta, audience) == {"good"}


def test_a_rate_limit_tells_how_long(meta: Meta) -> None:
    meta.arm({"kind": "rate_limit", "wait_min": 7}, {"kind": "rate_limit", "status": 429})
    meta.arm({"kind": "rate_limit"})
    answer = meta.call("GET", "act_1001")
    assert (answer.status_code, error_of(answer)["code"]) == (400, 80003)
    usage = orjson.loads(answer.headers["X-Business-Use-Case-Usage"])["1001"][0]
    assert (usage["call_count"], usage["estimated_time_to_regain_access"]) == (100, 7)
    # The other rules counted that call as well, and their one strike is spent.
    assert meta.call("GET", "act_1001").status_code == 200


def test_not_ready(meta: Meta) -> None:
    audience = meta.create()
    meta.arm({"kind": "not_ready", "path": "/users", "times": 2})
    assert error_of(send(meta, audience, "a"))["code"] == 803
    assert error_of(send(meta, audience, "a"))["code"] == 803
    assert send(meta, audience, "a").status_code == 200


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_reset(either: Meta, audience: str, when: str) -> None:
    either.arm({**WRITES, "kind": "reset", "when": when})
    with pytest.raises(httpx.ReadError):
        send(either, audience, "a")
    assert members(either, audience) == ({"a"} if when == "after" else set())


def test_a_refused_connection(meta: Meta) -> None:
    audience = meta.create()
    meta.arm({**WRITES, "kind": "refuse"})
    with pytest.raises(httpx.ConnectError):
        send(meta, audience, "a")
    assert members(meta, audience) == set()


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_hang(either: Meta, audience: str, when: str) -> None:
    either.arm({**WRITES, "kind": "hang", "seconds": 30, "when": when})
    with pytest.raises(httpx.ReadTimeout):
        send(either, audience, "a")
    assert members(either, audience) == ({"a"} if when == "after" else set())


def test_slow(either: Meta, audience: str) -> None:
    either.arm({**WRITES, "kind": "slow", "seconds": 0.05}, {**WRITES, "kind": "slow", "nth": 2})
    assert send(either, audience, "a").status_code == 200
    with pytest.raises(httpx.ReadTimeout):
        send(either, audience, "b")
    assert members(either, audience) == {"a", "b"}


def test_a_cut_body(either: Meta, audience: str) -> None:
    either.arm({**WRITES, "kind": "cut"})
    with pytest.raises(httpx.RemoteProtocolError):
        send(either, audience, "a")
    assert members(either, audience) == {"a"}


@pytest.mark.parametrize("kind", ["broken_json", "empty", "html"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_200_that_is_no_json(either: Meta, audience: str, kind: str, when: str) -> None:
    either.arm({**WRITES, "kind": kind, "when": when})
    answer = send(either, audience, "a")
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
        answer.json()
    assert members(either, audience) == ({"a"} if when == "after" else set())


def test_a_200_without_its_fields_and_a_huge_one(meta: Meta) -> None:
    audience = meta.create()
    meta.arm({"kind": "missing_fields"}, {"kind": "huge", "nth": 2})
    assert send(meta, audience, "a").json() == {}
    answer = send(meta, audience, "b")
    assert len(answer.content) > 4_000_000
    assert answer.json()["num_received"] == 1


def test_an_error_in_a_200(meta: Meta) -> None:
    audience = meta.create()
    meta.arm({**WRITES, "kind": "error_in_200"})
    answer = send(meta, audience, "a")
    assert (answer.status_code, error_of(answer)["code"]) == (200, 2)
    assert members(meta, audience) == set()


class TestLate:
    def test_after_some_calls(self, meta: Meta) -> None:
        audience = meta.create()
        meta.arm({**WRITES, "kind": "late", "calls": 2})
        with pytest.raises(httpx.ReadTimeout):
            send(meta, audience, "late")
        send(meta, audience, "a")
        assert members(meta, audience) == {"a"}
        send(meta, audience, "b")
        assert members(meta, audience) == {"a", "b", "late"}

    def test_after_some_time(self, meta: Meta) -> None:
        audience = meta.create()
        meta.arm({**WRITES, "kind": "late", "after_s": 60, "reply": "ok"})
        assert send(meta, audience, "late").json()["num_received"] == 1
        assert members(meta, audience) == set()
        meta.world.advance(60)
        assert members(meta, audience) == {"late"}

    def test_when_told_to(self, meta: Meta) -> None:
        audience = meta.create()
        meta.arm({**WRITES, "kind": "late", "reply": "error"})
        assert send(meta, audience, "late").status_code == 504
        told = meta.http.get(f"{meta.root}/_sandbox/faults").json()
        assert told["held_effects"] == 1
        settled = meta.http.post(f"{meta.root}/_sandbox/settle").json()
        assert settled == {"settled": 1}
        assert members(meta, audience) == {"late"}

    def test_a_create(self, meta: Meta) -> None:
        meta.arm({"kind": "late", "path": "customaudiences"})
        with pytest.raises(httpx.ReadTimeout):
            meta.create("ghost")
        assert meta.world.remotes("meta") == []
        meta.world.settle()
        assert [remote.name for remote in meta.world.remotes("meta")] == ["ghost"]

    def test_what_is_refused_has_no_effect(self, meta: Meta) -> None:
        audience = meta.create()
        meta.arm({**WRITES, "kind": "late", "reply": "ok"})
        assert meta.upload(audience, ["NONE"], [["a"]]).status_code == 400
        assert meta.world.settle() == 0

    def test_reorder_lets_the_next_call_pass(self, meta: Meta) -> None:
        audience = meta.create()
        meta.arm({"path": "/users", "kind": "reorder"})
        assert send(meta, audience, "a").status_code == 200
        removed = meta.upload(audience, ["EXTERN_ID"], [["a"]], method="DELETE")
        assert removed.status_code == 200
        assert members(meta, audience) == {"a"}


class TestRules:
    def struck(self, meta: Meta, calls: int) -> list[int]:
        return [
            number
            for number in range(1, calls + 1)
            if meta.call("GET", "act_1001").status_code != 200
        ]

    def test_nth_and_times(self, meta: Meta) -> None:
        meta.arm({"kind": "status", "nth": 3, "times": 2})
        assert self.struck(meta, 6) == [3, 4]

    def test_no_end(self, meta: Meta) -> None:
        meta.arm({"kind": "status", "nth": 2, "times": 0})
        assert self.struck(meta, 5) == [2, 3, 4, 5]

    def test_a_seed_gives_the_same_faults_again(self, meta: Meta) -> None:
        rule = {"kind": "status", "probability": 0.3, "times": 0, "seed": 7}
        meta.arm(rule)
        once = self.struck(meta, 40)
        meta.http.delete(f"{meta.root}/_sandbox/faults")
        meta.arm(rule)
        assert self.struck(meta, 40) == once
        assert 4 < len(once) < 24

    def test_filters(self, meta: Meta) -> None:
        audience = meta.create()
        meta.arm({"kind": "status", "times": 0, "method": "post", "path": "/users"})
        meta.arm({"kind": "status", "times": 0, "platform": "google"})
        assert meta.call("GET", audience).status_code == 200
        assert send(meta, audience, "a").status_code == 500

    def test_one_can_be_disarmed(self, meta: Meta) -> None:
        url = f"{meta.root}/_sandbox/faults"
        rules = [{"kind": "status", "times": 0}, {"kind": "error", "times": 0}]
        assert meta.http.post(url, json=rules).json() == {"ids": [1, 2]}
        meta.call("GET", "act_1001")
        assert meta.http.get(url).json()["faults"] == [
            {"id": 1, "kind": "status", "times": 0, "seen": 1, "struck": 1},
            {"id": 2, "kind": "error", "times": 0, "seen": 1, "struck": 1},
        ]
        assert meta.http.delete(f"{url}/first").status_code == 400
        meta.http.delete(f"{url}/1")
        assert meta.call("GET", "act_1001").status_code == 400


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is not JSON"),
        ('[{"kind": "quake"}]', "0.kind"),
        ('{"kind": "reset", "speed": 9}', "0.speed"),
        ('{"kind": "status", "nth": 0}', "0.nth"),
    ],
)
def test_wrong_rules_are_named(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "faults.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=told) as refused:
        load(path)
    assert str(path) in refused.value.message


def test_rules_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    rule: dict[str, Any] = {"kind": "reset", "path": "/users", "nth": 3}
    path.write_bytes(orjson.dumps([rule]))
    assert load(path) == [Rule.model_validate(rule)]
    with pytest.raises(ConfigError, match="cannot read"):
        load(tmp_path / "none.json")
