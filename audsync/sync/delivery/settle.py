"""Following up requests that a platform accepted and works off later.

An accepted request is neither applied nor refused: the plan it belongs to stays open until the
platform says what became of it. Whatever it does not say in time is taken for unknown.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate
from typing import Any
from uuid import UUID

from audsync.domain import BatchState, Receipt, Settlement, SettlementState
from audsync.errors import AudsyncError, SettlingError
from audsync.store import jobs, ledger
from audsync.store.ledger import BatchRow
from audsync.sync.ports import Ports, Subject

PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Between questions about what must be final before the next request may leave. A platform that
takes longer is asked again by a later run."""

_STATES = {
    SettlementState.CONFIRMED: BatchState.APPLIED,
    SettlementState.REJECTED: BatchState.UNKNOWN,
    SettlementState.LOST: BatchState.UNKNOWN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Open:
    """The plan that is open, and which of its requests wait for the platform."""

    job_id: UUID
    accepted: Sequence[BatchRow]


def follow_up(ports: Ports, subject: Subject) -> int:
    """Ask what became of the open plan's accepted requests, and record the answers.

    Stops at the first that is still worked off: until it is final the others change nothing.

    Returns:
        how many are not final yet.

    Raises:
        LeaseLostError: another process took the audience over.
    """
    now_open = _open_plan(ports, subject)
    answers: list[tuple[BatchRow, Settlement]] = []
    for batch in now_open.accepted if now_open else ():
        try:
            answer = ports.connector.settlement(subject.remote, batch.reference)
        except AudsyncError as error:
            # Not to know yet is no failure of this run: the request is not final, that is all.
            if error.exit_code != 6:  # noqa: PLR2004 - whatever does not pass by itself
                raise
            answer = Settlement(state=SettlementState.PENDING)
        answers.append((batch, answer))
        if answer.state is SettlementState.PENDING and not _is_overdue(ports, batch):
            break
    if now_open is None or not answers:
        return 0
    return _record(ports, now_open, answers)


def wait(ports: Ports, subject: Subject, *, why: str) -> None:
    """Ask until everything accepted is final, or for as long as a run may wait.

    Args:
        ports: the outside.
        subject: the audience.
        why: what waits for it, for people.

    Raises:
        SettlingError: some is still worked off.
    """
    if not follow_up(ports, subject):
        return
    for pause_s, waited_s in zip(PAUSES_S, accumulate(PAUSES_S), strict=True):
        if waited_s > ports.patience_s:
            break
        ports.check_stop()
        ports.clock.sleep(pause_s)
        if not follow_up(ports, subject):
            return
    platform = ports.spec.platform
    raise SettlingError(
        f"{platform.label} is still working off requests for {subject.name} that it accepted: {why}"
        " Nothing is lost; the next run goes on from here.",
        details={"platform": platform.value, "audience": subject.name},
    )


def _open_plan(ports: Ports, subject: Subject) -> _Open | None:
    with ports.database.reading() as session:
        head = ledger.head(session, subject.audience_id)
        if head.open_job_id is None:
            return None
        accepted = ledger.accepted_batches(session, head)
        return _Open(job_id=head.open_job_id, accepted=accepted)


def _is_overdue(ports: Ports, batch: BatchRow) -> bool:
    within = timedelta(seconds=ports.spec.settles_within_s)
    return batch.sent_at is not None and ports.clock.now() - batch.sent_at > within


def _record(ports: Ports, plan: _Open, answers: Iterable[tuple[BatchRow, Settlement]]) -> int:
    """Write what is known now; returns how many requests are not final yet."""
    final = 0
    known = []
    for batch, answer in answers:
        state = _STATES.get(answer.state)
        if state is None and _is_overdue(ports, batch):
            state = BatchState.UNKNOWN
        if state is not None:
            final += 1
            known.append((batch, answer, state))
    waiting = len(plan.accepted) - final
    with ports.database.transaction() as session:
        for batch, answer, state in known:
            ledger.mark_outcome(
                session,
                ports.lease,
                job_id=plan.job_id,
                number=batch.number,
                state=state,
                receipt=_receipt(batch, answer) if state is BatchState.APPLIED else None,
                error=_error(answer) if state is BatchState.UNKNOWN else None,
            )
        told = _with(jobs.settlement(session, plan.job_id), [answer for _, answer, _ in known])
        counts = ledger.count_by_state(session, plan.job_id)
        jobs.settle(session, plan.job_id, _counted(told, counts))
    return waiting


def of_job(ports: Ports, job_id: UUID) -> dict[str, Any] | None:
    """The `settlement` of a job: how far the platform has come with what it accepted.

    Returns:
        `status` pending, confirmed or rejected; `requests`, and of these `confirmed`, `rejected`
        and `pending`; `rejected_rows` with `reasons`; `match_rate_percent` as lower and upper
        bound, or None. None for a job of which every request took effect at once.
    """
    if not ports.spec.settles_within_s:
        return None
    with ports.database.reading() as session:
        known = jobs.settlement(session, job_id)
        counts = ledger.count_by_state(session, job_id)
        if known is None and BatchState.ACCEPTED not in counts:
            return None
        return _counted(known, counts)


def of_open_plan(ports: Ports, subject: Subject) -> dict[str, Any] | None:
    """The `settlement` of the job whose plan is open; None when there is none."""
    now_open = _open_plan(ports, subject)
    return of_job(ports, now_open.job_id) if now_open else None


def _with(known: dict[str, Any] | None, answers: Sequence[Settlement]) -> dict[str, Any]:
    """What was known, and what these final answers add."""
    merged: dict[str, Any] = dict(known or {})
    reasons: dict[str, int] = dict(merged.get("reasons") or {})
    bounds = [merged.get("match_rate_percent"), *(one.match_rate_percent for one in answers)]
    for answer in answers:
        merged["rejected_rows"] = merged.get("rejected_rows", 0) + answer.rejected_rows
        for reason, rows in answer.reasons.items():
            reasons[reason] = reasons.get(reason, 0) + rows
    told = [bound for bound in bounds if bound]
    rate = [min(bound[0] for bound in told), max(bound[1] for bound in told)] if told else None
    return {**merged, "reasons": reasons, "match_rate_percent": rate}


def _counted(known: dict[str, Any] | None, counts: Mapping[BatchState, int]) -> dict[str, Any]:
    """What is known with the requests counted as the ledger has them."""
    pending = counts.get(BatchState.ACCEPTED, 0)
    confirmed = counts.get(BatchState.APPLIED, 0)
    rejected = counts.get(BatchState.UNKNOWN, 0)
    done = "rejected" if rejected else "confirmed"
    return {
        "rejected_rows": 0,
        "reasons": {},
        "match_rate_percent": None,
        **(known or {}),
        "status": "pending" if pending else done,
        "requests": pending + confirmed + rejected,
        "confirmed": confirmed,
        "rejected": rejected,
        "pending": pending,
    }


def _receipt(batch: BatchRow, answer: Settlement) -> Receipt:
    return Receipt(
        received_rows=batch.received_rows or batch.rows,
        rejected_rows=(batch.rejected_rows or 0) + answer.rejected_rows,
        reference=batch.reference,
    )


def _error(answer: Settlement) -> dict[str, Any]:
    return {
        "code": "PLATFORM_ERROR",
        "message": "The platform accepted the request and did not carry it out.",
        "details": {"settlement": answer.state.value, "reasons": dict(answer.reasons)},
        "action_required": None,
    }
