"""Where an audience stands when a run begins, whatever an earlier run left behind.

An open plan is closed by what is known of its batches: certain outcomes go into the confirmed
set, doubtful ones into the uncertain set. What the platform accepted and still works off keeps
the plan open; a session that was left open is ended; a replace that only lacks its sweep gets it.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from audsync.connectors.contract import may_be_rows
from audsync.domain import OVER, Action, BatchState, Kind, UploadBatch
from audsync.errors import AudsyncError
from audsync.store import ledger
from audsync.store.ledger import BatchRow
from audsync.sync import books as bookkeeping
from audsync.sync.change.split import disjoint, filler_of
from audsync.sync.contract import BatchFacts, Cache, StateFiles
from audsync.sync.delivery import isolate, request_size, settle
from audsync.sync.delivery.send import send
from audsync.sync.ports import Desk, Ports, Segment, Subject

LASTING_FACTS = ("predecessor", "must_wipe", "reached", request_size.FACT, isolate.FACT)
"""What outlives every plan, until whoever noted it is done with it."""
_KEPT_FACTS = (
    "rules",
    "source",
    "sizes",
    "profiles",
    "rejects",
    "lists",
    "round",
    "stuck_session",
    "is_lost",
    "size_before",
    *LASTING_FACTS,
)
_NO_TRACE = frozenset({BatchState.PLANNED, BatchState.REFUSED, BatchState.LEFT_OUT})

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where an audience stands when a run begins: nothing is open any more.

    Unless `is_settling`: then the platform has accepted a whole plan and is still working it off.
    `files` and `facts` are as they will be if nothing of it fails.
    """

    files: StateFiles
    facts: Mapping[str, Any] = field(default_factory=dict)
    is_settling: bool = False

    @property
    def sizes(self) -> dict[Kind, int]:
        """Confirmed identifiers by kind."""
        return {Kind(int(kind)): size for kind, size in self.facts.get("sizes", {}).items()}

    def cache_for(self, segment: Segment) -> Cache | None:
        """The latest preparation of this segment, if it was made by the same rules."""
        if self.facts.get("rules") != segment.rules:
            return None
        return Cache(files=self.files, source=self.facts.get("source"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Left:
    """The head of an audience and the batches of its open plan."""

    files: StateFiles
    facts: dict[str, Any]
    job_id: UUID | None
    rows: Sequence[BatchRow]

    @property
    def batches(self) -> tuple[BatchFacts, ...]:
        return tuple(_as_facts(row) for row in self.rows)


def recover(ports: Ports, subject: Subject) -> Standing:
    """Close what an earlier run left open, in the store and on the platform.

    Raises:
        SettlingError: nothing may leave before the platform has worked off what it accepted.
    """
    waiting = settle.follow_up(ports, subject) if ports.spec.settles_within_s else 0
    left = _left(ports, subject.audience_id)
    if waiting and not bookkeeping.are_all_taken(left.batches):
        settle.wait(ports, subject, why="nothing else may be sent before they are final.")
        return recover(ports, subject)
    if _lacks_sweep(left):
        _sweep(ports, subject, left)
        return recover(ports, subject)
    standing = _standing(ports, left)
    if left.job_id is not None and not standing.is_settling:
        with ports.database.transaction() as session:
            ledger.close_plan(
                session, ports.lease, files=standing.files.as_dict(), facts=dict(standing.facts)
            )
        ports.reached()
    if "stuck_session" in standing.facts:
        _end_stuck_session(ports, subject, standing.files, standing.facts["stuck_session"])
    return standing


def standing_of(desk: Desk, audience_id: UUID) -> Standing:
    """What `recover` would find if the platform had nothing new to say; nothing is written."""
    return _standing(desk, _left(desk, audience_id))


def closed_as(
    desk: Desk, files: StateFiles, batches: Sequence[BatchFacts], facts: Mapping[str, Any]
) -> tuple[StateFiles, dict[str, Any]]:
    """Files and facts once a plan is closed whose every batch was taken or left out."""
    closed = desk.engine.close(files, disjoint(batches))
    lasting = {name: facts[name] for name in LASTING_FACTS if name in facts}
    is_less = any(batch.state is BatchState.LEFT_OUT for batch in batches)
    return closed, {
        "rules": facts["rules"],
        "source": facts.get("source"),
        "sizes": as_json(desk.engine.sizes(closed)) if is_less else facts["next_sizes"],
        "profiles": facts.get("next_profiles"),
        "rejects": facts.get("rejects", {}),  # plans of earlier versions have none
        "lists": facts.get("lists", {}),
        "round": facts.get("next_round"),
        **lasting,
    }


def as_json(sizes: Mapping[Kind, int]) -> dict[str, int]:
    """Sizes by kind as facts keep them."""
    return {str(int(kind)): size for kind, size in sizes.items() if size}


def _left(desk: Desk, audience_id: UUID) -> _Left:
    with desk.database.reading() as session:
        head = ledger.head(session, audience_id)
        rows = ledger.open_batches(session, head)
        return _Left(
            files=StateFiles.of(head.files),
            facts=dict(head.facts),
            job_id=head.open_job_id,
            rows=rows,
        )


def _standing(desk: Desk, left: _Left) -> Standing:
    """Files and facts once an open plan's outcomes are taken for what they prove."""
    if left.job_id is None:
        return Standing(files=left.files, facts=left.facts)
    batches = left.batches
    if bookkeeping.are_all_taken(batches):
        files, facts = closed_as(desk, left.files, batches, left.facts)
        return Standing(
            files=files,
            facts=facts,
            is_settling=any(batch.state is BatchState.ACCEPTED for batch in batches),
        )
    is_swap = bool(left.facts.get("is_replace")) or any(
        batch.action is Action.SWEEP and batch.state not in _NO_TRACE for batch in batches
    )
    if desk.spec.changes_by_replace:
        batches = bookkeeping.as_one(batches)
    folded = desk.engine.fold(left.files, disjoint(batches), is_replace=is_swap)
    remaining = {key: left.facts[key] for key in _KEPT_FACTS if key in left.facts}
    if (folded.identifiers, folded.refused) != (left.files.identifiers, left.files.refused):
        remaining["sizes"] = as_json(desk.engine.sizes(folded))
    tried = [row for row in left.rows if row.state not in _NO_TRACE]
    if left.facts.get("is_replace") and tried and not desk.spec.changes_by_replace:
        remaining["stuck_session"] = _stuck(tried, disjoint(batches), left.facts)
    return Standing(files=folded, facts=remaining)


def _stuck(
    tried: Sequence[BatchRow], ranges: Sequence[BatchFacts], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """What it takes to end the session of a replace of which these batches left.

    Args:
        tried: those of which a request left.
        ranges: where the rows of each batch are, no batch's inside another's.
        facts: of the plan.
    """
    numbers = {batch.number for batch in tried}
    filler = filler_of([one for one in ranges if one.number in numbers])
    assert filler is not None, "something of it left"
    return {
        "session": tried[-1].session,
        "next": len(tried) + 1,
        "first_row": filler.first_row,
        "stop_row": filler.stop_row,
        "kinds": facts["session_kinds"],
    }


def _lacks_sweep(left: _Left) -> bool:
    """Whether everything of a replace is on the platform, and only what is foreign is left."""
    sweeps = [batch for batch in left.batches if batch.action is Action.SWEEP]
    others = [batch for batch in left.batches if batch.action is not Action.SWEEP]
    return (
        bool(sweeps)
        and all(batch.state is BatchState.PLANNED for batch in sweeps)
        and all(batch.state in OVER for batch in others)
    )


def _sweep(ports: Ports, subject: Subject, left: _Left) -> None:
    """End a replace with its sweep, as the job that began it would have done.

    Raises:
        AudsyncError: it was not taken; a later run tries again, or falls back to the difference.
    """
    assert left.job_id is not None
    sending = send(
        ports,
        replace(subject, job_id=left.job_id),
        left.files,
        left.batches,
        sessions={},
        facts=left.facts,
    )
    if sending.error is not None:
        raise sending.error


def _end_stuck_session(
    ports: Ports, subject: Subject, files: StateFiles, stuck: Mapping[str, Any]
) -> None:
    """Tell the platform that the replace it waits for is over, so that it lets others in.

    The one row it takes is one of that replace, so it is among the uncertain already. Where the
    platform refuses that row, the session ends by itself when its time is over.
    """
    assert files.next_identifiers is not None, "a replace knows whom it sends"
    began = BatchFacts(
        number=1,
        action=Action.REPLACE,
        first_row=stuck["first_row"],
        stop_row=stuck["stop_row"],
        rows=1,
    )
    members = ports.engine.members(replace(files, additions=files.next_identifiers), began)
    filler = UploadBatch(
        audience=subject.remote,
        action=Action.REPLACE,
        session=stuck["session"],
        number=stuck["next"],
        is_last=True,
        rows=1,
        session_rows=1,
        kinds=tuple(Kind(kind) for kind in stuck["kinds"]),
        members=members.slice(0, members["row"].to_pylist().count(0)),
    )
    try:
        ports.connector.close_session(subject.remote, stuck["session"], filler)
    except AudsyncError as error:
        if not may_be_rows(error):
            raise
        _log.warning("the replace that was left open could not be ended: %s", error.message)


def _as_facts(row: BatchRow) -> BatchFacts:
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
