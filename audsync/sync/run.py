"""One sync of one audience, from whatever an earlier run left to books that close.

Order is everything here. What is open is folded first: certain outcomes into the confirmed set,
doubtful ones into the uncertain set. The segment is read once. The plan is durable before a
request leaves; each batch's intent before its request and its outcome after; the snapshot moves
only when every batch was applied. A crash between any two lines leaves a state from which the
next run goes on, whatever the segment is by then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from audsync.domain import Action, BatchState, Kind, SyncStatus, UploadBatch
from audsync.errors import (
    AudsyncError,
    BudgetEndedError,
    CancelledError,
    GuardError,
    PartialFailureError,
    RejectedError,
    StateError,
)
from audsync.store import ledger
from audsync.store.tables import Batch
from audsync.sync import books as bookkeeping
from audsync.sync import guards
from audsync.sync.books import Books
from audsync.sync.contract import (
    BatchFacts,
    Plan,
    PlanRequest,
    PlanSummary,
    SegmentCounts,
    StateFiles,
)
from audsync.sync.guards import Guard, Verdict
from audsync.sync.ports import Desk, Ports, Segment, Subject
from audsync.sync.send import Sending, Session, send

SESSION_BITS = 62
_KEPT_FACTS = ("rules", "sizes", "stuck_session", "is_lost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a sync ended."""

    status: SyncStatus
    books: Books
    error: AudsyncError | None = None
    summary: PlanSummary | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A plan, and what it rests on; nothing of it is committed or sent."""

    plan: Plan
    books: Books
    verdicts: tuple[Verdict, ...]
    counts: SegmentCounts
    snapshot_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where an audience stands when a run begins: nothing is open any more."""

    files: StateFiles
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sizes(self) -> dict[Kind, int]:
        """Confirmed identifiers by kind."""
        return {Kind(int(kind)): size for kind, size in self.facts.get("sizes", {}).items()}

    def cache_for(self, segment: Segment) -> StateFiles | None:
        """The latest preparation of this segment, if it was made by the same rules."""
        return self.files if self.facts.get("rules") == segment.rules else None


def synchronise(
    ports: Ports, subject: Subject, segment: Segment, guard: Guard, *, is_replace: bool
) -> Outcome:
    """Make the platform hold exactly the segment.

    Args:
        ports: the outside; its lease is held.
        subject: the audience and the job that records this run.
        segment: how to read the wanted members.
        guard: what the plan may not do.
        is_replace: trust no snapshot, send everything in one session.

    Returns:
        how it ended, also where the platform failed.

    Raises:
        SourceError: nothing was sent.
        LeaseLostError, StoreError, StateError: stop; the next run goes on from here.
    """
    standing = recover(ports, subject)
    drafted = draft(ports, standing, segment, guard, is_replace=is_replace)
    _require_knowledge(standing, drafted, subject)
    plan = drafted.plan
    sessions = _sessions(plan, ports)
    facts = _planned_facts(standing, drafted, segment)
    try:
        guards.enforce(guard, drafted.verdicts, audience=subject.name)
        ports.check_stop()
    except (GuardError, CancelledError, BudgetEndedError) as error:
        return Outcome(
            status=_status_of(error, SyncStatus.FAILED),
            books=drafted.books,
            error=error,
            summary=plan.summary,
        )
    with ports.database.transaction() as session:
        ledger.commit_plan(
            session,
            ports.lease,
            job_id=subject.job_id,
            files=plan.files.as_dict(),
            facts=facts,
            batches=[_as_new(batch, sessions) for batch in plan.batches],
        )
    sending = send(ports, subject, plan.files, plan.batches, sessions)
    batches = sending.in_order()
    if all(batch.state is BatchState.APPLIED for batch in batches):
        _close(ports, plan.files, batches, facts)
    books = bookkeeping.close(
        drafted.counts, plan, batches, platform_rejected=sending.platform_rejected
    )
    return _outcome(books, sending, plan)


