from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import Session

from audsync.domain import Action, BatchState, Receipt, SyncOperation, TriggeredBy
from audsync.errors import LeaseLostError, StoreError
from audsync.store import audiences, jobs, leases, ledger
from audsync.store.database import Database
from audsync.store.ledger import BatchRow, Head, NewBatch
from tests.databases import SetClock, add_audience

RECEIPT = Receipt(received_rows=3, rejected_rows=1, reference="r1", unanswered_tries=2)
ERROR: dict[str, Any] = {"code": "TIMEOUT", "message": "m", "details": {}, "action_required": None}
_WAYS = {
    BatchState.PLANNED: [],
    BatchState.SENDING: [BatchState.SENDING],
    BatchState.APPLIED: [BatchState.SENDING, BatchState.APPLIED],
    BatchState.REFUSED: [BatchState.SENDING, BatchState.REFUSED],
    BatchState.UNKNOWN: [BatchState.SENDING, BatchState.UNKNOWN],
    BatchState.ACCEPTED: [BatchState.SENDING, BatchState.ACCEPTED],
    BatchState.LEFT_OUT: [BatchState.SENDING, BatchState.REFUSED, BatchState.LEFT_OUT],
}
_LEGAL = {
    (BatchState.PLANNED, BatchState.SENDING),
    (BatchState.SENDING, BatchState.APPLIED),
    (BatchState.SENDING, BatchState.REFUSED),
    (BatchState.SENDING, BatchState.UNKNOWN),
    (BatchState.SENDING, BatchState.ACCEPTED),
    (BatchState.REFUSED, BatchState.SENDING),
    (BatchState.REFUSED, BatchState.LEFT_OUT),
    (BatchState.UNKNOWN, BatchState.SENDING),
    (BatchState.ACCEPTED, BatchState.APPLIED),
    (BatchState.ACCEPTED, BatchState.REFUSED),
    (BatchState.ACCEPTED, BatchState.UNKNOWN),
}


@dataclass
class Run:
    """A job under its lease, with a plan of `batches` batches committed."""

    database: Database
    lease: leases.Lease
    job_id: UUID

    def head(self) -> Head:
        with self.database.reading() as session:
            return ledger.head(session, self.lease.audience_id)

    def open_batches(self) -> list[BatchRow]:
        with self.database.reading() as session:
            head = ledger.head(session, self.lease.audience_id)
            return list(ledger.open_batches(session, head))

    def plan(self, batches: int, files: dict[str, str] | None = None) -> None:
        with self.database.transaction() as session:
            ledger.commit_plan(
                session,
                self.lease,
                job_id=self.job_id,
                files=files or {"plan": "p1"},
                facts={"rules": 1},
                batches=[_batch(number) for number in range(1, batches + 1)],
            )

    def move(self, state: BatchState, number: int = 1, receipt: Receipt | None = None) -> BatchRow:
        """Take the step; the batch as it is stored then."""
        with self.database.transaction() as session:
            self._mark(session, state, number, receipt)
        return self.open_batches()[number - 1]

    def _mark(
        self, session: Session, state: BatchState, number: int, receipt: Receipt | None
    ) -> None:
        if state is BatchState.SENDING:
            ledger.mark_sending(
                session, self.lease, job_id=self.job_id, number=number, must_last_s=60
            )
            return
        marked = ledger.mark_outcome(
            session,
            self.lease,
            job_id=self.job_id,
            number=number,
            state=state,
            receipt=receipt,
            error=None if receipt else ERROR,
        )
        assert marked.state is state


def _batch(number: int) -> NewBatch:
    return NewBatch(
        number=number,
        action=Action.ADD,
        session=2**63 - 1,
        session_number=number,
        rows=10_000,
        first_row=(number - 1) * 10_000,
        stop_row=number * 10_000,
    )


@pytest.fixture
def run(database: Database, clock: SetClock) -> Run:
    audience = add_audience(database)
    with database.transaction() as session:
        job = jobs.begin(session, audience, SyncOperation.UPDATE, TriggeredBy.MANUAL, clock.now())
    lease = leases.claim(database, audience.id, owner=leases.this_process())
    return Run(database, lease, job.id)


def test_an_audience_without_history_has_an_empty_head(run: Run) -> None:
    head = run.head()
    assert (head.files, head.facts, head.open_job_id, head.generation) == ({}, {}, None, 0)
    assert run.open_batches() == []


