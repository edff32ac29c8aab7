from datetime import UTC, datetime

import httpx

from audsync.sandbox import journal
from audsync.sandbox.transport import SandboxTransport
from audsync.sandbox.world import World
from tests.sandbox.client import AUTHORISED, Meta, hashed

PLATFORMS = sorted(World().platforms)


def get(meta: Meta, path: str) -> httpx.Response:
    return meta.http.get(f"{meta.root}/_sandbox/{path}")


def post(meta: Meta, path: str, body: object = None) -> httpx.Response:
    return meta.http.post(f"{meta.root}/_sandbox/{path}", json=body)


def test_health(either: Meta) -> None:
    assert get(either, "health").json() == {"status": "ok", "platforms": PLATFORMS}


def test_what_is_not_there_is_told(either: Meta) -> None:
    assert get(either, "nothing").status_code == 404
    answer = either.http.get(f"{either.root}/myspace/v1/x")
    assert answer.status_code == 404
    assert answer.json() == {
        "sandbox_error": f"no platform lives here; paths start with one of: {', '.join(PLATFORMS)}"
    }


def test_audiences_show_members_or_only_a_digest(either: Meta) -> None:
    audience, other = either.create("one"), either.create("two")
    mail = hashed("m")
    either.upload(audience, ["EXTERN_ID", "EMAIL"], [["b", mail], ["a", ""]])
    shown = get(either, f"audiences?id={audience}").json()["meta"]
    assert len(shown) == 1
    assert (shown[0]["name"], shown[0]["account"]) == ("one", "1001")
    assert shown[0]["identifiers"] == [["EMAIL", mail], ["EXTERN_ID", "a"], ["EXTERN_ID", "b"]]
    assert shown[0]["persons"] == [
        [["EMAIL", mail], ["EXTERN_ID", "b"]],
        [["EXTERN_ID", "a"]],
    ]
    short = get(either, "audiences?full=0").json()["meta"]
    assert [each["id"] for each in short] == [audience, other]
    assert "identifiers" not in short[0]
    assert (short[0]["identifier_count"], short[0]["person_count"]) == (3, 2)
    lines = [f"EMAIL:{mail}\n", "EXTERN_ID:a\n", "EXTERN_ID:b\n"]
    assert short[0]["identifier_digest"] == hashed("".join(lines))


def test_requests_are_remembered_without_their_values(either: Meta) -> None:
    audience = either.create()
    either.arm({"kind": "status", "path": "/users"})
    for _ in range(2):
        either.upload(audience, ["EXTERN_ID"], [["secret-person"]])
    answer = get(either, "requests")
    assert "secret-person" not in answer.text
    assert "sandbox-meta-token" not in answer.text
    created, struck, added = answer.json()["requests"]
    assert (created["number"], created["method"], created["action"]) == (1, "POST", "create")
    assert (struck["status"], struck["fault"], struck["rows"]) == (500, "status", 0)
    assert (added["status"], added["fault"], added["rows"]) == (200, "", 1)
    assert added["path"] == f"/v26.0/{audience}/users"
    assert (added["platform"], added["action"], added["ending"]) == ("meta", "add", "whole")
    assert "secret-person" in get(either, "requests?bodies=1").json()["requests"][2]["body"]


def test_the_log_is_bounded() -> None:
    log = journal.Journal()
    entry = journal.Entry(
        at=0,
        platform="p",
        method="GET",
        path="/",
        action="",
        rows=0,
        status=200,
        ending="",
        fault="",
    )
    for _ in range(journal.KEPT_REQUESTS + 5):
        log.record(entry, b"")
    kept = log.requests(with_bodies=True)
    assert len(kept) == journal.KEPT_REQUESTS
    assert (kept[0]["number"], kept[-1]["number"]) == (6, journal.KEPT_REQUESTS + 5)
    half = bytes(journal.KEPT_BODY_BYTES // 2 + 1)
    log.record(entry, half)
    log.record(entry, half)
    kept = log.requests(with_bodies=True)
    assert "body" not in kept[-2]
    assert len(kept[-1]["body"]) == len(half)


def test_the_clock_only_goes_forward(either: Meta) -> None:
    before = get(either, "clock").json()
    assert before["offset_s"] == 0
    after = post(either, "clock", {"advance_s": 3600}).json()
    assert after["offset_s"] == 3600
    assert 3600 <= after["now"] - before["now"] < 3605
    wrongs: list[object] = [{"advance_s": -1}, {"advance_s": "1"}, {}, []]
    for wrong in wrongs:
        assert post(either, "clock", wrong).status_code == 400


def test_settings_are_shown_changed_and_checked(either: Meta) -> None:
    assert get(either, "settings").json()["meta"]["max_audiences"] == 500
    changed = post(either, "settings", {"meta": {"max_audiences": 3}})
    assert changed.json()["meta"]["max_audiences"] == 3
    refused = post(either, "settings", {"meta": {"max_audiences": 0}})
    assert refused.status_code == 400
    assert "max_audiences" in refused.json()["sandbox_error"]
    assert post(either, "settings", {"meta": {"nonsense": 1}}).status_code == 400
    assert post(either, "settings", {"myspace": {}}).status_code == 400
    broken = either.http.post(f"{either.root}/_sandbox/settings", content=b"{")
    assert broken.status_code == 400
    assert get(either, "settings").json()["meta"]["max_audiences"] == 3


def test_reset_forgets_everything(either: Meta) -> None:
    audience = either.create()
    either.upload(audience, ["EMAIL"], [["anna@example.com"]])
    either.arm({"kind": "status", "times": 0}, {"kind": "late", "path": "users"})
    either.configure(max_audiences=1)
    either.world.advance(60)
    assert post(either, "reset").status_code == 200
    assert get(either, "audiences").json() == {name: [] for name in PLATFORMS}
    assert get(either, "faults").json() == {"faults": [], "held_effects": 0}
    assert get(either, "requests").json() == {"requests": []}
    assert get(either, "violations").json() == {"violations": []}
    assert get(either, "clock").json()["offset_s"] == 0
    assert get(either, "settings").json()["meta"]["max_audiences"] == 500
    assert either.create() == audience


def test_a_world_may_follow_the_clock_of_a_test() -> None:
    class Still:
        seconds = 1_700_000_000.0

        def now(self) -> datetime:
            return datetime.fromtimestamp(self.seconds, UTC)

        def monotonic(self) -> float:
            return self.seconds

        def sleep(self, seconds: float) -> None:
            self.seconds += seconds

    clock = Still()
    world = World(clock=clock)
    with httpx.Client(transport=SandboxTransport(world), headers=AUTHORISED) as http:
        meta = Meta(http, "http://sandbox/meta", world)
        audience = meta.create()
        clock.sleep(100)
        meta.call("POST", audience, data={"name": "later"})
        told = meta.call("GET", audience, params={"fields": "time_created,time_updated"}).json()
    assert told["time_updated"] - told["time_created"] == 100
