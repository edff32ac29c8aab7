"""What one process learns of a platform holds for the others, and a person is always answered."""

from collections.abc import Callable
from contextlib import closing
from datetime import datetime

import pytest

from audsync.connectors.contract import Connector
from audsync.domain import CircuitState
from audsync.errors import (
    AudsyncError,
    BudgetEndedError,
    CancelledError,
    CircuitOpenError,
    PermissionDeniedError,
    RateLimitError,
    StoreError,
    UnavailableError,
)
from audsync.sandbox.faults import FaultKind, Rule
from audsync.services import audiences, reports
from audsync.services.cron import run_due
from audsync.services.cron.run_due import Pace, Report
from audsync.services.doctor import connection_checks
from audsync.services.stopping import TimeBudget
from audsync.services.wiring.runtime import Runtime
from audsync.store import breakers
from audsync.store.breakers import Circuit, Which
from tests.services.conftest import CONFIG, Project, email

ANN = {"id": "1", "email": "ann@example.com"}
BOB = {"id": "2", "email": "bob@example.com"}
DOWN = Rule(kind=FaultKind.STATUS, status=503, times=999)
DAY_S = 24 * 3600
THROTTLED = Rule(kind=FaultKind.RATE_LIMIT, wait_min=5, times=1)


def ask(runtime: Runtime, what: Callable[[Connector], object] | None = None) -> None:
    """One call, or whatever `what` does."""
    with closing(runtime.connect("meta-main")) as connector:
        (what or (lambda each: each.find("nobody")))(connector)


def failure(runtime: Runtime) -> AudsyncError:
    with pytest.raises(AudsyncError) as caught:
        ask(runtime)
    return caught.value


def cron(project: Project) -> Runtime:
    """What another process is, which cron began."""
    return project.restart().shared(1, TimeBudget(project.clock, None))


def requests(project: Project) -> int:
    return len(project.world.journal.requests())


def circuit(project: Project) -> Circuit:
    with project.runtime.database.reading() as session:
        return breakers.look(session, Which(tenant_id=1, connection="meta-main"))


def due(project: Project) -> Report:
    return run_due.run_due(project.restart(), Pace())


def break_down(project: Project) -> None:
    """Five calls fail, whoever makes them."""
    project.world.faults.arm([DOWN])
    for _ in range(5):
        assert isinstance(failure(project.restart()), UnavailableError)
    assert circuit(project).state is CircuitState.OPEN
    project.world.journal.clear()


@pytest.fixture
def two(project: Project) -> Project:
    """Two audiences in step; then the segment changes and a day goes by."""
    project.segment([ANN])
    for slug in ("a", "b"):
        new = audiences.NewAudience(segment="vip", connection="meta-main", slug=slug, name=slug)
        assert audiences.create(project.runtime, new).exit_code == 0
    project.segment([ANN, BOB])
    project.clock.advance(DAY_S)
    return project


def exact(project: Project) -> bool:
    wanted = {email("ann@example.com"), email("bob@example.com")}
    return all(set(each.identifiers) == wanted for each in project.world.remotes("meta"))


def test_a_rate_limit_that_one_is_told_holds_for_all(project: Project) -> None:
    project.world.faults.arm([THROTTLED])
    assert isinstance(failure(project.restart()), RateLimitError)
    asked = requests(project)
    refused = failure(cron(project))
    assert isinstance(refused, RateLimitError)
    assert 290 <= refused.details["retry_after_seconds"] <= 300
    assert requests(project) == asked
    project.clock.advance(250)
    before_s = project.clock.monotonic()
    ask(cron(project))  # which waits for what is left of it
    assert 45 <= project.clock.monotonic() - before_s <= 51


def test_a_person_asks_the_platform_anyway_and_what_it_answers_holds(project: Project) -> None:
    project.world.faults.arm([THROTTLED])
    failure(project.restart())
    ask(project.restart())
    ask(cron(project))  # the calm is over for all


def test_a_person_asks_a_platform_that_still_refuses_once(project: Project) -> None:
    project.world.faults.arm([THROTTLED.model_copy(update={"times": 99})])
    failure(project.restart())
    asked = requests(project)
    runtime = project.restart()
    for _ in range(4):
        assert isinstance(failure(runtime), RateLimitError)
    assert requests(project) == asked + 1