def test_a_plan_is_committed_with_its_files_and_batches_in_one_go(run: Run) -> None:
    run.plan(2_000, {"identifiers": "a", "plan": "b"})
    head = run.head()
    assert head.files == {"identifiers": "a", "plan": "b"}
    assert head.facts == {"rules": 1}
    assert head.open_job_id == run.job_id
    assert (head.epoch, head.generation) == (run.lease.epoch, 1)
    batches = run.open_batches()
    assert [batch.number for batch in batches] == list(range(1, 2_001))
    last = batches[-1]
    assert (last.state, last.action, last.session) == (BatchState.PLANNED, Action.ADD, 2**63 - 1)
    assert (last.first_row, last.stop_row) == (19_990_000, 20_000_000)
    assert (last.attempts, last.epoch, last.error) == (0, run.lease.epoch, None)


def test_a_plan_may_have_nothing_to_send(run: Run) -> None:
    run.plan(0)
    assert run.head().open_job_id == run.job_id
    assert run.open_batches() == []


def test_a_later_plan_leaves_the_earlier_one_s_batches_as_history(
    run: Run, database: Database, clock: SetClock
) -> None:
    run.plan(2)
    run.move(BatchState.SENDING)
    with database.transaction() as session:
        audience = audiences.by_reference(session, 1, "vip-meta")
        later = jobs.begin(session, audience, SyncOperation.UPDATE, TriggeredBy.MANUAL, clock.now())
    next_run = Run(database, run.lease, later.id)
    next_run.plan(1, {"plan": "p2"})
    assert run.head().files == {"plan": "p2"}
    assert [batch.job_id for batch in run.open_batches()] == [later.id]
    with database.reading() as session:
        kept = jobs.batches(session, run.job_id)
    assert [batch.state for batch in kept] == [BatchState.SENDING, BatchState.PLANNED]


def test_closing_a_plan_moves_the_files_and_opens_nothing(run: Run, database: Database) -> None:
    run.plan(1)
    with database.transaction() as session:
        ledger.close_plan(session, run.lease, files={"identifiers": "c"}, facts={"rows": 5})
    head = run.head()
    assert (head.files, head.facts) == ({"identifiers": "c"}, {"rows": 5})
    assert (head.open_job_id, head.generation) == (None, 2)


def test_a_generation_follows_those_that_a_restored_store_has_lost(
    run: Run, database: Database
) -> None:
    for after, generation in ((7, 8), (3, 9), (0, 10)):
        with database.transaction() as session:
            ledger.close_plan(session, run.lease, files={}, facts={}, after=after)
        assert run.head().generation == generation


def test_batches_are_counted_by_state(run: Run, database: Database) -> None:
    run.plan(3)
    run.move(BatchState.SENDING)
    run.move(BatchState.ACCEPTED, receipt=RECEIPT)
    run.move(BatchState.SENDING, number=2)
    with database.reading() as session:
        counts = ledger.count_by_state(session, run.job_id)
        accepted = ledger.accepted_batches(session, run.head())
    assert counts == {BatchState.ACCEPTED: 1, BatchState.SENDING: 1, BatchState.PLANNED: 1}
    assert [batch.number for batch in accepted] == [1]


def test_nothing_is_accepted_where_no_plan_is_open(run: Run, database: Database) -> None:
    with database.reading() as session:
        assert ledger.accepted_batches(session, run.head()) == []


def test_replacing_files_keeps_the_plan_open(run: Run, database: Database) -> None:
    run.plan(1)
    with database.transaction() as session:
        ledger.replace_files(session, run.lease, files={"uncertain": "u"}, facts={})
    head = run.head()
    assert (head.files, head.open_job_id) == ({"uncertain": "u"}, run.job_id)


def test_a_batch_remembers_what_the_platform_said(run: Run) -> None:
    run.plan(1)
    sent = run.move(BatchState.SENDING)
    assert (sent.attempts, sent.done_at) == (1, None)
    assert sent.sent_at is not None
    run.move(BatchState.APPLIED, receipt=RECEIPT)
    (batch,) = run.open_batches()
    assert (batch.received_rows, batch.rejected_rows, batch.reference) == (3, 1, "r1")
    assert (batch.unanswered_tries, batch.error) == (2, None)
    assert batch.done_at is not None


