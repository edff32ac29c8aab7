"""Sending a plan: intent, effect, receipt, batch by batch; removals are finished before adds."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

from audsync.connectors.contract import may_have_applied
from audsync.domain import Action, BatchState, Kind, Receipt, UploadBatch
from audsync.errors import (
    AudsyncError,
    CircuitOpenError,
    OutcomeUnknownError,
    RateLimitError,
    RejectedError,
    TransientError,
)
from audsync.store import jobs, ledger
from audsync.sync import settle
from audsync.sync.contract import BatchFacts, StateFiles
from audsync.sync.ports import Ports, Subject

MAX_FAILURES_IN_A_ROW = 3
PASSES = 2
"""What failed for a passing reason is tried once more after the rest of its phase."""

_PHASES = {Action.REMOVE: 1, Action.ADD: 2, Action.REPLACE: 2, Action.SWEEP: 3}
"""In their order; what belongs to an earlier phase must be over before a later one begins."""
_DONE = frozenset({BatchState.APPLIED})

_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Sending:
    """A plan on its way: every batch as it is known now, and the first thing that went wrong."""

    batches: dict[int, BatchFacts]
    error: AudsyncError | None = None
    platform_rejected: int = 0
    stopped: bool = False
    passing: set[int] = field(default_factory=set)
    """Numbers of batches that failed for a passing reason."""
    failures_in_a_row: int = 0

    def in_order(self) -> tuple[BatchFacts, ...]:
        """The batches, as planned."""
        return tuple(self.batches[number] for number in sorted(self.batches))


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One session of requests: what the platform is told about the whole of it."""

    number: int
    rows: int
    kinds: tuple[Kind, ...]
    first_batch: int
    last_batch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """What is to be recorded of one batch."""

    state: BatchState
    receipt: Receipt | None = None
    error: dict[str, Any] | None = None


def send(
    ports: Ports,
    subject: Subject,
    files: StateFiles,
    batches: Sequence[BatchFacts],
    sessions: Mapping[Action, Session],
    mark: datetime | None = None,
) -> Sending:
    """Send every batch of a committed plan that may go; never raises what a platform answers.

    Args:
        ports: the outside.
        subject: the audience.
        files: the plan's files.
        batches: the plan's batches, removals first.
        sessions: for each action of the plan that carries members, its session.
        mark: for a plan with a sweep, the moment since which members count as wanted.
    """
    sending = Sending(batches={batch.number: batch for batch in batches})
    ports.progress.phase("send", sum(batch.rows for batch in batches))

    def deliver(batch: BatchFacts) -> None:
        if batch.action is Action.SWEEP:
            assert mark is not None, "a plan with a sweep has a moment"
            call = partial(ports.connector.sweep, subject.remote, mark)
        else:
            upload = _upload(ports, subject, files, batch, sessions)
            call = partial(ports.connector.send, upload)
        _deliver(ports, subject, sending, batch, call)

    for action in _PHASES:
        mine = any(batch.action is action for batch in sending.batches.values())
        if mine and not sending.stopped:
            _make_way(ports, subject, sending, action)
        if mine and not sending.stopped:
            _send_phase(ports, sending, action, deliver)
    return sending


def _send_phase(
    ports: Ports, sending: Sending, action: Action, deliver: Callable[[BatchFacts], None]
) -> None:
    for _ in range(PASSES):
        for batch in sending.in_order():
            if batch.action is not action or not _may_go(batch, sending):
                continue
            try:
                ports.check_stop()
            except AudsyncError as error:
                sending.error, sending.stopped = error, True
                return
            sending.passing.discard(batch.number)
            deliver(batch)
            if sending.stopped:
                return


def _may_go(batch: BatchFacts, sending: Sending) -> bool:
    """Planned, or failed in a way that another try may mend."""
    return batch.state is BatchState.PLANNED or batch.number in sending.passing


def _make_way(ports: Ports, subject: Subject, sending: Sending, action: Action) -> None:
    """See that what must be over before this phase is over, and stop if it is not.

    Adds wait until no removal is open or in doubt, a sweep until every add was applied: a removal
    refused for good holds nothing up, but without all adds a sweep would take the wrong people.
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
    clear = _DONE if action is Action.SWEEP else _DONE | {BatchState.REFUSED}
    if any(sending.batches[number].state not in clear for number in before):
        sending.stopped = True
        sending.error = sending.error or OutcomeUnknownError(
            f"{ports.connector.spec.platform} accepted requests for {subject.name} and did not"
            " carry them out. The next run sends them again.",
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


def _upload(
    ports: Ports,
    subject: Subject,
    files: StateFiles,
    batch: BatchFacts,
    sessions: Mapping[Action, Session],
) -> UploadBatch:
    session = sessions[batch.action]
    return UploadBatch(
        audience=subject.remote,
        action=batch.action,
        session=session.number,
        number=batch.number - session.first_batch + 1,
        is_last=batch.number == session.last_batch,
        rows=batch.rows,
        session_rows=session.rows,
        kinds=session.kinds,
        members=ports.engine.members(files, batch),
    )


def _deliver(
    ports: Ports,
    subject: Subject,
    sending: Sending,
    batch: BatchFacts,
    call: Callable[[], Receipt],
) -> None:
    """One batch: durable intent, the request, its durable outcome."""
    with ports.database.transaction() as session:
        ledger.mark_sending(
            session,
            ports.lease,
            job_id=subject.job_id,
            number=batch.number,
            must_last_s=ports.must_last_s,
        )
    try:
        receipt = call()
    except AudsyncError as error:
        mark = _Mark(state=_state_after(error, batch), error=error.as_json())
        _record(ports, subject, sending, batch, mark)
        _note_failure(sending, batch, error)
        return
    state = BatchState.APPLIED if receipt.is_settled else BatchState.ACCEPTED
    _record(ports, subject, sending, batch, _Mark(state=state, receipt=receipt))
    sending.platform_rejected += receipt.rejected_rows
    sending.failures_in_a_row = 0
    ports.progress.advance(batch.rows)


def _record(
    ports: Ports,
    subject: Subject,
    sending: Sending,
    batch: BatchFacts,
    mark: _Mark,
) -> None:
    with ports.database.transaction() as session:
        row = ledger.mark_outcome(
            session,
            ports.lease,
            job_id=subject.job_id,
            number=batch.number,
            state=mark.state,
            receipt=mark.receipt,
            error=mark.error,
        )
        tries = row.unanswered_tries
    sending.batches[batch.number] = replace(batch, state=mark.state, unanswered_tries=tries)


def _state_after(error: AudsyncError, batch: BatchFacts) -> BatchState:
    """`refused` only where the answers prove that nothing was applied, by no try at all."""
    is_doubtful = may_have_applied(error) or batch.unanswered_tries > 0
    return BatchState.UNKNOWN if is_doubtful else BatchState.REFUSED


def _note_failure(sending: Sending, batch: BatchFacts, error: AudsyncError) -> None:
    """Remember the worst, and decide whether the rest still makes sense."""
    _log.warning("batch %d was not confirmed: %s", batch.number, error.code)
    if sending.error is None or error.exit_code == 5:  # noqa: PLR2004 - a person must act
        sending.error = error
    sending.failures_in_a_row += 1
    if isinstance(error, (OutcomeUnknownError, TransientError)):
        sending.passing.add(batch.number)
    sending.stopped = (
        not isinstance(error, (RejectedError, OutcomeUnknownError, TransientError))
        or isinstance(error, RateLimitError | CircuitOpenError)
        or batch.action is Action.REPLACE
        or sending.failures_in_a_row >= MAX_FAILURES_IN_A_ROW
    )