def test_calls_a_minute_can_be_lowered(project: Project) -> None:
    text = CONFIG.replace("account: act_1001", "account: act_1001\n    calls_per_minute: 4")
    (project.folder / "audsync.yaml").write_text(text, encoding="utf-8")
    before_s = project.clock.monotonic()
    for _ in range(3):
        ask(project.restart())
    assert 30 <= project.clock.monotonic() - before_s <= 31
    for _ in range(2):
        ask(project.restart())
    assert 60 <= project.clock.monotonic() - before_s <= 61
    moments = [one["at"] for one in project.world.journal.requests()]
    assert moments[-1] - moments[0] >= 60


def test_who_would_wait_longer_than_a_command_does_is_told_when_to_come_again(
    project: Project,
) -> None:
    text = CONFIG.replace("account: act_1001", "account: act_1001\n    calls_per_minute: 1")
    text += "limits: {max_wait: 10}\n"
    (project.folder / "audsync.yaml").write_text(text, encoding="utf-8")
    ask(project.restart())
    refused = failure(project.restart())
    assert isinstance(refused, RateLimitError)
    assert refused.exit_code == 6
    assert refused.details["retry_after_seconds"] == 61
    assert requests(project) == 1


def test_a_signal_ends_a_wait(project: Project) -> None:
    project.world.faults.arm([THROTTLED])
    failure(project.restart())
    project.clock.advance(250)
    runtime = cron(project)
    project.clock.on_sleep = runtime.stop.ask
    assert isinstance(failure(runtime), CancelledError)


def test_the_end_of_the_time_budget_ends_a_wait(project: Project) -> None:
    project.world.faults.arm([THROTTLED])
    failure(project.restart())
    project.clock.advance(250)
    runtime = project.restart().shared(1, TimeBudget(project.clock, 20))
    before_s = project.clock.monotonic()
    assert isinstance(failure(runtime), BudgetEndedError)
    assert project.clock.monotonic() - before_s < 21


def test_five_failures_in_a_row_open_the_breaker_for_every_process(project: Project) -> None:
    break_down(project)
    refused = failure(cron(project))
    assert isinstance(refused, CircuitOpenError)
    recovery_at = datetime.fromisoformat(refused.details.pop("recovery_at"))
    assert 50 < (recovery_at - project.clock.now()).total_seconds() <= 60
    assert refused.details == {
        "platform": "meta",
        "connection": "meta-main",
        "circuit_state": "open",
        "failure_count": 5,
    }
    assert requests(project) == 0


def test_tries_of_one_call_are_one_failure_and_a_success_between_starts_anew(
    project: Project,
) -> None:
    project.world.faults.arm([DOWN])
    for _ in range(4):
        failure(project.restart())
    assert circuit(project).failures == 4
    assert requests(project) > 4
    project.world.faults.disarm()
    ask(project.restart())
    assert circuit(project).failures == 0


def test_what_a_person_must_mend_and_rate_limits_are_no_failures(project: Project) -> None:
    token = {"value": "sandbox-meta-token", "scopes": ["public_profile"]}
    project.world.platforms["meta"].configure({"tokens": [token]})
    for _ in range(6):
        assert isinstance(failure(project.restart()), PermissionDeniedError)
    assert circuit(project) == Circuit()


def test_run_due_leaves_a_resting_connection_alone_and_goes_on_afterwards(two: Project) -> None:
    break_down(two)
    two.world.faults.disarm()
    report = due(two)
    assert (report.jobs, report.exit_code) == ([], 6)
    skipped = {one["audience"]: one["reason"] for one in report.as_json()["skipped"]}
    assert skipped == {"a": "CIRCUIT_OPEN", "b": "CIRCUIT_OPEN"}
    assert requests(two) == 0
    two.clock.advance(60)
    report = due(two)
    assert [job["status"] for job in report.jobs] == ["completed"] * 2
    assert circuit(two).state is CircuitState.CLOSED
    assert exact(two)


def test_a_single_request_that_fails_lets_it_rest_again(two: Project) -> None:
    break_down(two)
    two.clock.advance(60)
    report = due(two)
    assert report.exit_code == 6
    assert circuit(two).state is CircuitState.OPEN
    assert circuit(two).openings == 2


def test_a_person_is_let_through_and_ends_the_rest(two: Project) -> None:
    break_down(two)
    two.world.faults.disarm()
    before_s = two.clock.monotonic()
    assert audiences.sync(two.restart(), "a").exit_code == 0
    assert two.clock.monotonic() - before_s < 5
    assert audiences.sync(two.restart(), "b").exit_code == 0
    assert exact(two)
    assert circuit(two).state is CircuitState.CLOSED


