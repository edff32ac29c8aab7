"""The outbox between processes, on both databases; and signs of life of `run-due`."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from audsync.config.load import load_config
from audsync.errors import StoreError
from audsync.services.cron import pings, run_due
from audsync.services.cron.run_due import Pace
from audsync.services.watch import outbox
from audsync.services.wiring.runtime import Runtime
from audsync.store import notifications
from tests.databases import KINDS, SetClock, fresh_url
from tests.receiver import Receiver, receiving
from tests.services.conftest import CONFIG, Project

MANY = 12


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.mark.parametrize("kind", KINDS)
def test_many_at_once_deliver_each_message_once(
    kind: str, tmp_path: Path, receiver: Receiver
) -> None:
    file = tmp_path / "audsync.yaml"
    file.write_text(f"notify: [{{url: '{receiver.url}'}}]\n", encoding="utf-8")
    with fresh_url(kind, tmp_path) as url:
        # Each has connections of its own, as a process has.
        config = load_config(file, {"AUDSYNC_STORE_URL": url})
        runtimes = [Runtime(config=config, clock=SetClock()) for _ in range(4)]
        with runtimes[0].database.transaction() as session:
            now = runtimes[0].database.now(session)
            for number in range(MANY):
                incident = notifications.add_moment(
                    session, 1, subject=f"audience:{number}", event="failed", now=now
                )
                body = {"event": "failed", "text": f"number {number}"}
                notifications.add(
                    session, incident, receiver=1, event="failed", message=body, now=now
                )
        threads = [threading.Thread(target=outbox.deliver, args=(each,)) for each in runtimes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        left = outbox.listed(runtimes[0], is_pending=True)
        for each in runtimes:
            each.database.dispose()
    assert left == []
    assert sorted(body["text"] for body in receiver.bodies) == sorted(
        f"number {number}" for number in range(MANY)
    )


def beating(project: Project, url: str) -> Runtime:
    text = f"{CONFIG}heartbeat_url: {url}\n"
    (project.folder / "audsync.yaml").write_text(text, encoding="utf-8")
    return project.restart()


def test_a_run_is_told_to_the_monitor_as_it_begins_and_ends(
    project: Project, receiver: Receiver
) -> None:
    runtime = beating(project, f"{receiver.url}?k=1")
    project.segment([{"id": "1", "email": "ann@example.com"}])
    project.create()
    assert receiver.paths == [], "only run-due"
    run_due.run_due(runtime, Pace())
    assert receiver.paths == ["/hook/SECRET/start?k=1", "/hook/SECRET?k=1"]
    (project.folder / "vip.csv").unlink()
    project.clock.advance(24 * 3600)
    receiver.paths.clear()
    assert run_due.run_due(runtime, Pace()).exit_code == 1
    assert receiver.paths == ["/hook/SECRET/start?k=1", "/hook/SECRET/fail?k=1"]


def test_a_run_that_breaks_off_is_told_as_failed(project: Project, receiver: Receiver) -> None:
    runtime = beating(project, receiver.url)
    with pytest.raises(StoreError), pings.around(runtime):
        raise StoreError("gone")
    assert receiver.paths == ["/hook/SECRET/start", "/hook/SECRET/fail"]


def test_a_monitor_that_is_away_or_hangs_fails_nothing(
    project: Project,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(pings, "TIMEOUT_S", 0.2)
    receiver.hangs.set()
    assert run_due.run_due(beating(project, receiver.url), Pace()).exit_code == 0
    assert run_due.run_due(beating(project, "http://127.0.0.1:9/x/SECRET"), Pace()).exit_code == 0
    assert "did not answer" in caplog.text
    assert "SECRET" not in caplog.text