def _require_knowledge(standing: Standing, drafted: Draft, subject: Subject) -> None:
    """Without its files nothing is known of an audience: only a session that swaps all is exact.

    Raises:
        StateError: the plan is no such session.
    """
    is_swap = any(batch.action is Action.REPLACE for batch in drafted.plan.batches)
    if standing.facts.get("is_lost") and not is_swap:
        raise StateError(
            f"What is on the platform for {subject.name} is not known any more: its state files"
            " were lost. Run `audsync replace` on it, which trusts no snapshot; where its segment"
            " is empty, delete it and create it anew."
        )


def draft(
    desk: Desk, standing: Standing, segment: Segment, guard: Guard, *, is_replace: bool
) -> Draft:
    """Read the segment and plan the change; touches neither the store nor the platform."""
    desired = segment.prepare(standing.cache_for(segment))
    desk.progress.phase("plan", None)
    request = PlanRequest(is_replace=is_replace, max_rows=desk.max_rows, sizes=standing.sizes)
    plan = desk.engine.plan(standing.files, desired, request)
    snapshot_size = sum(standing.sizes.values())
    return Draft(
        plan=plan,
        books=bookkeeping.close(desired.counts, plan, plan.batches, platform_rejected=0),
        verdicts=guards.judge(
            guard, counts=desired.counts, summary=plan.summary, snapshot_size=snapshot_size
        ),
        counts=desired.counts,
        snapshot_size=snapshot_size,
    )


def recover(ports: Ports, subject: Subject) -> Standing:
    """Close what an earlier run left open, in the store and on the platform."""
    standing, was_open = _settle(ports, subject.audience_id)
    if was_open:
        with ports.database.transaction() as session:
            ledger.close_plan(
                session, ports.lease, files=standing.files.as_dict(), facts=dict(standing.facts)
            )
    if "stuck_session" in standing.facts:
        _end_stuck_session(ports, subject, standing.files, standing.facts["stuck_session"])
    return standing


def standing_of(desk: Desk, audience_id: UUID) -> Standing:
    """What `recover` would find; nothing is written."""
    return _settle(desk, audience_id)[0]


def _settle(desk: Desk, audience_id: UUID) -> tuple[Standing, bool]:
    """Files and facts once an open plan's outcomes are taken for what they prove."""
    with desk.database.reading() as session:
        head = ledger.head(session, audience_id)
        rows = ledger.open_batches(session, head)
        files, facts = StateFiles.of(head.files), dict(head.facts)
        if head.open_job_id is None:
            return Standing(files=files, facts=facts), False
    batches = [_as_facts(row) for row in rows]
    if all(batch.state is BatchState.APPLIED for batch in batches):
        closed = desk.engine.close(files, batches)
        return Standing(files=closed, facts=_closed_facts(facts)), True
    is_replace = bool(facts.get("is_replace"))
    folded = desk.engine.fold(files, batches, is_replace=is_replace)
    remaining: dict[str, Any] = {key: facts[key] for key in _KEPT_FACTS if key in facts}
    if folded.identifiers != files.identifiers:
        remaining["sizes"] = _as_json(desk.engine.sizes(folded))
    tried = [row for row in rows if row.state not in (BatchState.PLANNED, BatchState.REFUSED)]
    if is_replace and tried:
        first, last = tried[0], tried[-1]
        remaining["stuck_session"] = {
            "session": last.session,
            "next": last.session_number + 1,
            "first_row": first.first_row,
            "stop_row": first.stop_row,
            "kinds": facts["session_kinds"],
        }
    return Standing(files=folded, facts=remaining), True


def _end_stuck_session(
    ports: Ports, subject: Subject, files: StateFiles, stuck: Mapping[str, Any]
) -> None:
    """Tell the platform that the replace it waits for is over, so that it lets others in.

    The one row it takes is the first of that replace, so it is among the uncertain already.
    """
    if files.next_identifiers is None:
        return
    began = BatchFacts(
        number=1,
        action=Action.REPLACE,
        first_row=stuck["first_row"],
        stop_row=stuck["stop_row"],
        rows=1,
    )
    members = ports.engine.members(replace(files, additions=files.next_identifiers), began)
    members = members.slice(0, members["row"].to_pylist().count(0))
    filler = UploadBatch(
        audience=subject.remote,
        action=Action.REPLACE,
        session=stuck["session"],
        number=stuck["next"],
        is_last=True,
        rows=1,
        session_rows=1,
        kinds=tuple(Kind(kind) for kind in stuck["kinds"]),
        members=members,
    )
    ports.connector.close_session(subject.remote, stuck["session"], filler)


