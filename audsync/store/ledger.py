"""Intent, effect, receipt: what was planned for an audience, and what is known of each batch.

Every writing function checks the lease first, in the caller's transaction; none commits. The
order that the sync engine keeps: the plan is committed before anything is sent, `sending` before
a request leaves, its outcome after, and the snapshot moves only when the plan is closed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, bindparam, func, insert, or_, select, update
from sqlmodel import Session

from audsync.domain import Action, BatchState, Receipt
from audsync.errors import StoreError
from audsync.store import leases
from audsync.store.database import execute, now
from audsync.store.leases import Lease
from audsync.store.tables import METADATA

_MAY_BE_SENT = (BatchState.PLANNED, BatchState.REFUSED, BatchState.UNKNOWN)
_OUTCOMES = {
    BatchState.SENDING: {
        BatchState.APPLIED,
        BatchState.REFUSED,
        BatchState.UNKNOWN,
        BatchState.ACCEPTED,
    },
    BatchState.ACCEPTED: {BatchState.APPLIED, BatchState.REFUSED, BatchState.UNKNOWN},
    BatchState.REFUSED: {BatchState.LEFT_OUT},
}
_AFTER_DIVISION = {
    BatchState.PLANNED: BatchState.PLANNED,
    BatchState.REFUSED: BatchState.PLANNED,
    BatchState.APPLIED: BatchState.APPLIED,
    BatchState.ACCEPTED: BatchState.ACCEPTED,
}
"""What may be divided, and as what the rest of it goes on."""
_COUNTS = ("first_row", "stop_row", "rows", "profiles", "refreshed", "identifiers", "profiles_left")

# Plain statements, built once, without records: they run twice for every batch.
_BATCH, _HEAD = METADATA.tables["batch"], METADATA.tables["head"]
_KEY = (
    _BATCH.c.audience_id == bindparam("audience"),
    _BATCH.c.job_id == bindparam("job"),
    _BATCH.c.number == bindparam("position"),
)
_ONE_BATCH = select(_BATCH.c.state, _BATCH.c.unanswered_tries).where(*_KEY)
_CHANGE_BATCH = update(_BATCH).where(*_KEY)
_SEND_BATCH = (
    update(_BATCH)
    .where(*_KEY, or_(*(_BATCH.c.state == state for state in _MAY_BE_SENT)))
    .values(state=BatchState.SENDING, attempts=_BATCH.c.attempts + 1, error=None, done_at=None)
)
_CHANGE_HEAD = (
    update(_HEAD)
    .where(_HEAD.c.audience_id == bindparam("audience"))
    .values(generation=_HEAD.c.generation + 1)
)
_SKIP_GENERATIONS = (
    update(_HEAD)
    .where(_HEAD.c.audience_id == bindparam("audience"), _HEAD.c.generation < bindparam("reached"))
    .values(generation=bindparam("reached"))
)
_ONE_HEAD = select(
    _HEAD.c.files, _HEAD.c.facts, _HEAD.c.open_job_id, _HEAD.c.epoch, _HEAD.c.generation
).where(_HEAD.c.audience_id == bindparam("audience"))
_OPEN_BATCHES = (
    select(*_BATCH.c)
    .where(_BATCH.c.audience_id == bindparam("audience"), _BATCH.c.job_id == bindparam("job"))
    .order_by(_BATCH.c.number)
)
_ACCEPTED_BATCHES = _OPEN_BATCHES.where(_BATCH.c.state == BatchState.ACCEPTED)
_STATES = (
    select(_BATCH.c.state, func.count().label("batches"))
    .where(_BATCH.c.job_id == bindparam("job"))
    .group_by(_BATCH.c.state)
)

BatchRow = Row[Any]
"""A batch as its table has it: the columns of `tables.Batch`, to be read only."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """What the ledger now knows of a batch."""

    state: BatchState
    unanswered_tries: int


@dataclass(frozen=True, slots=True)
class Head:
    """Which files are true for an audience, and whose plan is open."""

    audience_id: UUID
    files: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    open_job_id: UUID | None = None
    epoch: int = 0
    generation: int = 0


def head(session: Session, audience_id: UUID) -> Head:
    """The audience's head; an empty one where it has none yet."""
    row = execute(session, _ONE_HEAD, {"audience": audience_id}).first()
    return Head(audience_id, *row) if row is not None else Head(audience_id)


def open_batches(session: Session, head: Head) -> Sequence[BatchRow]:
    """The batches of the plan that is open, in its order; none when no plan is."""
    if head.open_job_id is None:
        return []
    key = {"audience": head.audience_id, "job": head.open_job_id}
    return execute(session, _OPEN_BATCHES, key).all()


def accepted_batches(session: Session, head: Head) -> Sequence[BatchRow]:
    """Those of `open_batches` that the platform accepted and has not worked off yet."""
    key = {"audience": head.audience_id, "job": head.open_job_id}
    return execute(session, _ACCEPTED_BATCHES, key).all()


def count_by_state(session: Session, job_id: UUID) -> dict[BatchState, int]:
    """How many batches of the job are in each state that occurs."""
    found = execute(session, _STATES, {"job": job_id})
    return {row.state: row.batches for row in found}


def commit_plan(
    session: Session,
    lease: Lease,
    *,
    job_id: UUID,
    files: dict[str, str],
    facts: dict[str, Any],
    batches: Sequence[NewBatch],
) -> None:
    """Make `files` true, the job's plan the open one, and its batches `planned`.

    A plan that was open before is not any more: its batches stay as history.

    Raises:
        LeaseLostError: the lease does not rule any more.
    """
    _change_head(session, lease, {"files": files, "facts": facts, "open_job_id": job_id})
    if batches:
        execute(session, insert(_BATCH), [_as_row(batch, lease, job_id) for batch in batches])


