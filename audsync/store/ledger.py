"""Intent, effect, receipt: what was planned for an audience, and what is known of each batch.

Every writing function checks the lease first, in the caller's transaction; none commits. The
order that the sync engine keeps: the plan is committed before anything is sent, `sending` before
a request leaves, its outcome after, and the snapshot moves only when the plan is closed.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import bindparam, insert
from sqlmodel import Session, col, select

from audsync.domain import Action, BatchState, Receipt
from audsync.errors import StoreError
from audsync.store import leases
from audsync.store.database import now
from audsync.store.leases import Lease
from audsync.store.tables import Batch, Head

_MAY_BE_SENT = {BatchState.PLANNED, BatchState.REFUSED, BatchState.UNKNOWN}
_OUTCOMES = {
    BatchState.SENDING: {
        BatchState.APPLIED,
        BatchState.REFUSED,
        BatchState.UNKNOWN,
        BatchState.ACCEPTED,
    },
    BatchState.ACCEPTED: {BatchState.APPLIED, BatchState.REFUSED, BatchState.UNKNOWN},
}

_ONE_BATCH = select(Batch).where(
    col(Batch.audience_id) == bindparam("audience"),
    col(Batch.job_id) == bindparam("job"),
    col(Batch.number) == bindparam("number"),
)
"""Built once: it runs twice for every batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBatch:
    """A batch as planned."""

    number: int
    """1-based position in its plan."""
    action: Action
    session: int
    session_number: int
    """1-based position in its session."""
    rows: int
    first_row: int
    """Where it begins in its file of the plan; `stop_row` is where the next one begins."""
    stop_row: int
    profiles: int = 0
    refreshed: int = 0
    identifiers: int = 0
    profiles_left: int = 0


def head(session: Session, audience_id: UUID) -> Head:
    """Which files are true for the audience; empty for one that has none yet."""
    row = session.get(Head, audience_id)
    if row is None:
        row = Head(audience_id=audience_id)
        session.add(row)
    return row


def open_batches(session: Session, head: Head) -> Sequence[Batch]:
    """The batches of the plan that is open, in its order; none when no plan is."""
    if head.open_job_id is None:
        return []
    statement = (
        select(Batch)
        .where(col(Batch.audience_id) == head.audience_id, col(Batch.job_id) == head.open_job_id)
        .order_by(col(Batch.number))
    )
    return session.exec(statement).all()


def commit_plan(
    session: Session,
    lease: Lease,
    *,
    job_id: UUID,
    files: dict[str, str],
    facts: dict[str, Any],
    batches: Sequence[NewBatch],
) -> Head:
    """Make `files` true, the job's plan the open one, and its batches `planned`.

    A plan that was open before is not any more: its batches stay as history.

    Raises:
        LeaseLostError: the lease does not rule any more.
    """
    row = _change_files(session, lease, files=files, facts=facts)
    row.open_job_id = job_id
    session.flush()
    if batches:
        session.execute(insert(Batch), [_as_row(batch, lease, job_id) for batch in batches])
    return row


def mark_sending(
    session: Session, lease: Lease, *, job_id: UUID, number: int, must_last_s: float
) -> Batch:
    """Note that the batch is about to leave; commit before it does.

    Args:
        session: the transaction it is written in.
        lease: the right to write.
        job_id: the job whose plan it is.
        number: the batch's position in the plan.
        must_last_s: how long the request may take at most: the lease must hold at least as long.

    Raises:
        LeaseLostError: the lease does not rule any more, or not that long.
        StoreError: the batch is in no state in which it may be sent.
    """
    leases.check(session, lease, must_last_s=must_last_s)
    batch = _batch(session, lease, job_id=job_id, number=number)
    if batch.state not in _MAY_BE_SENT:
        raise _illegal(batch, BatchState.SENDING)
    batch.state = BatchState.SENDING
    batch.epoch = lease.epoch
    batch.attempts += 1
    batch.error = None
    batch.sent_at = now(session)
    batch.done_at = None
    session.flush()
    return batch


