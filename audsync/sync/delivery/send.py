"""Sending a plan: intent, effect, receipt, batch by batch; removals are finished before adds.

Where the platform lets them, several requests of one phase are under way at once, from the first
that it took until one fails: then one at a time again, until one is taken. What comes of them is
handled one after the other, in one thread.
"""

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Any

from audsync.connectors.contract import may_have_applied
from audsync.domain import OVER, Action, BatchState, Receipt
from audsync.errors import (
    AudsyncError,
    CircuitOpenError,
    OutcomeUnknownError,
    RateLimitError,
    RejectedError,
    TransientError,
)
from audsync.store import jobs
from audsync.sync.contract import BatchFacts, StateFiles
from audsync.sync.delivery import settle
from audsync.sync.delivery.ahead import Ahead
from audsync.sync.delivery.isolate import FACT, Isolation
from audsync.sync.delivery.journal import Journal, Outcome
from audsync.sync.delivery.sending import Sending, Session
from audsync.sync.lanes import Call
from audsync.sync.ports import Ports, Subject

MAX_FAILURES_IN_A_ROW = 3
PASSES = 2
"""What failed for a passing reason is tried once more after the rest of its phase."""

_FREE = {Action.REMOVE, Action.ADD}
"""Requests of these know nothing of each other, so their order does not matter."""

_PHASES = {Action.REMOVE: 1, Action.ADD: 2, Action.REPLACE: 2, Action.SWEEP: 3}
"""In their order; what belongs to an earlier phase must be over before a later one begins."""

_HEAD_START_S = 0.01
"""So long nothing else is done once the only request may leave: it would leave later by as much.
Of several, the next one would."""

_log = logging.getLogger(__name__)


def send(
    ports: Ports,
    subject: Subject,
    files: StateFiles,
    batches: Sequence[BatchFacts],
    sessions: Mapping[Action, Session],
    facts: Mapping[str, Any],
) -> Sending:
    """Send every batch of a committed plan that may go; never raises what a platform answers.

    Args:
        ports: the outside.
        subject: the audience.
        files: the plan's files.
        batches: the plan's batches, removals first.
        sessions: for each action of the plan that carries members, its session.
        facts: the plan's; `mark` in one with a sweep is the moment since which members count as
            wanted.
    """
    sending = Sending(batches={batch.number: batch for batch in batches}, sessions=sessions)
    ports.progress.phase("send", sum(batch.rows for batch in batches))

    ahead = Ahead(ports, subject, files, sending)
    journal = Journal(ports, subject, sending)

    def call_of(batch: BatchFacts) -> Call:
        if batch.action is Action.SWEEP:
            mark = datetime.fromisoformat(facts["mark"])
            return lambda connector: connector.sweep(subject.remote, mark)
        upload = ahead.take(batch)
        return lambda connector: connector.send(upload)

    try:
        for action in _PHASES:
            if sending.of(action) and not sending.stopped:
                _make_way(ports, subject, sending, action)
            if sending.of(action) and not sending.stopped:
                unproved_runs = facts.get(FACT, 0)
                isolation = Isolation(ports, subject, files, sending, unproved_runs=unproved_runs)
                _Phase(ports, sending, isolation, call_of, ahead, journal).run(action)
    finally:
        # The lease is given back after this, and nothing may be under way by then.
        ports.lanes.clear()
    return sending


