"""`run-due` as cron calls it: what is begun, what is left alone, and what it says at the end."""

import json
import threading
from datetime import datetime, timedelta
from math import ceil
from typing import Any

import pytest

from audsync.domain import SyncStatus
from audsync.sandbox.faults import FaultKind, Rule
from audsync.services import audiences
from audsync.services.cron import run_due
from audsync.services.cron.run_due import Pace, Report
from audsync.services.jobs import sync_audience
from audsync.services.watch.last_run import key_of
from audsync.services.wiring.runtime import Runtime
from audsync.store import jobs, leases, settings
from audsync.store.tables import PlatformAudience
from audsync.sync import run
from tests.services.conftest import CONFIG, Project, closes, email

ANN = {"id": "1", "email": "ann@example.com"}
BOB = {"id": "2", "email": "bob@example.com"}
CARA = {"id": "3", "email": "cara@example.com"}
DAY_S = 24 * 3600
DOWN = Rule(kind=FaultKind("status"), status=503, times=999)


def due(project: Project, **pace: Any) -> Report:  # noqa: ANN401 - the fields of Pace
    return run_due.run_due(project.runtime, Pace(**pace))


def reconfigure(project: Project, text: str) -> None:
    (project.folder / "audsync.yaml").write_text(text, encoding="utf-8")
    project.restart()


def create(project: Project, *slugs: str, segment: str = "vip") -> None:
    for slug in slugs:
        new = audiences.NewAudience(
            segment=segment, connection="meta-main", slug=slug, name=f"name of {slug}"
        )
        assert audiences.create(project.runtime, new).exit_code == 0


def found(project: Project, slug: str = "a") -> PlatformAudience:
    return audiences.find(project.runtime, slug)


def names(report: Report) -> list[str]:
    return sorted(job["audience"] for job in report.jobs)


def pause(project: Project, *slugs: str) -> None:
    for slug in slugs:
        audiences.schedule(project.runtime, slug, auto_sync=False)


def since_now(project: Project, moment: datetime | None) -> float:
    assert moment is not None
    return (moment - project.clock.now()).total_seconds()


@pytest.fixture
def three(project: Project) -> Project:
    """Three audiences in step, due a day later; then the segment changes."""
    project.segment([ANN, BOB])
    create(project, "a", "b", "c")
    project.segment([BOB, CARA])
    return project


def test_nothing_is_due_before_its_time(three: Project) -> None:
    assert due(three) == Report()
    three.clock.advance(DAY_S - 1)
    assert due(three).as_json() == {"jobs": [], "skipped": []}


def test_what_is_due_is_synced_once(three: Project) -> None:
    three.clock.advance(DAY_S)
    report = due(three)
    assert (report.exit_code, names(report), report.skipped) == (0, ["a", "b", "c"], [])
    assert {job["triggered_by"] for job in report.jobs} == {"scheduled"}
    assert all(closes(job) and job["profiles_added"] == 1 for job in report.jobs)
    for remote in three.world.remotes("meta"):
        assert set(remote.identifiers) == {email("bob@example.com"), email("cara@example.com")}
    assert due(three) == Report()


def test_a_late_run_shifts_nothing_and_makes_up_for_nothing(three: Project) -> None:
    first = found(three).next_sync_at
    assert first is not None
    three.clock.advance(5 * DAY_S + 3600)
    due(three)
    assert found(three).next_sync_at == first + timedelta(days=5)
    assert due(three) == Report()


def test_what_a_person_did_begins_the_rhythm_anew(three: Project) -> None:
    three.clock.advance(3600)
    assert three.sync().exit_code == 0
    assert since_now(three, found(three).next_sync_at) == DAY_S


def test_another_interval_counts_from_the_last_sync(three: Project) -> None:
    three.clock.advance(3600)
    audiences.schedule(three.runtime, "a", every_hours=6)
    assert since_now(three, found(three).next_sync_at) == 5 * 3600
    three.clock.advance(5 * 3600)
    assert names(due(three)) == ["a"]
    assert since_now(three, found(three).next_sync_at) == 6 * 3600


def test_another_interval_does_not_put_off_what_is_tried_again(three: Project) -> None:
    three.world.faults.arm([DOWN])
    assert three.sync().exit_code == 6
    soon = found(three).next_sync_at
    audiences.schedule(three.runtime, "a", every_hours=6)
    assert found(three).next_sync_at == soon


def test_paused_ones_are_left_alone(three: Project) -> None:
    three.clock.advance(DAY_S)
    pause(three, "b")
    assert names(due(three)) == ["a", "c"]


