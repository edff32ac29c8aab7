"""The life of a breaker, as two processes see it."""

import pytest

from audsync.domain import CircuitState
from audsync.store import breakers
from audsync.store.breakers import Circuit, Which
from audsync.store.database import Database
from tests.databases import SetClock

META = Which(tenant_id=1, connection="meta-main")
CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN


@pytest.fixture(autouse=True)
def _both_go_by_the_clock(clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server's clock cannot be set: on PostgreSQL the test's stands for it, too."""
    monkeypatch.setattr(breakers, "now", lambda _session: clock.now())


def look(database: Database, which: Which = META) -> Circuit:
    with database.reading() as session:
        return breakers.look(session, which)


def fail(database: Database, times: int) -> None:
    for _ in range(times):
        breakers.note_failure(database, META)


def succeed(database: Database, *, is_probe: bool = True) -> CircuitState:
    breakers.note_success(database, META, is_probe=is_probe)
    return look(database).state


@pytest.fixture
def opened(database: Database) -> Database:
    fail(database, 5)
    return database


@pytest.fixture
def rested(opened: Database, clock: SetClock) -> Database:
    clock.advance(60)
    return opened


def test_who_never_failed_is_closed(database: Database) -> None:
    assert look(database) == Circuit()


def test_the_fifth_failure_in_a_row_opens_it_for_a_minute(
    database: Database, clock: SetClock
) -> None:
    fail(database, 4)
    assert look(database).state is CLOSED
    fail(database, 1)
    circuit = look(database)
    assert (circuit.state, circuit.failures, circuit.openings) == (OPEN, 5, 1)
    assert circuit.recovery_at is not None
    assert (circuit.recovery_at - clock.now()).total_seconds() == 60
    clock.advance(59.9)
    assert look(database).state is OPEN
    clock.advance(0.1)
    assert look(database).state is HALF_OPEN


def test_a_success_ends_the_row(database: Database) -> None:
    fail(database, 4)
    assert succeed(database, is_probe=False) is CLOSED
    fail(database, 4)
    assert look(database).state is CLOSED


def test_a_success_that_was_under_way_as_it_opened_proves_nothing(opened: Database) -> None:
    assert succeed(opened, is_probe=False) is OPEN


def test_half_open_it_lets_one_through_at_a_time(rested: Database, clock: SetClock) -> None:
    assert breakers.take_probe(rested, META, lasts_s=65) is None
    refused = breakers.take_probe(rested, META, lasts_s=65)
    assert refused is not None
    assert refused.state is HALF_OPEN
    assert succeed(rested) is HALF_OPEN
    assert breakers.take_probe(rested, META, lasts_s=65) is None
    breakers.leave_probe(rested, META)
    assert breakers.take_probe(rested, META, lasts_s=65) is None
    clock.advance(65)  # its process is dead
    assert breakers.take_probe(rested, META, lasts_s=65) is None


def test_three_successes_close_it(rested: Database) -> None:
    assert [succeed(rested) for _ in range(3)] == [HALF_OPEN, HALF_OPEN, CLOSED]
    assert look(rested).failures == 0
    assert breakers.take_probe(rested, META, lasts_s=65) == look(rested)
    fail(rested, 4)
    assert look(rested).state is CLOSED


def test_one_failure_lets_it_rest_again(rested: Database, clock: SetClock) -> None:
    succeed(rested)
    succeed(rested)
    fail(rested, 1)
    circuit = look(rested)
    assert (circuit.state, circuit.openings) == (OPEN, 2)
    clock.advance(60)
    assert [succeed(rested) for _ in range(3)] == [HALF_OPEN, HALF_OPEN, CLOSED]


def test_who_asks_while_it_is_open_and_gets_an_answer_makes_it_half_open(opened: Database) -> None:
    assert succeed(opened) is HALF_OPEN


def test_openings_are_forgotten_after_an_hour(rested: Database, clock: SetClock) -> None:
    fail(rested, 1)
    assert look(rested).openings == 2
    clock.advance(3599)
    assert look(rested).openings == 1
    clock.advance(1)
    assert look(rested).openings == 0


def test_it_outlives_the_process_and_belongs_to_one_connection(opened: Database) -> None:
    opened.dispose()
    assert look(opened).state is OPEN
    assert look(opened, Which(tenant_id=1, connection="other")).state is CLOSED
    assert look(opened, Which(tenant_id=2, connection="meta-main")).state is CLOSED
    with opened.reading() as session:
        assert list(breakers.listed(session, 1)) == ["meta-main"]
        assert breakers.listed(session, 2) == {}
