"""A plan on its way: what is known of each batch, and how that is written down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING

from audsync.domain import TAKEN, Action, BatchState, Kind
from audsync.errors import AudsyncError
from audsync.store import ledger
from audsync.sync.contract import BatchFacts, Carrier, Refused
from audsync.sync.ports import Ports, Subject

if TYPE_CHECKING:
    from sqlmodel import Session as DatabaseSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One session of requests: what the platform is told about the whole of it."""

    number: int
    rows: int
    kinds: tuple[Kind, ...]
    first_batch: int


@dataclass(slots=True, kw_only=True)
class Sending:
    """A plan on its way: every batch as it is known now, and the first thing that went wrong."""

    batches: dict[int, BatchFacts]
    sessions: Mapping[Action, Session]
    error: AudsyncError | None = None
    platform_rejected: int = 0
    stopped: bool = False
    passing: set[int] = field(default_factory=set)
    """Numbers of batches that failed for a passing reason."""
    failures_in_a_row: int = 0
    has_ended: bool = False
    """Whether the platform took a request that said to be the last of its session."""
    is_unproved: bool = False
    """Whether few rows were refused alone, and nothing proves that they are the reason."""
    most_rows: int | None = None
    """What the platform takes in a request at most, since it found one too large."""
    left_out: list[Carrier] = field(default_factory=list)

    def in_order(self) -> tuple[BatchFacts, ...]:
        """The batches, as planned; those that came of others at the end."""
        return tuple(self.batches[number] for number in sorted(self.batches))

    def of(self, action: Action) -> tuple[BatchFacts, ...]:
        """The batches that do this to members."""
        return tuple(batch for batch in self.in_order() if batch.action is action)

    def refused(self, before: Refused) -> Refused:
        """What is left out by now, as far as is known before the plan is closed."""
        values = sum(batch.state is BatchState.LEFT_OUT for batch in self.batches.values())
        profiles = {one.profile for one in self.left_out}
        return Refused(
            identifiers=before.identifiers + values, profiles=before.profiles + len(profiles)
        )

    def is_last(self, batch: BatchFacts) -> bool:
        """Whether nothing that does the same is to follow."""
        others = (one for one in self.of(batch.action) if one.number != batch.number)
        return not any(one.state is BatchState.PLANNED for one in others)

    def taken(self, action: Action) -> int:
        """How many of these the platform took."""
        return sum(one.state in TAKEN for one in self.of(action))


def divide(
    ports: Ports, subject: Subject, sending: Sending, pieces: Sequence[BatchFacts]
) -> tuple[int, ...]:
    """Write down that a batch goes on as these pieces, planned; returns their numbers."""
    with ports.database.transaction() as session:
        write_division(session, ports, subject, sending, pieces)
    sending.batches |= {one.number: replace(one, state=BatchState.PLANNED) for one in pieces}
    return tuple(piece.number for piece in pieces)


def append(
    ports: Ports, subject: Subject, sending: Sending, taken: BatchFacts, last: BatchFacts
) -> None:
    """Write down that a row of a batch that was taken is to go once more, on its own."""
    with ports.database.transaction() as session:
        write_division(session, ports, subject, sending, (taken, last))
    sending.batches[last.number] = last


def numbered(sending: Sending, pieces: Sequence[BatchFacts]) -> tuple[BatchFacts, ...]:
    """Pieces of one batch, planned: the first keeps its number, the others follow all there are."""
    if not pieces:
        return ()
    free = count(max(sending.batches) + 1)
    fresh = [replace(one, number=next(free), state=BatchState.PLANNED) for one in pieces[1:]]
    return (pieces[0], *fresh)


def as_new(batch: BatchFacts, sessions: Mapping[Action, Session]) -> ledger.NewBatch:
    """The batch as the ledger takes it."""
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


def write_division(
    session: "DatabaseSession",
    ports: Ports,
    subject: Subject,
    sending: Sending,
    pieces: Sequence[BatchFacts],
) -> None:
    """Write a division in the caller's transaction."""
    rest, *others = (as_new(piece, sending.sessions) for piece in pieces)
    ledger.divide(session, ports.lease, job_id=subject.job_id, rest=rest, others=others)