def test_failures_climb_the_ladder_and_leave_the_rhythm_alone(three: Project) -> None:
    three.clock.advance(DAY_S)
    regular = found(three).next_sync_at
    assert regular is not None
    pause(three, "b", "c")
    three.world.faults.arm([DOWN])
    waits = []
    for attempt in range(1, 6):
        report = due(three)
        assert (report.exit_code, names(report)) == (6, ["a"])
        audience = found(three)
        assert audience.regular_sync_at == regular + timedelta(days=1)
        waits.append(ceil(since_now(three, audience.next_sync_at)))
        if attempt < 5:
            assert due(three) == Report(), "not before the wait is over"
            three.clock.advance(waits[-1] + 1)
    assert waits[:4] == [300, 300, 900, 3600], "a 503 asks for five minutes"
    assert found(three).next_sync_at == regular + timedelta(days=1)
    three.world.faults.disarm()
    three.clock.advance(waits[-1] + 1)
    assert due(three).exit_code == 0
    assert found(three).next_sync_at == regular + timedelta(days=2)


def test_a_retry_that_works_ends_the_count(three: Project) -> None:
    three.clock.advance(DAY_S)
    pause(three, "b", "c")
    three.world.faults.arm([DOWN])
    failed = {job["audience"]: job["job_id"] for job in due(three).jobs}
    three.world.faults.disarm()
    three.clock.advance(300)
    assert due(three).exit_code == 0
    with three.runtime.database.reading() as session:
        latest = jobs.recent(session, 1, audience_id=found(three).id, limit=1)[0]
    assert (latest.attempt, str(latest.retry_of)) == (2, failed["a"])
    assert due(three) == Report()


def test_dead_credentials_stop_their_audiences_until_they_are_resumed(three: Project) -> None:
    three.clock.advance(DAY_S)
    three.world.platforms["meta"].configure({"tokens": []})
    assert due(three).exit_code == 5
    assert due(three) == Report()
    three.world.platforms["meta"].configure({"tokens": [{"value": "sandbox-meta-token"}]})
    audiences.schedule(three.runtime, "a", auto_sync=True)
    report = due(three)
    assert (report.exit_code, names(report)) == (0, ["a"])


def test_one_broken_audience_stops_no_other(three: Project) -> None:
    lost = """
  lost:
    source: {type: file, path: gone.csv}
    columns: {profile_id: id, email: email}
suppress:"""
    config = CONFIG.replace("\nsuppress:", lost)
    (three.folder / "gone.csv").write_text("id,email\n1,ann@example.com\n", encoding="utf-8")
    reconfigure(three, config)
    create(three, "lost", segment="lost")
    (three.folder / "gone.csv").unlink()
    three.clock.advance(DAY_S)
    three.segment([ANN, BOB, CARA])
    report = due(three)
    told = {job["audience"]: job for job in report.jobs}
    assert report.exit_code == 1
    assert told.pop("lost")["error"]["code"] == "SOURCE_ERROR"
    assert {job["status"] for job in told.values()} == {"completed"}


def test_a_connection_that_is_gone_is_told_and_stops_no_other(three: Project) -> None:
    reconfigure(three, CONFIG + "features: {audience_export: false}\n")
    with three.runtime.database.transaction() as session:
        audience = session.get_one(PlatformAudience, found(three, "b").id)
        audience.connection = "gone"
        session.add(audience)
    three.clock.advance(DAY_S)
    report = due(three)
    assert names(report) == ["a", "c"]
    assert report.as_json()["skipped"] == [{"audience": "b", "reason": "CONNECTION_NOT_FOUND"}]
    assert report.exit_code == 1


def test_what_a_person_switched_off_is_no_failure(three: Project) -> None:
    reconfigure(three, CONFIG + "features: {audience_sync_meta: false}\n")
    three.clock.advance(DAY_S)
    report = due(three)
    assert (report.exit_code, report.jobs) == (0, [])
    assert {one["reason"] for one in report.as_json()["skipped"]} == {"FEATURE_DISABLED"}


