"""One sync of one audience, from whatever an earlier run left to books that close.

Order is everything here. What is open is folded first: certain outcomes into the confirmed set,
doubtful ones into the uncertain set. The segment is read once. The plan is durable before a
request leaves; each batch's intent before its request and its outcome after; the snapshot moves
only when every batch was applied. A crash between any two lines leaves a state from which the
next run goes on, whatever the segment is by then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from audsync.domain import OVER, Action, Kind, SyncStatus
from audsync.errors import (
    AudsyncError,
    BudgetEndedError,
    CancelledError,
    GuardError,
    PartialFailureError,
    RejectedError,
    SettlingError,
    ValidationError,
)
from audsync.store import ledger
from audsync.sync import books as bookkeeping
from audsync.sync import guards
from audsync.sync.books import Books
from audsync.sync.contract import (
    NONE_REFUSED,
    BatchFacts,
    Carrier,
    Plan,
    PlanSummary,
    Refused,
    StateFiles,
)
from audsync.sync.delivery import isolate, request_size, settle
from audsync.sync.delivery.send import send
from audsync.sync.delivery.sending import Session, as_new
from audsync.sync.drafting import Draft, Wish, draft, require_knowledge
from audsync.sync.guards import Guard
from audsync.sync.ports import Ports, Segment, Subject
from audsync.sync.recover import LASTING_FACTS, Standing, as_json, closed_as, recover

SESSION_BITS = 62
_UNTIL_CLOSED = ("is_lost", "size_before", "profiles")
"""Facts of before that a plan keeps until it is closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a sync ended."""

    status: SyncStatus
    books: Books
    error: AudsyncError | None = None
    summary: PlanSummary | None = None
    settlement: dict[str, Any] | None = None
    """How far the platform has come with what it accepted; see `settle.of_job`."""
    left_out: tuple[Carrier, ...] = ()
    """Who carries what the platform refused in this run, for what it is."""
    refused: Refused = NONE_REFUSED
    """What is wanted and refused after this run, by this one or an earlier one."""


def synchronise(
    ports: Ports, subject: Subject, segment: Segment, guard: Guard, wish: Wish
) -> Outcome:
    """Make the platform hold exactly the segment.

    Args:
        ports: the outside; its lease is held.
        subject: the audience and the job that records this run.
        segment: how to read the wanted members.
        guard: what the plan may not do.
        wish: what is asked for beyond the difference.

    Returns:
        how it ended, also where the platform failed.

    Raises:
        SourceError, SettlingError: nothing was sent.
        LeaseLostError, StoreError, StateError: stop; the next run goes on from here.
    """
    standing = recover(ports, subject)
    drafted = draft(ports, standing, segment, guard, wish)
    if standing.is_settling:
        if not drafted.plan.batches:
            return _nothing_new(ports, subject, drafted)
        try:
            settle.wait(ports, subject, why="changes may leave only when these are final.")
        except SettlingError as error:
            return Outcome(
                status=SyncStatus.FAILED,
                books=drafted.books,
                error=error,
                summary=drafted.plan.summary,
            )
        desired = drafted.desired
        segment = replace(segment, prepare=lambda _cache: desired)
        standing = recover(ports, subject)
        drafted = draft(ports, standing, segment, guard, wish)
    require_knowledge(standing, drafted, audience=subject.name)
    return _carry_out(ports, subject, drafted, guard, _planned_facts(standing, drafted, segment))


def _nothing_new(ports: Ports, subject: Subject, drafted: Draft) -> Outcome:
    """The segment is what the platform is still working off: there is nothing to send."""
    return Outcome(
        status=SyncStatus.COMPLETED,
        books=drafted.books,
        summary=drafted.plan.summary,
        settlement=settle.of_open_plan(ports, subject),
    )


def _carry_out(
    ports: Ports, subject: Subject, drafted: Draft, guard: Guard, facts: dict[str, Any]
) -> Outcome:
    """Commit the plan, send it, and close it if every batch was applied."""
    plan = drafted.plan
    sessions = _sessions(plan, ports)
    try:
        guards.enforce(guard, drafted.verdicts, audience=subject.name)
        _require_members(ports, plan, subject)
        ports.check_stop()
    except (GuardError, ValidationError, CancelledError, BudgetEndedError) as error:
        return Outcome(
            status=_status_of(error, SyncStatus.FAILED),
            books=drafted.books,
            error=error,
            summary=plan.summary,
        )
    facts = _commit(ports, subject, plan, sessions, facts)
    ports.reached()
    sending = send(ports, subject, plan.files, plan.batches, sessions, facts)
    batches = sending.in_order()
    status = bookkeeping.status_of(batches)
    learned = isolate.facts_after(facts, is_unproved=sending.is_unproved)
    after = request_size.after(ports, learned, sending.most_rows, status)
    refused = sending.refused(drafted.refused)
    if all(batch.state in OVER for batch in batches):
        closed = _close(ports, plan.files, batches, after)
        refused = ports.engine.refused(closed)
    elif after != facts:
        with ports.database.transaction() as session:
            ledger.replace_files(session, ports.lease, files=plan.files.as_dict(), facts=after)
    if ports.spec.changes_by_replace:
        batches = bookkeeping.as_one(batches)
    books = bookkeeping.close(
        drafted.counts,
        plan,
        batches,
        platform_rejected=sending.platform_rejected,
        left_out=sending.left_out,
    )
    outcome = Outcome(
        status=bookkeeping.status_of(batches),
        books=books,
        error=sending.error,
        summary=plan.summary,
        settlement=settle.of_job(ports, subject.job_id),
        left_out=tuple(sending.left_out),
        refused=refused,
    )
    return _as_told(outcome)


def _commit(
    ports: Ports,
    subject: Subject,
    plan: Plan,
    sessions: Mapping[Action, Session],
    facts: dict[str, Any],
) -> dict[str, Any]:
    """Make the plan durable before anything of it leaves; returns its facts."""
    mark = _mark(ports, plan)
    if mark:
        facts = {**facts, "mark": mark.isoformat()}
    facts = {**facts, "reached": ports.reached()}
    with ports.database.transaction() as session:
        ledger.commit_plan(
            session,
            ports.lease,
            job_id=subject.job_id,
            files=plan.files.as_dict(),
            facts=facts,
            batches=[as_new(batch, sessions) for batch in plan.batches],
        )
    return facts


def _mark(ports: Ports, plan: Plan) -> datetime | None:
    """The moment before which a sweep takes members out; None for a plan without one."""
    has_sweep = any(batch.action is Action.SWEEP for batch in plan.batches)
    return ports.connector.clock_mark() if has_sweep else None


def _require_members(ports: Ports, plan: Plan, subject: Subject) -> None:
    """Where a replace is the only change, nothing leads to an empty audience.

    Raises:
        ValidationError: the plan is more than a replace: it has removals, and nobody to keep.
    """
    is_swap = all(batch.action is Action.REPLACE for batch in plan.batches)
    if ports.spec.changes_by_replace and not is_swap:
        raise ValidationError(
            f"Nobody in the segment of {subject.name} can be sent, and {ports.spec.platform.label}"
            " cannot empty an audience on this connection. Nothing was sent: delete the audience"
            f" with `audsync delete {subject.name}` instead, or look at the segment's source.",
            details={"platform": ports.spec.platform.value},
        )


def _close(
    ports: Ports, files: StateFiles, batches: Sequence[BatchFacts], facts: Mapping[str, Any]
) -> StateFiles:
    closed, known = closed_as(ports, files, batches, facts)
    with ports.database.transaction() as session:
        ledger.close_plan(session, ports.lease, files=closed.as_dict(), facts=known)
    ports.reached()
    return closed


def _planned_facts(standing: Standing, drafted: Draft, segment: Segment) -> dict[str, Any]:
    """What a later run must know of this plan beside its files."""
    return {
        **{name: standing.facts[name] for name in LASTING_FACTS if name in standing.facts},
        "rules": segment.rules,
        "source": drafted.desired.source,
        "sizes": as_json(standing.sizes),
        "next_sizes": as_json(drafted.plan.summary.desired_sizes),
        "is_replace": any(batch.action is Action.REPLACE for batch in drafted.plan.batches),
        "next_profiles": drafted.desired.counts.profiles,
        **{name: standing.facts[name] for name in _UNTIL_CLOSED if name in standing.facts},
        "round": standing.facts.get("round"),
        "next_round": drafted.round.as_json() if drafted.round else None,
        "rejects": guards.reject_percents(drafted.counts, drafted.plan.summary),
        "lists": _lists(standing, drafted),
        "session_kinds": [int(kind) for kind in drafted.plan.summary.session_kinds],
    }


def _lists(standing: Standing, drafted: Draft) -> dict[str, int]:
    """How many each list names; where the segment was not read again, as it was when it was."""
    told = drafted.desired.list_sizes
    return dict(standing.facts.get("lists", {}) if told is None else told)


def _sessions(plan: Plan, ports: Ports) -> dict[Action, Session]:
    """A session for each action that the plan has batches of."""
    sessions = {}
    for action in Action:
        mine = [batch for batch in plan.batches if batch.action is action]
        if not mine:
            continue
        sessions[action] = Session(
            number=ports.random.getrandbits(SESSION_BITS) + 1,
            rows=sum(batch.rows for batch in mine),
            kinds=_kinds(plan, action),
            first_batch=mine[0].number,
        )
    return sessions


def _kinds(plan: Plan, action: Action) -> tuple[Kind, ...]:
    """Kinds that the action's rows may hold; echoes may be of any kind that is an identifier."""
    if action is not Action.REMOVE:
        return plan.summary.session_kinds
    if plan.summary.echoed:
        return tuple(kind for kind in Kind if kind.is_identifier)
    return tuple(kind for kind, change in sorted(plan.summary.kinds.items()) if change.removes)


def _as_told(outcome: Outcome) -> Outcome:
    """The status, and the error a person is told: 3 only where a retry can finish the rest."""
    status, books = outcome.status, outcome.books
    error = outcome.error if status is not SyncStatus.COMPLETED else None
    if error is not None and status is SyncStatus.PARTIAL and _can_be_retried(error):
        error = PartialFailureError(
            f"{books.successful_batches} of {books.total_batches} batches were confirmed;"
            f" the first that was not: {error.message} Run `audsync sync` or `audsync retry` to"
            " send the rest.",
            details={"cause": error.as_json()},
        )
    return replace(outcome, status=_status_of(error, status), error=error)


def _status_of(error: AudsyncError | None, status: SyncStatus) -> SyncStatus:
    """A job that a person stopped is cancelled, however far it came."""
    return SyncStatus.CANCELLED if isinstance(error, CancelledError) else status


def _can_be_retried(error: AudsyncError) -> bool:
    return isinstance(error, RejectedError) or error.exit_code == 6  # noqa: PLR2004 - passing