def test_a_repeated_batch_counts_its_tries(run: Run) -> None:
    run.plan(1)
    run.move(BatchState.SENDING)
    unknown = run.move(BatchState.UNKNOWN)
    assert (unknown.unanswered_tries, unknown.error) == (1, ERROR)
    again = run.move(BatchState.SENDING)
    assert (again.attempts, again.error, again.done_at) == (2, None, None)
    assert run.move(BatchState.APPLIED, receipt=RECEIPT).unanswered_tries == 3


@pytest.mark.parametrize("state", BatchState)
def test_only_legal_steps_are_taken(run: Run, state: BatchState) -> None:
    wanted = [each for each in BatchState if each is not BatchState.PLANNED]
    run.plan(len(wanted))
    for number, target in enumerate(wanted, start=1):
        for step in _WAYS[state]:
            run.move(step, number)
        if (state, target) in _LEGAL:
            assert run.move(target, number).state is target
        else:
            with pytest.raises(StoreError, match=f"`{state}` and cannot become `{target}`"):
                run.move(target, number)
            assert run.open_batches()[number - 1].state is state


def test_a_refused_batch_is_divided_and_a_taken_one_sheds_rows(run: Run) -> None:
    run.plan(2)
    run.move(BatchState.SENDING)
    run.move(BatchState.REFUSED)
    assert divide(run, 1, 3) is BatchState.PLANNED
    first, _, other = run.open_batches()
    assert (first.state, first.first_row, first.stop_row, first.rows) == (
        "planned",
        0,
        5_000,
        5_000,
    )
    assert (other.state, other.first_row, other.stop_row) == ("planned", 5_000, 10_000)
    assert (other.session, other.session_number, other.attempts) == (first.session, 3, 0)
    run.move(BatchState.SENDING)
    run.move(BatchState.APPLIED, receipt=RECEIPT)
    assert divide(run, 1, 4) is BatchState.APPLIED


@pytest.mark.parametrize("state", [BatchState.SENDING, BatchState.UNKNOWN, BatchState.LEFT_OUT])
def test_what_is_in_doubt_or_over_is_not_divided(run: Run, state: BatchState) -> None:
    run.plan(1)
    for step in _WAYS[state]:
        run.move(step)
    with pytest.raises(StoreError, match="cannot become `planned`"):
        divide(run, 1, 2)
    assert len(run.open_batches()) == 1


def divide(run: Run, number: int, other: int) -> BatchState:
    """The first half keeps the number, the second gets another."""
    rest = replace(_batch(number), stop_row=(number - 1) * 10_000 + 5_000, rows=5_000)
    half = replace(_batch(number), number=other, session_number=other, first_row=rest.stop_row)
    with run.database.transaction() as session:
        return ledger.divide(session, run.lease, job_id=run.job_id, rest=rest, others=[half])


def test_nothing_goes_back_to_planned(run: Run) -> None:
    run.plan(1)
    run.move(BatchState.SENDING)
    with pytest.raises(StoreError, match="cannot become `planned`"):
        run.move(BatchState.PLANNED)


def test_a_batch_that_is_not_in_the_plan_is_an_error(run: Run) -> None:
    run.plan(1)
    with pytest.raises(StoreError, match="no batch 2"):
        run.move(BatchState.SENDING, number=2)


def test_a_request_that_might_outlive_the_lease_is_not_sent(run: Run, database: Database) -> None:
    run.plan(1)
    with pytest.raises(LeaseLostError), database.transaction() as session:
        ledger.mark_sending(session, run.lease, job_id=run.job_id, number=1, must_last_s=500)
    assert run.open_batches()[0].state is BatchState.PLANNED


def test_after_a_take_over_the_old_holder_writes_nothing(run: Run, database: Database) -> None:
    run.plan(2)
    run.move(BatchState.SENDING)
    leases.force_release(database, run.lease.audience_id)
    leases.claim(database, run.lease.audience_id, owner=leases.this_process())
    with pytest.raises(LeaseLostError):
        run.move(BatchState.APPLIED, receipt=RECEIPT)
    with pytest.raises(LeaseLostError):
        run.move(BatchState.SENDING, number=2)
    with pytest.raises(LeaseLostError):
        run.plan(1)
    for change in (ledger.close_plan, ledger.replace_files):
        with pytest.raises(LeaseLostError), database.transaction() as session:
            change(session, run.lease, files={}, facts={})
    states = [batch.state for batch in run.open_batches()]
    assert states == [BatchState.SENDING, BatchState.PLANNED]
    assert run.head().files == {"plan": "p1"}