@dataclass(frozen=True, slots=True)
class _Phase:
    """The batches of one action on their way."""

    ports: Ports
    sending: Sending
    isolation: Isolation
    call_of: Callable[[BatchFacts], Call]
    ahead: Ahead
    journal: Journal
    under_way: set[int] = field(default_factory=set)

    def run(self, action: Action) -> None:
        """Send whatever may go, and what comes of it, until all is sent or something says stop."""
        sending = self.sending
        for _ in range(PASSES):
            waiting = deque(one.number for one in sending.of(action) if _may_go(one, sending))
            while (waiting and not sending.stopped) or self.under_way:
                self._fill_lanes(waiting, self._width(action))
                self.journal.flush()
                self._prepare(waiting)
                if self.under_way:
                    self.isolation.queue(waiting, self._land())
            self.journal.flush()
        self.isolation.conclude(self._go)

    def _width(self, action: Action) -> int:
        """How many may be under way now: one until one was taken, and after one has failed."""
        is_calm = self.isolation.takes and not self.sending.failures_in_a_row
        return self.ports.lanes.width if is_calm and action in _FREE else 1

    def _fill_lanes(self, waiting: deque[int], width: int) -> None:
        while waiting and len(self.under_way) < width and not self.sending.stopped:
            batch = self.sending.batches[self.isolation.next_of(waiting)]
            if pieces := self.isolation.fit(batch):
                self.isolation.queue(waiting, pieces)
            else:
                self._depart(batch)

    def _prepare(self, waiting: deque[int]) -> None:
        """Make the next ones ready until one of those under way is over."""
        lanes = self.ports.lanes
        following = [self.sending.batches[number] for number in islice(waiting, lanes.width)]
        if (
            not self.under_way
            or self.sending.stopped
            or lanes.has_arrival(_HEAD_START_S if lanes.width == 1 else 0.0)
        ):
            return
        while self.ahead.prepare(following) and not lanes.has_arrival():
            pass

    def _go(self, batch: BatchFacts) -> None:
        """Send one batch by itself, unless something says stop."""
        self._depart(batch)
        while self.under_way:
            self._land()
        self.journal.flush()

    def _depart(self, batch: BatchFacts) -> None:
        """Durable intent, then the request is under way, unless something says stop."""
        try:
            self.ports.check_stop()
        except AudsyncError as error:
            self.sending.error, self.sending.stopped = error, True
            return
        self.sending.passing.discard(batch.number)
        call = self.call_of(batch)
        self.journal.intend(batch)
        self.ports.lanes.depart(batch.number, call)
        self.under_way.add(batch.number)

    def _land(self) -> Sequence[int]:
        """Note the outcome of the next one that is over; returns what it was divided into."""
        arrival = self.ports.lanes.arrive()
        self.under_way.remove(arrival.number)
        batch, answer = self.sending.batches[arrival.number], arrival.answer
        if isinstance(answer, AudsyncError):
            return self._refused(batch, answer)
        return self._taken(batch, answer)

    def _taken(self, batch: BatchFacts, receipt: Receipt) -> Sequence[int]:
        state = BatchState.APPLIED if receipt.is_settled else BatchState.ACCEPTED
        pieces = self.isolation.apart(batch, receipt)
        is_last = self.sending.is_last(batch) and batch.action is Action.REPLACE
        self.journal.note(batch, Outcome(state=state, receipt=receipt), pieces)
        self.sending.has_ended = self.sending.has_ended or is_last
        self.isolation.note_taken(self.sending.batches[batch.number])
        self.sending.platform_rejected += receipt.rejected_rows
        self.sending.failures_in_a_row = 0
        self.ports.progress.advance(batch.rows)
        return [piece.number for piece in pieces[1:]]

    def _refused(self, batch: BatchFacts, error: AudsyncError) -> Sequence[int]:
        """Record a failure; divide the batch where its rows may be the reason."""
        state = _state_after(error, batch)
        self.journal.note(batch, Outcome(state=state, error=error.as_json()))
        # Before it is divided, it is known as refused.
        self.journal.flush()
        known = self.sending.batches[batch.number]
        pieces = self.isolation.divide(known, error) if state is BatchState.REFUSED else None
        if pieces is None:
            _note_failure(self.sending, batch, error)
        return pieces or ()


def _may_go(batch: BatchFacts, sending: Sending) -> bool:
    """Planned, or failed in a way that another try may mend."""
    return batch.state is BatchState.PLANNED or batch.number in sending.passing


def _make_way(ports: Ports, subject: Subject, sending: Sending, action: Action) -> None:
    """See that what must be over before this phase is over, and stop if it is not.

    Adds wait until no removal is open or in doubt, a sweep until every add was applied: a removal
    refused for good holds nothing up, but without all adds a sweep would take the wrong people;
    whoever is left out is not there anyway.
    """
    before = [
        batch.number for batch in sending.in_order() if _PHASES[batch.action] < _PHASES[action]
    ]
    if any(sending.batches[number].state is BatchState.ACCEPTED for number in before):
        try:
            settle.wait(ports, subject, why=f"the next step ({action}) follows when they are.")
        except AudsyncError as error:
            sending.error, sending.stopped = sending.error or error, True
            return
        finally:
            _reload(ports, subject, sending)
    clear = OVER if action is Action.SWEEP else OVER | {BatchState.REFUSED}
    if any(sending.batches[number].state not in clear for number in before):
        sending.stopped = True
        sending.error = sending.error or OutcomeUnknownError(
            f"{ports.connector.spec.platform.label} accepted requests for {subject.name} and did"
            " not carry them out. The next run sends them again.",
            timed_out=False,
        )


def _reload(ports: Ports, subject: Subject, sending: Sending) -> None:
    """Take over what the ledger knows by now of batches that were accepted."""
    with ports.database.reading() as session:
        for row in jobs.batches(session, subject.job_id):
            known = sending.batches[row.number]
            sending.batches[row.number] = replace(
                known, state=row.state, unanswered_tries=row.unanswered_tries
            )


def _state_after(error: AudsyncError, batch: BatchFacts) -> BatchState:
    """`refused` only where the answers prove that nothing was applied, by no try at all."""
    is_doubtful = may_have_applied(error) or batch.unanswered_tries > 0
    return BatchState.UNKNOWN if is_doubtful else BatchState.REFUSED


def _note_failure(sending: Sending, batch: BatchFacts, error: AudsyncError) -> None:
    """Remember the worst, and decide whether the rest still makes sense."""
    _log.warning("batch %d was not confirmed: %s", batch.number, error.code)
    is_passing = isinstance(error, (OutcomeUnknownError, TransientError))
    is_final = not is_passing and not isinstance(error, RejectedError)
    # What ends the audience or needs a person outranks what a later run mends by itself.
    if sending.error is None or error.exit_code == 5 or (is_final and _mends(sending.error)):  # noqa: PLR2004
        sending.error = error
    sending.failures_in_a_row += 1
    if is_passing:
        sending.passing.add(batch.number)
    # Where several were under way, one may fail in passing after another one said stop.
    sending.stopped = (
        sending.stopped
        or is_final
        or isinstance(error, RateLimitError | CircuitOpenError)
        or batch.action is Action.REPLACE
        or sending.failures_in_a_row >= MAX_FAILURES_IN_A_ROW
    )


def _mends(error: AudsyncError) -> bool:
    return isinstance(error, (OutcomeUnknownError, TransientError, RejectedError))
