import httpx
import pytest

from tests.sandbox.tiktok.client import TikTok, data, hashed, refused

WRITES = {"platform": "tiktok", "method": "POST", "path": "/segment/mapping/"}
A, B = hashed("a"), hashed("b")


@pytest.fixture
def audience(either: TikTok) -> str:
    either.http.timeout = httpx.Timeout(0.3)
    return either.create()


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_status_comes_with_a_page(either: TikTok, audience: str, when: str) -> None:
    either.arm({**WRITES, "kind": "status", "status": 502, "when": when})
    answer = either.add(audience, A)
    assert answer.status_code == 502
    assert answer.headers["Content-Type"].startswith("text/html")
    assert either.members(audience) == ({A} if when == "after" else set())


@pytest.mark.parametrize("kind", ["rate_limit", "error_in_200"])
def test_errors_come_with_status_200(either: TikTok, audience: str, kind: str) -> None:
    either.arm({**WRITES, "kind": kind, "code": 50000})
    told = {
        "rate_limit": (40100, "Too many requests. Please retry in some time."),
        "error_in_200": (50000, "System error"),
    }
    assert refused(either.add(audience, A)) == told[kind]
    assert either.members(audience) == set()
    assert data(either.add(audience, A)) == {}


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (40105, "Access token is incorrect or has been revoked."),
        (60001, "System maintenance, please try again later."),
        (51003, "Simulated error"),
    ],
)
def test_any_code_of_tiktok(tiktok: TikTok, code: int, message: str) -> None:
    tiktok.arm({"kind": "error_in_200", "code": code})
    assert refused(tiktok.call("GET", "user/info/")) == (code, message)
    tiktok.arm({"kind": "error", "code": code, "status": 503})
    answer = tiktok.call("GET", "user/info/")
    assert (answer.status_code, answer.json()["code"]) == (503, code)


def test_not_ready(tiktok: TikTok) -> None:
    audience = tiktok.create()
    tiktok.arm({**WRITES, "kind": "not_ready"})
    assert refused(tiktok.add(audience, A)) == (
        40002,
        "Audience is not editable, please check audience status",
    )


@pytest.mark.parametrize(
    ("kind", "raised"),
    [
        ("hang", httpx.ReadTimeout),
        ("reset", httpx.ReadError),
        ("cut", httpx.RemoteProtocolError),
    ],
)
def test_an_answer_that_never_comes_whole(
    either: TikTok, audience: str, kind: str, raised: type[Exception]
) -> None:
    either.arm({**WRITES, "kind": kind})
    with pytest.raises(raised):
        either.add(audience, A)
    assert either.members(audience) == {A}


def test_a_refused_connection_and_a_slow_answer(tiktok: TikTok) -> None:
    audience = tiktok.create()
    tiktok.arm({**WRITES, "kind": "refuse"}, {**WRITES, "kind": "slow", "nth": 2})
    with pytest.raises(httpx.ConnectError):
        tiktok.add(audience, A)
    with pytest.raises(httpx.ReadTimeout):
        tiktok.add(audience, B)
    assert tiktok.members(audience) == {B}


@pytest.mark.parametrize("kind", ["broken_json", "empty", "html"])
def test_a_200_that_is_no_json(either: TikTok, audience: str, kind: str) -> None:
    either.arm({**WRITES, "kind": kind})
    answer = either.add(audience, A)
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
        answer.json()
    assert either.members(audience) == {A}


def test_a_200_without_its_fields_and_a_huge_one(tiktok: TikTok) -> None:
    audience = tiktok.create()
    tiktok.arm({**WRITES, "kind": "missing_fields"}, {**WRITES, "kind": "huge", "nth": 2})
    assert tiktok.add(audience, A).json() == {}
    answer = tiktok.add(audience, B)
    assert len(answer.content) > 4_000_000
    assert data(answer) == {}


class TestLate:
    def test_a_mapping(self, tiktok: TikTok) -> None:
        audience = tiktok.create()
        tiktok.arm({**WRITES, "kind": "late", "calls": 1})
        with pytest.raises(httpx.ReadTimeout):
            tiktok.add(audience, A)
        data(tiktok.add(audience, A, action="delete"))
        assert tiktok.members(audience) == {A}

    def test_two_in_the_wrong_order(self, tiktok: TikTok) -> None:
        audience = tiktok.create()
        tiktok.arm({**WRITES, "kind": "reorder"})
        data(tiktok.add(audience, A))
        data(tiktok.add(audience, A, action="delete"))
        assert tiktok.members(audience) == {A}

    def test_a_create(self, tiktok: TikTok) -> None:
        tiktok.arm({"kind": "late", "path": "/segment/audience/"})
        with pytest.raises(httpx.ReadTimeout):
            tiktok.create("ghost")
        assert tiktok.world.remotes("tiktok") == []
        tiktok.world.settle()
        assert [remote.name for remote in tiktok.world.remotes("tiktok")] == ["ghost"]

    def test_a_delete_that_was_sent_again(self, tiktok: TikTok) -> None:
        audience = tiktok.create()
        tiktok.arm({"kind": "late", "path": "/segment/audience/", "reply": "ok"})
        for _ in range(2):
            answer = tiktok.post("segment/audience/", action="delete", delete_audience_id=audience)
            assert data(answer) == {}
        assert tiktok.world.settle() == 1
        assert tiktok.world.remotes("tiktok") == []

    def test_a_file_and_what_is_made_of_it(self, tiktok: TikTok) -> None:
        tiktok.configure(file_delay_h=0, smallest_audience=0)
        tiktok.arm({"kind": "late", "path": "/file/upload/", "reply": "ok", "after_s": 60})
        path = tiktok.path_of([A])
        body = {
            "custom_audience_name": "x",
            "calculate_type": "EMAIL_SHA256",
            "file_paths": [path],
        }
        create = "dmp/custom_audience/create/"
        assert refused(tiktok.post(create, **body)) == (40905, "The file does not exist.")
        tiktok.world.advance(60)
        tiktok.arm({"kind": "late", "path": create, "reply": "error"})
        assert tiktok.post(create, **body).status_code == 504
        tiktok.world.settle()
        (remote,) = tiktok.world.remotes("tiktok")
        assert remote.person_count == 1

    def test_two_updates_of_which_the_first_comes_late(self, tiktok: TikTok) -> None:
        tiktok.configure(smallest_audience=0)
        audience = tiktok.create_from(tiktok.path_of([A]))
        tiktok.world.advance(86_400)
        tiktok.arm({"kind": "late", "path": "/update/", "reply": "ok"})
        for digest in (A, B):
            path = tiktok.path_of([digest])
            data(tiktok.update(audience, action="REPLACE", file_paths=[path]))
        assert tiktok.world.settle() == 1
        tiktok.world.advance(86_400)
        assert tiktok.members(audience) == {A}

    def test_what_is_refused_has_no_effect(self, tiktok: TikTok) -> None:
        audience = tiktok.create()
        tiktok.arm({**WRITES, "kind": "late", "reply": "ok"})
        assert refused(tiktok.add(audience, "a@b"))[0] == 40062
        assert tiktok.world.settle() == 0
