"""Who hears of what, and when: over a real receiver on loopback and a real store."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from audsync import steps
from audsync.domain import RemoteId
from audsync.notify import sending
from audsync.sandbox.faults import FaultKind, Rule
from audsync.services import audiences
from audsync.services.cron import run_due
from audsync.services.cron.run_due import Pace
from audsync.services.watch import outbox
from tests.receiver import Receiver, receiving
from tests.services.conftest import CONFIG, Project

ANN = {"id": "1", "email": "ann@example.com"}
BOB = {"id": "2", "email": "bob@example.com"}
CARA = {"id": "3", "email": "cara@example.com"}
DAY_S = 24 * 3600
DOWN = Rule(kind=FaultKind("status"), status=503, times=999)
ALL = (
    "failed, partial, recovered, stale, credentials_expired, credentials_expiring, guard_refused,"
    " name_changed, empty_segment, low_match_rate, size_drift, circuit_open"
)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def listening(project: Project, *entries: str) -> None:
    """Let the configuration have these receivers: `URL on EVENTS`."""
    lines = "".join(
        "  - {{url: '{}', on: [{}]}}\n".format(*entry.split(" on ")) for entry in entries
    )
    (project.folder / "audsync.yaml").write_text(f"{CONFIG}notify:\n{lines}", encoding="utf-8")
    project.restart()


@pytest.fixture
def heard(project: Project, receiver: Receiver) -> Project:
    """An audience in step, whose receiver listens to everything."""
    listening(project, f"{receiver.url} on {ALL}")
    project.segment([ANN, BOB])
    assert project.create().exit_code == 0
    assert receiver.bodies == []
    return project


def due(project: Project) -> int:
    return run_due.run_due(project.runtime, Pace()).exit_code


def pending(project: Project) -> list[dict[str, Any]]:
    return outbox.listed(project.runtime, is_pending=True)


def break_source(project: Project) -> None:
    (project.folder / "vip.csv").unlink()


def test_a_failure_is_told_once_and_so_is_its_end(heard: Project, receiver: Receiver) -> None:
    break_source(heard)
    for _ in range(3):
        assert heard.sync().exit_code == 1
    assert receiver.events == ["failed"]
    heard.segment([ANN])
    assert heard.sync(allow_shrink=True).exit_code == 0
    assert heard.sync().exit_code == 0
    assert receiver.events == ["failed", "recovered"]
    failed, recovered = receiver.bodies
    assert recovered["ended"] == ["failed"]
    assert (failed["audience"], failed["platform"], failed["code"]) == ("a", "meta", "SOURCE_ERROR")
    assert failed["counts"]["profiles_added"] == 0
    assert "audsync jobs show" in failed["remedy"]
    break_source(heard)
    heard.sync()
    assert receiver.events == ["failed", "recovered", "failed"], "another episode"


def test_a_receiver_hears_the_most_telling_word_that_it_listens_to(
    project: Project, receiver: Receiver
) -> None:
    with receiving() as other:
        listening(
            project,
            f"{receiver.url} on failed",
            f"{other.url} on failed, guard_refused",
        )
        project.segment([ANN, BOB, CARA])
        project.create()
        project.segment([ANN])
        assert project.sync().exit_code == 7
        assert (receiver.events, other.events) == (["failed"], ["guard_refused"])
        assert project.sync(allow_shrink=True).exit_code == 0
        assert (receiver.events, other.events) == (["failed"], ["guard_refused"])


def test_credentials_are_told_once_for_all_audiences_of_their_connection(
    heard: Project, receiver: Receiver
) -> None:
    other = audiences.NewAudience(segment="vip", connection="meta-main", slug="b", name="b")
    audiences.create(heard.runtime, other)
    meta = heard.world.platforms["meta"]
    meta.configure({"tokens": []})
    heard.segment([ANN, BOB, CARA])
    for slug in ("a", "b", "a"):
        assert audiences.sync(heard.runtime, slug).exit_code == 5
    (told,) = receiver.bodies
    assert (told["event"], told["connection"]) == ("credentials_expired", "meta-main")
    assert told["audience"] is None
    meta.configure({"tokens": [{"value": "sandbox-meta-token"}]})
    for slug in ("a", "b"):
        assert audiences.sync(heard.runtime, slug).exit_code == 0
    assert receiver.events == ["credentials_expired", "recovered"]


def test_a_lost_audience_and_an_empty_segment_are_told(heard: Project, receiver: Receiver) -> None:
    heard.segment([])
    assert heard.sync(allow_shrink=True).exit_code == 0
    assert receiver.events == ["empty_segment"]
    heard.segment([ANN])
    assert heard.sync().exit_code == 0
    assert receiver.events == ["empty_segment", "recovered"]
    (remote,) = heard.world.remotes("meta")
    heard.runtime.connect("meta-main").delete(RemoteId(remote.id))
    assert heard.sync().exit_code == 1
    assert receiver.events == ["empty_segment", "recovered", "stale"]
    assert "audsync recreate a" in receiver.bodies[-1]["remedy"]


def test_a_passing_failure_is_told_at_its_first_job_and_at_its_end(
    heard: Project, receiver: Receiver
) -> None:
    heard.segment([ANN, BOB, CARA])
    heard.world.faults.arm([DOWN])
    assert heard.sync().exit_code == 6
    heard.clock.advance(3600)
    assert due(heard) == 6
    assert receiver.events == ["failed"]
    heard.world.faults.disarm()
    heard.clock.advance(3600)
    assert due(heard) == 0
    assert receiver.events == ["failed", "recovered"]


def test_what_could_not_be_delivered_is_sent_by_the_next_run(
    heard: Project, receiver: Receiver
) -> None:
    receiver.status = 500
    break_source(heard)
    assert heard.sync().exit_code == 1
    (waiting,) = pending(heard)
    assert (waiting["attempts"], waiting["problem"]) == (1, "answered 500")
    receiver.status = 204
    assert due(heard) == 0, "not before its time"
    assert len(pending(heard)) == 1
    heard.clock.advance(60)
    assert due(heard) == 0
    assert pending(heard) == []
    assert receiver.events == ["failed", "failed"]
    assert receiver.bodies[0]["id"] == receiver.bodies[1]["id"]


def test_a_receiver_that_stays_down_is_given_up_and_shown(
    heard: Project, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.status = 404
    break_source(heard)
    heard.sync()
    audiences.schedule(heard.runtime, "a", auto_sync=False)
    for wait_s in (60, 300, 900, 3600):
        heard.clock.advance(wait_s - 1)
        due(heard)
        heard.clock.advance(1)
        due(heard)
    assert receiver.events == ["failed"] * 5
    (lost,) = outbox.listed(heard.runtime, is_pending=False)
    assert (lost["status"], lost["problem"]) == ("given_up", "answered 404")
    heard.clock.advance(DAY_S)
    due(heard)
    assert len(receiver.bodies) == 5
    assert "SECRET" not in caplog.text


def test_a_receiver_that_hangs_holds_a_run_up_for_its_time_out_alone(
    heard: Project, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "TIMEOUT_S", 0.2)
    receiver.hangs.set()
    heard.segment([])
    heard.sync(allow_shrink=True)
    break_source(heard)
    started = time.monotonic()
    assert heard.sync().exit_code == 1
    assert time.monotonic() - started < 5
    first, second = pending(heard)
    assert {first["attempts"], second["attempts"]} == {0, 1}, "the second waits behind the first"
    assert "did not answer" in str(first["problem"] or second["problem"])


def test_a_crash_between_sending_and_recording_repeats_one_message_at_most(
    heard: Project, receiver: Receiver
) -> None:
    class PowerCutError(BaseException):
        pass

    def cut(step: str) -> None:
        if step == "notify: after sending":
            raise PowerCutError

    break_source(heard)
    steps.listen(cut)
    try:
        with pytest.raises(PowerCutError):
            heard.sync()
    finally:
        steps.listen(None)
    heard.restart()
    heard.clock.advance(60)
    due(heard)
    due(heard)
    assert receiver.events == ["failed", "failed"]
    assert len({body["id"] for body in receiver.bodies}) == 1


def test_a_receiver_that_is_taken_out_is_not_waited_for(heard: Project, receiver: Receiver) -> None:
    receiver.status = 500
    break_source(heard)
    heard.sync()
    listening(heard, f"{receiver.url}/2 on partial")
    (heard.folder / "audsync.yaml").write_text(
        f"{CONFIG}heartbeat_url: {receiver.url}\n", encoding="utf-8"
    )
    heard.restart()
    heard.clock.advance(60)
    due(heard)
    assert [one["address"] for one in pending(heard)] == [None]


def test_a_receiver_that_comes_later_hears_of_what_is_still_wrong(
    project: Project, receiver: Receiver
) -> None:
    project.segment([ANN])
    project.create()
    break_source(project)
    project.sync()
    listening(project, f"{receiver.url} on failed, recovered")
    assert receiver.events == []
    project.sync()
    project.sync()
    assert receiver.events == ["failed"]


def test_no_message_names_anybody(heard: Project, receiver: Receiver) -> None:
    heard.segment([])
    assert heard.sync().exit_code == 7
    assert "guard_refused" in receiver.events
    assert "example.com" not in str(receiver.bodies)


def test_credentials_that_end_soon_are_told_once_a_date(heard: Project, receiver: Receiver) -> None:
    meta = heard.world.platforms["meta"]

    def token_ends_in(days: float) -> None:
        ends_at = int(heard.clock.now().timestamp() + days * DAY_S)
        meta.configure({"tokens": [{"value": "sandbox-meta-token", "expires_at": ends_at}]})

    token_ends_in(6)
    for _ in range(3):
        due(heard)
        heard.clock.advance(DAY_S / 2)
    assert receiver.events == ["credentials_expiring"]
    assert receiver.bodies[0]["connection"] == "meta-main"
    token_ends_in(3)
    heard.clock.advance(DAY_S)
    due(heard)
    assert receiver.events == ["credentials_expiring"] * 2, "another date"
    token_ends_in(60)
    heard.clock.advance(DAY_S)
    due(heard)
    assert receiver.events == ["credentials_expiring"] * 2 + ["recovered"]


def test_an_audience_that_cannot_even_begin_is_told(heard: Project, receiver: Receiver) -> None:
    text = (heard.folder / "audsync.yaml").read_text("utf-8")
    (heard.folder / "audsync.yaml").write_text(text.replace("  vip:", "  other:"), "utf-8")
    heard.restart()
    heard.clock.advance(DAY_S)
    assert due(heard) == 1
    assert due(heard) == 1
    assert receiver.events == ["failed"]
    assert receiver.bodies[0]["code"] == "SEGMENT_NOT_FOUND"


def test_a_store_without_receivers_keeps_no_messages(project: Project) -> None:
    project.segment([ANN])
    project.create()
    break_source(project)
    project.sync()
    assert outbox.listed(project.runtime, is_pending=False) == []