def test_a_bug_in_one_closes_its_job_and_stops_no_other(
    three: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(ports: Any, subject: Any, *rest: Any, **more: Any) -> Any:  # noqa: ANN401
        if subject.name == "b":
            raise KeyError("ann@example.com")
        return run.synchronise(ports, subject, *rest, **more)

    monkeypatch.setattr("audsync.services.jobs.sync_audience.synchronise", broken)
    three.clock.advance(DAY_S)
    report = due(three)
    assert report.exit_code == 1
    told = {job["audience"]: job for job in report.jobs}
    assert told["b"]["status"] == SyncStatus.FAILED
    assert told["b"]["error"]["code"] == "INTERNAL_ERROR"
    assert "example.com" not in str(told["b"])
    assert told["a"]["status"] == told["c"]["status"] == "completed"


def test_a_manual_sync_at_the_same_time_is_told_as_in_progress(three: Project) -> None:
    three.clock.advance(DAY_S)
    database = three.runtime.database
    lease = leases.claim(
        database, found(three, "b").id, owner=leases.this_process(), ttl_s=10 * DAY_S
    )
    report = due(three)
    assert names(report) == ["a", "c"]
    assert report.as_json()["skipped"] == [{"audience": "b", "reason": "SYNC_IN_PROGRESS"}]
    assert report.exit_code == 4
    leases.release(database, lease)
    assert names(due(three)) == ["b"]


def test_an_audience_that_another_run_took_meanwhile_is_passed_over(
    three: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    three.clock.advance(DAY_S)
    other = Runtime(
        config=three.runtime.config, clock=three.clock, transport=three.runtime.transport
    )
    real = sync_audience.bring_in_step

    def after_the_other(runtime: Any, audience: Any, wish: Any) -> Any:  # noqa: ANN401
        monkeypatch.setattr("audsync.services.cron.run_due.bring_in_step", real)
        assert names(run_due.run_due(other, Pace())) == ["a", "b", "c"]
        return real(runtime, audience, wish)

    monkeypatch.setattr("audsync.services.cron.run_due.bring_in_step", after_the_other)
    report = due(three, max_concurrent=1)
    assert (report.exit_code, report.as_json()) == (0, {"jobs": [], "skipped": []})
    assert len(audiences.history(three.runtime)) == 6


def test_a_limit_leaves_the_youngest_to_the_next_run(three: Project) -> None:
    three.clock.advance(DAY_S)
    with three.runtime.database.transaction() as session:
        for number, slug in enumerate("cab"):
            audience = session.get_one(PlatformAudience, found(three, slug).id)
            audience.next_sync_at = three.clock.now() - timedelta(minutes=9 - number)
            session.add(audience)
    report = due(three, limit=2)
    assert (names(report), report.left, report.exit_code) == (["a", "c"], 1, 0)
    assert names(due(three, limit=2)) == ["b"]


def test_what_is_refused_takes_nobodys_place(three: Project) -> None:
    with three.runtime.database.transaction() as session:
        for slug in "ab":
            audience = session.get_one(PlatformAudience, found(three, slug).id)
            audience.segment = "gone"
            session.add(audience)
    three.clock.advance(DAY_S)
    report = due(three, limit=1)
    assert names(report) == ["c"]


def test_a_time_budget_begins_nothing_new(three: Project) -> None:
    three.clock.advance(DAY_S)
    report = due(three, budget_s=0)
    assert (report.exit_code, report.jobs) == (8, [])
    assert {one["reason"] for one in report.as_json()["skipped"]} == {"TIME_BUDGET_ENDED"}
    assert names(due(three)) == ["a", "b", "c"]


def test_a_signal_stops_it_with_130_and_what_is_left_stays_due(three: Project) -> None:
    three.clock.advance(DAY_S)
    three.runtime.stop.ask()
    report = due(three)
    assert (report.exit_code, report.jobs) == (130, [])
    three.restart()
    assert names(due(three)) == ["a", "b", "c"]


def test_nothing_is_begun_in_quiet_hours(three: Project) -> None:
    reconfigure(three, CONFIG + 'schedule: {quiet: ["11:00-13:00"]}\n')
    three.clock.advance(DAY_S)
    report = due(three)
    assert (report.exit_code, report.jobs) == (0, [])
    assert report.quiet_until == three.clock.now() + timedelta(hours=1)
    three.clock.advance(3600)
    assert names(due(three)) == ["a", "b", "c"]
    assert since_now(three, found(three).next_sync_at) == DAY_S, "the end of tomorrow's"
    assert since_now(three, found(three).regular_sync_at) == DAY_S - 3600


def test_what_a_dead_process_left_is_finished_whatever_the_rhythm(three: Project) -> None:
    three.clock.advance(3600)

    class PowerCut(BaseException):
        pass

    def cut() -> None:
        raise PowerCut

    three.world.faults.arm([Rule(kind=FaultKind("status"), status=503, times=999)])
    three.clock.on_sleep = cut
    with pytest.raises(PowerCut):
        three.sync()
    three.clock.on_sleep = lambda: None
    three.world.faults.disarm()
    report = due(three)
    assert (names(report), report.exit_code) == (["a"], 0)
    statuses = [job["status"] for job in audiences.history(three.runtime, reference="a")]
    assert statuses == ["completed", "failed", "completed"]


def test_the_last_run_is_on_record(three: Project) -> None:
    three.clock.advance(DAY_S)
    due(three)
    with three.runtime.database.reading() as session:
        last = json.loads(settings.read(session, key_of(1)) or "")
    assert (last["due"], last["jobs"], last["skipped"], last["exit_code"]) == (3, 3, 0, 0)
    assert last["started_at"] == last["ended_at"] == "2026-11-21T12:00:00Z"


def test_as_many_are_worked_on_at_once_as_is_allowed(
    three: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(three, "d", "e", "f")
    three.clock.advance(DAY_S)
    all_in = threading.Barrier(3, timeout=60)
    real = sync_audience.bring_in_step
    seen: list[int] = []

    def together(runtime: Any, audience: Any, wish: Any) -> Any:  # noqa: ANN401
        all_in.wait()
        seen.append(runtime.at_once)
        return real(runtime, audience, wish)

    monkeypatch.setattr("audsync.services.cron.run_due.bring_in_step", together)
    report = due(three, max_concurrent=3)
    assert (report.exit_code, len(report.jobs)) == (0, 6)
    assert seen == [3] * 6