def mark_sending(
    session: Session, lease: Lease, *, job_id: UUID, number: int, must_last_s: float
) -> None:
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
    key = _key(lease, job_id, number)
    sent = execute(session, _SEND_BATCH, {**key, "epoch": lease.epoch, "sent_at": now(session)})
    if not sent.rowcount:
        raise _illegal(_batch(session, key), BatchState.SENDING, key)


def mark_outcome(  # noqa: PLR0913 - what is known of one batch
    session: Session,
    lease: Lease,
    *,
    job_id: UUID,
    number: int,
    state: BatchState,
    receipt: Receipt | None = None,
    error: dict[str, Any] | None = None,
) -> Marked:
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
    key = _key(lease, job_id, number)
    batch = _batch(session, key)
    if state not in _OUTCOMES.get(batch.state, ()):
        raise _illegal(batch, state, key)
    tries = batch.unanswered_tries
    said: dict[str, Any] = {}
    if receipt is not None:
        tries += receipt.unanswered_tries
        said = {
            "reference": receipt.reference,
            "received_rows": receipt.received_rows,
            "rejected_rows": receipt.rejected_rows,
        }
    elif state is BatchState.UNKNOWN:
        tries += 1
    change = {
        "state": state,
        "epoch": lease.epoch,
        "unanswered_tries": tries,
        "error": error,
        "done_at": now(session),
    }
    execute(session, _CHANGE_BATCH, key | change | said)
    return Marked(state=state, unanswered_tries=tries)


def divide(
    session: Session, lease: Lease, *, job_id: UUID, rest: NewBatch, others: Sequence[NewBatch]
) -> BatchState:
    """Replace a batch by smaller ones that hold the same rows; all but a taken one are planned.

    Args:
        session: the transaction it is written in; the one of its outcome, where it was taken.
        lease: the right to write.
        job_id: the job whose plan it is.
        rest: what goes on under the batch's own number.
        others: what gets numbers of its own; in a taken batch's range, rows it did not take.

    Returns:
        the state of the rest: planned, unless it was taken.

    Raises:
        LeaseLostError: the lease does not rule any more.
        StoreError: the batch is in doubt, or on its way.
    """
    leases.check(session, lease)
    key = _key(lease, job_id, rest.number)
    batch = _batch(session, key)
    state = _AFTER_DIVISION.get(batch.state)
    if state is None:
        raise _illegal(batch, BatchState.PLANNED, key)
    change = {name: getattr(rest, name) for name in _COUNTS}
    execute(session, _CHANGE_BATCH, key | change | {"state": state, "epoch": lease.epoch})
    if others:
        execute(session, insert(_BATCH), [_as_row(other, lease, job_id) for other in others])
    return state


def close_plan(
    session: Session,
    lease: Lease,
    *,
    files: dict[str, str],
    facts: dict[str, Any],
    after: int = 0,
) -> None:
    """Make `files` true; no plan is open any more.

    `after`: a generation that this one must follow, where the store has lost some.

    Raises:
        LeaseLostError: the lease does not rule any more.
    """
    change = {"files": files, "facts": facts, "open_job_id": None}
    _change_head(session, lease, change, after=after)


def replace_files(
    session: Session, lease: Lease, *, files: dict[str, str], facts: dict[str, Any]
) -> None:
    """Make `files` true; whichever plan is open stays open.

    Raises:
        LeaseLostError: the lease does not rule any more.
    """
    _change_head(session, lease, {"files": files, "facts": facts})


def _change_head(session: Session, lease: Lease, change: dict[str, Any], *, after: int = 0) -> None:
    leases.check(session, lease)
    change = change | {"epoch": lease.epoch, "updated_at": now(session)}
    if after:
        execute(session, _SKIP_GENERATIONS, {"audience": lease.audience_id, "reached": after})
    changed = execute(session, _CHANGE_HEAD, {"audience": lease.audience_id, **change})
    if not changed.rowcount:
        row = {"audience_id": lease.audience_id, "generation": after + 1, **change}
        execute(session, insert(_HEAD), row)


def _key(lease: Lease, job_id: UUID, number: int) -> dict[str, Any]:
    return {"audience": lease.audience_id, "job": job_id, "position": number}


def _batch(session: Session, key: dict[str, Any]) -> Row[Any]:
    batch = execute(session, _ONE_BATCH, key).first()
    if batch is None:
        job_id, number = str(key["job"]), key["position"]
        raise StoreError(
            f"The ledger has no batch {number} of job {job_id}: the store was changed from "
            "outside. Run `audsync doctor`.",
            details={"job_id": job_id, "number": number},
        )
    return batch


def _as_row(batch: NewBatch, lease: Lease, job_id: UUID) -> dict[str, Any]:
    """All columns: a bulk insert knows none of the record's defaults."""
    return {
        **{name: getattr(batch, name) for name in NewBatch.__slots__},
        "id": uuid4(),
        "audience_id": lease.audience_id,
        "job_id": job_id,
        "epoch": lease.epoch,
        "state": BatchState.PLANNED,
        "attempts": 0,
        "unanswered_tries": 0,
        "reference": "",
    }


def _illegal(batch: Row[Any], state: BatchState, key: dict[str, Any]) -> StoreError:
    job_id, number = str(key["job"]), key["position"]
    return StoreError(
        f"Batch {number} of job {job_id} is `{batch.state}` and cannot become `{state}`. "
        "Run `audsync doctor`.",
        details={"job_id": job_id, "number": number, "state": batch.state.value},
    )
