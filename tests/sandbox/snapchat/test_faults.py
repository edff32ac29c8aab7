"""The faults of every platform, in the words and with the members of this one."""

from typing import Any

import httpx
import pytest

from tests.sandbox.client import hashed
from tests.sandbox.snapchat.client import (
    GONE,
    MAIL,
    NOT_AVAILABLE,
    Snapchat,
    inner,
    listed,
    refusal,
    whole,
)

WRITES = {"method": "POST", "path": "/users"}
WHEN = pytest.mark.parametrize("when", ["before", "after"])


@pytest.fixture
def segment(either: Snapchat) -> str:
    either.http.timeout = httpx.Timeout(0.3)
    return either.create()


def send(snapchat: Snapchat, segment: str, *names: str, method: str = "POST") -> httpx.Response:
    return snapchat.upload(segment, MAIL, [hashed(name) for name in names], method=method)


def holds(snapchat: Snapchat, segment: str, *names: str) -> bool:
    wanted = {(MAIL, hashed(name)) for name in names}
    return snapchat.remote(segment).identifiers == wanted


def expected(when: str) -> list[str]:
    return ["a"] if when == "after" else []


@WHEN
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_status_comes_with_a_page(either: Snapchat, segment: str, when: str, status: int) -> None:
    either.arm({**WRITES, "kind": "status", "status": status, "when": when})
    answer = send(either, segment, "a")
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/html")
    assert holds(either, segment, *expected(when))
    assert send(either, segment, "b").status_code == 200


def test_errors_of_the_platform(snapchat: Snapchat) -> None:
    rules: list[dict[str, Any]] = [
        {"kind": "error"},
        {"kind": "error", "code": 3002, "status": 403},
        {"kind": "status", "status": 503, "code": 2},
        {"kind": "error_in_200"},
        {"kind": "error_in_200", "code": 3004},
    ]
    told = []
    for rule in rules:
        snapchat.arm(rule)
        told.append(refusal(snapchat.call("GET", "me")))
    assert told == [
        whole("Simulated error"),
        whole("Simulated error", status=403, code="E3002"),
        whole("Simulated error", status=503, code="E4001"),
        listed("Simulated error", code="E4001"),
        listed("Simulated error", code="E3004"),
    ]


def test_a_token_that_ends_early(snapchat: Snapchat) -> None:
    snapchat.arm({"kind": "error", "status": 401})
    answer = snapchat.call("GET", "me")
    assert (answer.status_code, answer.text) == (401, "unauthorized")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_a_rate_limit_tells_nothing(snapchat: Snapchat) -> None:
    snapchat.arm({"kind": "rate_limit", "wait_min": 7})
    answer = snapchat.call("GET", "me")
    assert (answer.status_code, answer.content) == (429, b"")
    assert set(answer.headers) <= {"content-length", "date"}


def test_not_ready(snapchat: Snapchat) -> None:
    segment = snapchat.create()
    snapchat.arm({"kind": "not_ready", "path": "/users", "times": 2})
    assert refusal(send(snapchat, segment, "a")) == whole(
        GONE, status=404, code="E3004", shown=NOT_AVAILABLE
    )
    snapchat.configure(missing_segment="in_200")
    told = refusal(send(snapchat, segment, "a"))
    assert told == listed(GONE, kind="users", code="E3004")
    assert send(snapchat, segment, "a").status_code == 200


@pytest.mark.parametrize(
    ("kind", "raised", "when"),
    [
        ("reset", httpx.ReadError, "before"),
        ("reset", httpx.ReadError, "after"),
        ("hang", httpx.ReadTimeout, "before"),
        ("hang", httpx.ReadTimeout, "after"),
        ("cut", httpx.RemoteProtocolError, "after"),
    ],
)
def test_answers_that_do_not_come(
    either: Snapchat, segment: str, kind: str, raised: type[Exception], when: str
) -> None:
    either.arm({**WRITES, "kind": kind, "seconds": 30, "when": when})
    with pytest.raises(raised):
        send(either, segment, "a")
    assert holds(either, segment, *expected(when))


@WHEN
@pytest.mark.parametrize("kind", ["broken_json", "empty", "html"])
def test_a_200_that_is_no_json(either: Snapchat, segment: str, kind: str, when: str) -> None:
    either.arm({**WRITES, "kind": kind, "when": when})
    answer = send(either, segment, "a")
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
        answer.json()
    assert holds(either, segment, *expected(when))


def test_a_200_without_its_fields_and_a_huge_one(snapchat: Snapchat) -> None:
    segment = snapchat.create()
    snapchat.arm({"kind": "missing_fields"}, {"kind": "huge", "nth": 2})
    assert send(snapchat, segment, "a").json() == {}
    answer = send(snapchat, segment, "b")
    assert len(answer.content) > 4_000_000
    inner(answer, "users")


