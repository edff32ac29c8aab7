"""What is begun and not over: accepted requests, sweeps and sessions that wait for their end."""

from random import Random

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from audsync.domain import Action, BatchState, RemoteId, Settlement, SettlementState, UploadBatch
from audsync.errors import (
    CancelledError,
    CredentialsExpiredError,
    OutcomeUnknownError,
    SettlingError,
    ValidationError,
)
from audsync.store import ledger
from audsync.store.tables import Batch
from tests.sim.connector import SimConnector
from tests.sim.history import ANYTHING, Recipe, end_clean, make_world, plain_run, play
from tests.sim.ledger_room import room
from tests.sim.people import Crowd, first_crowd
from tests.sim.platform import SESSION_S
from tests.sim.set_bench import SetBench
from tests.sim.ways import SESSION, SETTLING
from tests.sim.world import World

MOST_REPLACED = Recipe(replaces=0.9, faults=0.4, way=SESSION)


@pytest.fixture
def settling(monkeypatch: pytest.MonkeyPatch) -> tuple[World, Crowd]:
    """A world whose platform has accepted a first request and says no more; a second is planned."""
    random = Random(3)
    world, _ = make_world(random, room(), SetBench(), ANYTHING, SETTLING)
    world.platform.poison.clear()
    crowd = first_crowd(random, is_linked=world.is_linked, size=4)
    answers(monkeypatch, Settlement(state=SettlementState.PENDING))
    first = plain_run(random, crowd, max_rows=1)
    first.stop_after = 1
    world.go(first)
    assert states(world)[:2] == [BatchState.ACCEPTED, BatchState.PLANNED]
    return world, crowd


def answers(monkeypatch: pytest.MonkeyPatch, answer: Settlement | Exception) -> None:
    """From now on the platform says this, whatever it is asked about."""

    def settlement(_self: SimConnector, _audience: RemoteId, _reference: str) -> Settlement:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(SimConnector, "settlement", settlement)


def states(world: World) -> list[BatchState]:
    """Of the batches of the plan that is open."""
    with world.room.database.reading() as session:
        head = ledger.head(session, world.room.audience_id)
        return [batch.state for batch in ledger.open_batches(session, head)]


def test_a_run_waits_no_longer_than_it_may(settling: tuple[World, Crowd]) -> None:
    world, crowd = settling
    world.patience_s = 2.0
    began = world.room.clock.now()
    ended = world.go(plain_run(world.random, crowd))
    assert isinstance(ended.error, SettlingError)
    assert ended.requests == 0
    assert 60 <= (world.room.clock.now() - began).total_seconds() <= 60 + world.patience_s


def test_what_a_person_must_mend_is_told_and_not_taken_for_an_answer(
    settling: tuple[World, Crowd], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, crowd = settling
    answers(monkeypatch, CredentialsExpiredError("The token is over."))
    ended = world.go(plain_run(world.random, crowd))
    assert isinstance(ended.error, CredentialsExpiredError)
    assert states(world)[:2] == [BatchState.ACCEPTED, BatchState.PLANNED]


def test_what_is_never_worked_off_is_in_doubt_and_said_again(
    settling: tuple[World, Crowd], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, crowd = settling
    world.room.clock.advance(SETTLING.settles_within_s + 1)
    ended = world.go(plain_run(world.random, crowd))
    assert ended.error is None
    assert ended.requests > 0
    monkeypatch.undo()
    end_clean(world, crowd)


def test_a_sweep_that_was_stopped_twice_is_made_by_the_third_run() -> None:
    random = Random(5)
    world, crowd = make_world(random, room(), SetBench(), ANYTHING, SETTLING)
    world.platform.poison.clear()
    world.go(plain_run(random, crowd))
    replacing = plain_run(random, crowd, max_rows=100)
    replacing.is_replace, replacing.stop_after = True, 1
    world.go(replacing)
    world.platform.work_off_all()
    stopped = plain_run(random, crowd)
    stopped.stop_after = 0
    ended = world.go(stopped)
    assert isinstance(ended.error, CancelledError)
    assert states(world) == [BatchState.APPLIED, BatchState.PLANNED]
    end_clean(world, crowd)


@pytest.mark.parametrize("seed", [4, 10, 14, 24])
def test_a_session_that_could_not_be_ended_is_ended_by_a_later_run(seed: int) -> None:
    play(seed, recipe=MOST_REPLACED)


def test_what_came_to_nothing_before_the_sweep_is_told_and_made_good(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random = Random(7)
    world, crowd = make_world(random, room(), SetBench(), ANYTHING, SETTLING)
    world.platform.poison.clear()
    answers(monkeypatch, Settlement(state=SettlementState.LOST))
    replacing = plain_run(random, crowd)
    replacing.is_replace = True
    ended = world.go(replacing)
    assert ended.outcome is not None
    assert isinstance(ended.outcome.error, OutcomeUnknownError)
    monkeypatch.undo()
    end_clean(world, crowd)


def test_a_session_whose_filler_is_refused_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(6)
    world, _ = make_world(random, room(), SetBench(), ANYTHING, SESSION)
    world.platform.poison.clear()
    crowd = first_crowd(random, is_linked=world.is_linked, size=4)
    replacing = plain_run(random, crowd, max_rows=1)
    replacing.is_replace, replacing.stop_after = True, 1
    world.go(replacing)
    refused: list[int] = []

    def close_session(
        _self: SimConnector, _audience: RemoteId, session: int, _filler: UploadBatch
    ) -> None:
        refused.append(session)
        raise ValidationError("This row cannot be read.", details={"rows_suspected": True})

    monkeypatch.setattr(SimConnector, "close_session", close_session)
    world.room.clock.advance(SESSION_S)
    end_clean(world, crowd)
    assert len(refused) == 1


def test_a_request_that_is_confirmed_keeps_how_many_rows_it_was(
    settling: tuple[World, Crowd], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, crowd = settling
    with world.room.database.transaction() as session:
        session.execute(update(Batch).values(received_rows=0))  # it did not say when it accepted
    answers(monkeypatch, Settlement(state=SettlementState.CONFIRMED))
    world.go(plain_run(world.random, crowd))
    with world.room.database.reading() as session:
        batches = session.exec(select(Batch).where(col(Batch.action) == Action.ADD)).all()
    told = [one for one in batches if one.state is BatchState.APPLIED]
    assert told
    assert [one.received_rows for one in told] == [one.rows for one in told]