def test_a_person_whose_call_fails_too_is_refused_from_then_on(two: Project) -> None:
    break_down(two)
    runtime = two.restart()
    assert isinstance(failure(runtime), UnavailableError)
    asked = requests(two)
    assert isinstance(failure(runtime), CircuitOpenError)
    assert requests(two) == asked


def test_while_one_tries_the_others_of_a_schedule_wait_for_how_it_ends(project: Project) -> None:
    break_down(project)
    project.world.faults.disarm()
    project.clock.advance(60)
    which = Which(tenant_id=1, connection="meta-main")
    assert breakers.take_probe(project.runtime.database, which, lasts_s=65) is None

    def it_ends_well() -> None:
        project.clock.on_sleep = lambda: None
        breakers.note_success(project.runtime.database, which, is_probe=True)

    project.clock.on_sleep = it_ends_well
    before_s = project.clock.monotonic()
    ask(cron(project))
    assert 0.4 < project.clock.monotonic() - before_s < 2


def test_an_answer_is_worth_more_than_word_of_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.world.faults.arm([DOWN.model_copy(update={"times": 3})])
    failure(project.restart())
    runtime = project.restart()

    def lose_the_store(*_: object, **__: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(breakers, "note_success", lose_the_store)
    ask(runtime)


def test_whoever_looks_sees_that_a_connection_rests(two: Project) -> None:
    break_down(two)
    runtime = two.restart()
    recovery_at = reports.moment(circuit(two).recovery_at)
    told = f"meta-main rests until {recovery_at}, openings in the last hour: 1"
    assert [one["circuit"]["state"] for one in audiences.status(runtime)] == ["open"] * 2
    checks = {one.name: one for one in connection_checks.connections(runtime)}
    assert checks["circuit meta-main"].detail == f"CIRCUIT_OPEN: {told}."


def test_a_doctor_s_look_counts_for_nobody(project: Project) -> None:
    project.world.faults.arm([DOWN])
    for _ in range(6):
        assert not all(one.ok for one in connection_checks.connections(project.restart()))
    assert circuit(project) == Circuit()


def test_who_was_just_told_to_wait_does_not_ask_again(project: Project) -> None:
    project.world.faults.arm([THROTTLED])
    runtime = project.restart()
    failure(runtime)
    asked = requests(project)
    assert isinstance(failure(runtime), RateLimitError)
    assert requests(project) == asked


def test_who_has_no_calls_left_keeps_nobody_else_waiting(project: Project) -> None:
    """Four audiences are due; those of the connection that is used up come last."""
    connection = CONFIG[CONFIG.index("  meta-main:") : CONFIG.index("segments:")]
    other = connection.replace("meta-main", "meta-other").replace("act_1001", "act_1002")
    segment = CONFIG[CONFIG.index("  vip:") : CONFIG.index("suppress:")]
    more = "".join(segment.replace("  vip:", f"  {name}:") for name in ("v2", "v3", "v4"))
    text = CONFIG.replace("segments:", f"{other}segments:").replace("suppress:", f"{more}suppress:")
    project.segment([ANN])
    project.world.platforms["meta"].configure({"accounts": [{"id": "1001"}, {"id": "1002"}]})
    (project.folder / "audsync.yaml").write_text(text, encoding="utf-8")
    project.restart()
    at = zip(("vip", "v2", "v3", "v4"), ("main", "main", "other", "other"), strict=True)
    for name, where in at:
        new = audiences.NewAudience(segment=name, connection=f"meta-{where}", slug=name)
        assert audiences.create(project.runtime, new).exit_code == 0
        project.clock.advance(60)
    project.segment([ANN, BOB])
    project.clock.advance(DAY_S)
    slow = text.replace("act_1001", "act_1001\n    calls_per_minute: 1", 1)
    (project.folder / "audsync.yaml").write_text(
        f"{slow}limits: {{max_wait: 10}}\n", encoding="utf-8"
    )
    report = run_due.run_due(project.restart(), Pace(max_concurrent=1))
    assert [one.audience for one in report.ended] == ["vip", "v3", "v4", "v2"]
    codes = {one.audience: one.exit_code for one in report.ended}
    assert codes == {"vip": 6, "v2": 6, "v3": 0, "v4": 0}