def mark_outcome(  # noqa: PLR0913 - what is known of one batch
    session: Session,
    lease: Lease,
    *,
    job_id: UUID,
    number: int,
    state: BatchState,
    receipt: Receipt | None = None,
    error: dict[str, Any] | None = None,
) -> Batch:
    """Note what became of a batch: `applied`, `refused`, `unknown` or, for now, `accepted`.

    Args:
        session: the transaction it is written in.
        lease: the right to write.
        job_id: the job whose plan it is.
        number: the batch's position in the plan.
        state: what is known now.
        receipt: what the platform said; None when it did not take the batch.
        error: an error's `as_json`, when there was one.

    Raises:
        LeaseLostError: the lease does not rule any more.
        StoreError: that state cannot follow the batch's own.
    """
    leases.check(session, lease)
    batch = _batch(session, lease, job_id=job_id, number=number)
    if state not in _OUTCOMES.get(batch.state, ()):
        raise _illegal(batch, state)
    batch.state = state
    batch.epoch = lease.epoch
    batch.error = error
    batch.done_at = now(session)
    if receipt is not None:
        batch.reference = receipt.reference
        batch.received_rows = receipt.received_rows
        batch.rejected_rows = receipt.rejected_rows
        batch.unanswered_tries += receipt.unanswered_tries
    elif state is BatchState.UNKNOWN:
        batch.unanswered_tries += 1
    session.flush()
    return batch


def close_plan(
    session: Session, lease: Lease, *, files: dict[str, str], facts: dict[str, Any]
) -> Head:
    """Make `files` true; no plan is open any more.

    Raises:
        LeaseLostError: the lease does not rule any more.
    """
    row = _change_files(session, lease, files=files, facts=facts)
    row.open_job_id = None
    session.flush()
    return row


def replace_files(
    session: Session, lease: Lease, *, files: dict[str, str], facts: dict[str, Any]
) -> Head:
    """Make `files` true; whichever plan is open stays open.

    Raises:
        LeaseLostError: the lease does not rule any more.
    """
    row = _change_files(session, lease, files=files, facts=facts)
    session.flush()
    return row


def live_files(session: Session) -> set[str]:
    """Every file that any audience's head names: the rest is rubbish."""
    named = session.exec(select(Head.files)).all()
    return {file for files in named for file in files.values()}


def _change_files(
    session: Session, lease: Lease, *, files: dict[str, str], facts: dict[str, Any]
) -> Head:
    leases.check(session, lease)
    row = head(session, lease.audience_id)
    row.files = dict(files)
    row.facts = dict(facts)
    row.epoch = lease.epoch
    row.generation += 1
    row.updated_at = now(session)
    return row


def _batch(session: Session, lease: Lease, *, job_id: UUID, number: int) -> Batch:
    key = {"audience": lease.audience_id, "job": job_id, "number": number}
    batch = session.exec(_ONE_BATCH, params=key).first()
    if batch is None:
        raise StoreError(
            f"The ledger has no batch {number} of job {job_id}: the store was changed from "
            "outside. Run `audsync doctor`.",
            details={"job_id": str(job_id), "number": number},
        )
    return batch


def _as_row(batch: NewBatch, lease: Lease, job_id: UUID) -> dict[str, Any]:
    """All columns: a bulk insert knows none of the record's defaults."""
    return {
        **asdict(batch),
        "id": uuid4(),
        "audience_id": lease.audience_id,
        "job_id": job_id,
        "epoch": lease.epoch,
        "state": BatchState.PLANNED,
        "attempts": 0,
        "unanswered_tries": 0,
        "reference": "",
    }


def _illegal(batch: Batch, state: BatchState) -> StoreError:
    return StoreError(
        f"Batch {batch.number} of job {batch.job_id} is `{batch.state}` and cannot become "
        f"`{state}`. Run `audsync doctor`.",
        details={"job_id": str(batch.job_id), "number": batch.number, "state": batch.state.value},
    )