def _close(
    ports: Ports, files: StateFiles, batches: Sequence[BatchFacts], facts: dict[str, Any]
) -> None:
    closed = ports.engine.close(files, batches)
    with ports.database.transaction() as session:
        ledger.close_plan(session, ports.lease, files=closed.as_dict(), facts=_closed_facts(facts))


def _closed_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {"rules": facts["rules"], "sizes": facts["next_sizes"]}


def _planned_facts(standing: Standing, drafted: Draft, segment: Segment) -> dict[str, Any]:
    """What a later run must know of this plan beside its files."""
    return {
        "rules": segment.rules,
        "sizes": _as_json(standing.sizes),
        "next_sizes": _as_json(drafted.plan.summary.desired_sizes),
        "is_replace": any(batch.action is Action.REPLACE for batch in drafted.plan.batches),
        "is_lost": bool(standing.facts.get("is_lost")),
        "session_kinds": [int(kind) for kind in drafted.plan.summary.session_kinds],
    }


def _as_json(sizes: Mapping[Kind, int]) -> dict[str, int]:
    return {str(int(kind)): size for kind, size in sizes.items() if size}


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
            last_batch=mine[-1].number,
        )
    return sessions


def _kinds(plan: Plan, action: Action) -> tuple[Kind, ...]:
    """Kinds that the action's rows may hold; echoes may be of any kind that is an identifier."""
    if action is not Action.REMOVE:
        return plan.summary.session_kinds
    if plan.summary.echoed:
        return tuple(kind for kind in Kind if kind.is_identifier)
    return tuple(kind for kind, change in sorted(plan.summary.kinds.items()) if change.removes)


def _as_new(batch: BatchFacts, sessions: Mapping[Action, Session]) -> ledger.NewBatch:
    session = sessions[batch.action]
    return ledger.NewBatch(
        number=batch.number,
        action=batch.action,
        session=session.number,
        session_number=batch.number - session.first_batch + 1,
        rows=batch.rows,
        first_row=batch.first_row,
        stop_row=batch.stop_row,
        profiles=batch.profiles,
        refreshed=batch.refreshed,
        identifiers=batch.identifiers,
        profiles_left=batch.profiles_left,
    )


def _as_facts(row: Batch) -> BatchFacts:
    return BatchFacts(
        number=row.number,
        action=row.action,
        first_row=row.first_row,
        stop_row=row.stop_row,
        rows=row.rows,
        profiles=row.profiles,
        refreshed=row.refreshed,
        identifiers=row.identifiers,
        profiles_left=row.profiles_left,
        state=row.state,
        unanswered_tries=row.unanswered_tries,
    )


def _outcome(books: Books, sending: Sending, plan: Plan) -> Outcome:
    """The status, and the error a person is told: 3 only where a retry can finish the rest."""
    batches = sending.in_order()
    status = bookkeeping.status_of(batches)
    error = sending.error if status is not SyncStatus.COMPLETED else None
    if error is not None and status is SyncStatus.PARTIAL and _can_be_retried(error):
        error = PartialFailureError(
            f"{books.successful_batches} of {books.total_batches} batches were confirmed;"
            f" the first that was not: {error.message} Run `audsync sync` or `audsync retry` to"
            " send the rest.",
            details={"cause": error.as_json()},
        )
    return Outcome(status=_status_of(error, status), books=books, error=error, summary=plan.summary)


def _status_of(error: AudsyncError | None, status: SyncStatus) -> SyncStatus:
    """A job that a person stopped is cancelled, however far it came."""
    return SyncStatus.CANCELLED if isinstance(error, CancelledError) else status


def _can_be_retried(error: AudsyncError) -> bool:
    return isinstance(error, RejectedError) or error.exit_code == 6  # noqa: PLR2004 - passing