class TestLate:
    def test_an_add_that_comes_after_its_removal(self, snapchat: Snapchat) -> None:
        segment = snapchat.create()
        snapchat.arm({**WRITES, "kind": "late"})
        with pytest.raises(httpx.ReadTimeout):
            send(snapchat, segment, "a")
        assert holds(snapchat, segment)
        inner(send(snapchat, segment, "a", method="DELETE"), "users")
        assert snapchat.world.settle() == 1
        assert holds(snapchat, segment, "a")

    def test_after_some_time(self, snapchat: Snapchat) -> None:
        segment = snapchat.create()
        snapchat.arm({**WRITES, "kind": "late", "after_s": 60, "reply": "ok"})
        inner(send(snapchat, segment, "late"), "users")
        assert holds(snapchat, segment)
        assert snapchat.read(segment)["upload_status"] == "NO_UPLOAD"
        snapchat.world.advance(60)
        assert holds(snapchat, segment, "late")
        assert snapchat.read(segment)["upload_status"] == "PROCESSING"

    def test_reorder(self, snapchat: Snapchat) -> None:
        segment = snapchat.create()
        snapchat.arm({"path": "/users", "kind": "reorder"})
        inner(send(snapchat, segment, "a"), "users")
        inner(send(snapchat, segment, "a", method="DELETE"), "users")
        assert holds(snapchat, segment, "a")

    @pytest.mark.parametrize("edge", ["", "/all_users"])
    def test_deletes(self, snapchat: Snapchat, edge: str) -> None:
        segment = snapchat.create()
        send(snapchat, segment, "a")
        snapchat.arm({"kind": "late", "method": "DELETE", "reply": "error"})
        assert snapchat.call("DELETE", f"segments/{segment}{edge}").status_code == 504
        assert holds(snapchat, segment, "a")
        snapchat.world.settle()
        left = {remote.id: len(remote.identifiers) for remote in snapchat.world.remotes("snapchat")}
        assert left == ({segment: 0} if edge else {})

    def test_creates_and_updates(self, snapchat: Snapchat) -> None:
        snapchat.arm({"kind": "late", "path": "/segments", "times": 2})
        with pytest.raises(httpx.ReadTimeout):
            snapchat.create("ghost")
        assert snapchat.world.remotes("snapchat") == []
        snapchat.world.settle()
        (ghost,) = snapchat.world.remotes("snapchat")
        path = f"adaccounts/{ghost.account}/segments"
        with pytest.raises(httpx.ReadTimeout):
            snapchat.call("PUT", path, json={"segments": [{"id": ghost.id, "name": "seen"}]})
        assert snapchat.read(ghost.id)["name"] == "ghost"
        snapchat.world.settle()
        assert snapchat.read(ghost.id)["name"] == "seen"

    def test_what_is_refused_has_no_effect(self, snapchat: Snapchat) -> None:
        segment = snapchat.create()
        snapchat.arm({**WRITES, "kind": "late", "reply": "ok"})
        assert snapchat.upload(segment, "NONE", ["a"]).status_code == 400
        assert snapchat.world.settle() == 0


class TestRaces:
    """Asked for by a setting: a client that heard nothing of a late add may well remove it."""

    @pytest.fixture
    def late(self, snapchat: Snapchat) -> str:
        segment = snapchat.create()
        snapchat.configure(notes_races=True)
        snapchat.arm({**WRITES, "kind": "late", "reply": "ok", "after_s": 60})
        send(snapchat, segment, "a", "b")
        return segment

    def test_the_opposite_of_what_waits_is_noted(self, snapchat: Snapchat, late: str) -> None:
        send(snapchat, late, "b", "c", method="DELETE")
        assert snapchat.violations() == {"add_and_remove_in_flight": 1}

    def test_the_same_again_is_not(self, snapchat: Snapchat, late: str) -> None:
        send(snapchat, late, "b", "c")
        assert snapchat.violations() == {}

    def test_nor_what_has_taken_effect(self, snapchat: Snapchat, late: str) -> None:
        snapchat.world.advance(60)
        send(snapchat, late, "b", method="DELETE")
        assert snapchat.violations() == {}

    def test_nor_anything_unless_asked(self, snapchat: Snapchat) -> None:
        segment = snapchat.create()
        snapchat.arm({**WRITES, "kind": "late", "reply": "ok"})
        send(snapchat, segment, "a")
        send(snapchat, segment, "a", method="DELETE")
        assert snapchat.violations() == {}
