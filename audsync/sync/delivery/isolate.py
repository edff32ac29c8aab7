"""Finding the few rows that have a whole request refused, so that all others land.

A refused batch is divided until what is wrong stands alone; the pieces are rows of the ledger like
any other. Until the platform has taken something, one piece is followed down to single rows: if
these are refused wherever they are taken from, the request is what is wrong, not the rows. From
then on whatever is larger goes first, so that much lands with few requests. What was refused alone
is heard once more at the end, and then left out; its phase is as good as over.
"""

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from audsync.connectors.contract import is_too_large, may_be_rows
from audsync.domain import TAKEN, Action, BatchState, Receipt
from audsync.errors import AudsyncError, ValidationError
from audsync.store import ledger, rejects
from audsync.store.rejects import NewReject
from audsync.sync.change.split import holds_others
from audsync.sync.contract import BatchFacts, Carrier, StateFiles
from audsync.sync.delivery.sending import Sending, append, divide, numbered
from audsync.sync.ports import Ports, Subject

MAX_PIECES = 1_000
"""Made of refused batches in one phase: where more is needed, the next run goes on."""
MAX_UNPROVED = 5
"""Refused alone while nothing was taken: it is hardly the rows then."""
FACT = "unproved_refusals"
"""Where the head's facts count the runs in a row in which few rows were refused alone, and nothing
else was sent that could have been taken."""
ENOUGH_RUNS = 2
"""After so many of these the next one needs no other proof."""
_UNSENT = frozenset({BatchState.PLANNED, BatchState.REFUSED})

Deliver = Callable[[BatchFacts], object]
"""Sends a batch and records what came of it."""

_log = logging.getLogger(__name__)


def facts_after(facts: Mapping[str, Any], *, is_unproved: bool) -> dict[str, Any]:
    """The facts of a plan after a run. Pure."""
    others = {name: value for name, value in facts.items() if name != FACT}
    return {**others, FACT: facts.get(FACT, 0) + 1} if is_unproved else others


class Isolation:
    """One phase of a plan: what was divided, and what was refused alone.

    Args:
        ports: the outside.
        subject: the audience.
        files: the plan's.
        sending: the plan on its way.
        unproved_runs: so many runs in a row ended without proof; see `FACT`.
    """

    def __init__(
        self,
        ports: Ports,
        subject: Subject,
        files: StateFiles,
        sending: Sending,
        *,
        unproved_runs: int = 0,
    ) -> None:
        self._ports = ports
        self._subject = subject
        self._files = files
        self._sending = sending
        self._unproved_runs = unproved_runs
        self._pieces = 0
        self.takes = False
        """Whether anything was taken in this phase."""
        self._alone: dict[int, AudsyncError] = {}
        spec = ports.spec
        self._divisible = {Action.REMOVE, Action.ADD}
        if not spec.changes_by_replace:
            self._divisible.add(Action.REPLACE)

    def next_of(self, waiting: deque[int]) -> int:
        """Which batch goes next: after a row that was refused alone, one from the other end."""
        return waiting.pop() if self._is_at_the_end else waiting.popleft()

    def queue(self, waiting: deque[int], pieces: Sequence[int]) -> None:
        """Where pieces wait: next of all, until the platform has taken anything."""
        if self.takes:
            waiting.extend(pieces)
        elif self._is_at_the_end:
            waiting.extend(reversed(pieces))
        else:
            waiting.extendleft(reversed(pieces))

    @property
    def _is_at_the_end(self) -> bool:
        return not self.takes and len(self._alone) % 2 == 1

    def fit(self, batch: BatchFacts) -> tuple[int, ...]:
        """Divide a batch larger than what the platform takes now; the numbers of its pieces."""
        most = self._sending.most_rows
        is_open = batch.state in _UNSENT and batch.action in self._divisible
        if most is None or batch.rows <= most or not is_open:
            return ()
        return self._halve(batch)

    def divide(self, batch: BatchFacts, error: AudsyncError) -> tuple[int, ...] | None:
        """Divide a refused batch where its rows may be the reason.

        Returns:
            the numbers of its pieces; none where it is a single value, which is remembered; None
            where its rows are not the reason, or too much was divided already.
        """
        if batch.action not in self._divisible:
            return None
        if is_too_large(error):
            known = self._sending.most_rows or batch.rows
            self._sending.most_rows = max(1, min(known, batch.rows // 2))
            return self._halve(batch) or None
        if not may_be_rows(error) or self._pieces > MAX_PIECES:
            return None
        pieces = self._halve(batch)
        self._pieces += len(pieces)
        if not pieces:
            self._alone[batch.number] = error
            self._give_up_in_time(error)
        return pieces

    def apart(self, batch: BatchFacts, receipt: Receipt) -> tuple[BatchFacts, ...]:
        """The batch without the rows that the platform named, then those, to be sent alone."""
        if not receipt.refused_rows:
            return ()
        pieces = self._ports.engine.apart(self._files, batch, receipt.refused_rows)
        return numbered(self._sending, pieces)

    def note_taken(self, batch: BatchFacts) -> None:
        """The platform took it."""
        self.takes = self.takes or batch.rows > 0
        self._alone.pop(batch.number, None)

    def conclude(self, deliver: Deliver) -> None:
        """Leave out what was refused alone, or say that it failed."""
        self._hear_again(deliver)
        if not self._alone:
            return
        alone = [self._sending.batches[number] for number in sorted(self._alone)]
        is_member = all(batch.action is not Action.REMOVE for batch in alone)
        if is_member and self._is_proved() and self._has_ended(deliver):
            self._leave_out(alone)
        else:
            first = self._alone[alone[0].number]
            self._sending.error = self._sending.error or first
            self._sending.is_unproved = is_member and not self.takes
        self._alone.clear()

    def _hear_again(self, deliver: Deliver) -> None:
        """Send once more what was refused alone: a refusal may have had no reason at all."""
        for number in sorted(self._alone):
            batch = self._sending.batches[number]
            if self._sending.stopped or batch.action is Action.REPLACE:
                break  # a session may be over by now
            deliver(batch)
        # One that got no clear answer this time is in doubt like any other.
        known = self._sending.batches
        self._alone = {
            number: error
            for number, error in self._alone.items()
            if known[number].state is BatchState.REFUSED
        }

    def _is_proved(self) -> bool:
        """Whether the platform takes such requests, so that it must be the rows."""
        has_removed = any(one.state in TAKEN for one in self._sending.of(Action.REMOVE))
        return self.takes or has_removed or self._unproved_runs >= ENOUGH_RUNS

    def _halve(self, batch: BatchFacts) -> tuple[int, ...]:
        pieces = numbered(self._sending, self._ports.engine.halves(self._files, batch))
        return divide(self._ports, self._subject, self._sending, pieces) if pieces else ()

    def _give_up_in_time(self, error: AudsyncError) -> None:
        """Stop where so much is refused that single rows cannot be the reason."""
        if self.takes or len(self._alone) < MAX_UNPROVED:
            return
        self._sending.stopped = True
        self._sending.error = ValidationError(
            f"{self._ports.spec.platform.label} refused {len(self._alone)} rows one by one and took"
            f" none: the reason is hardly in single rows. Nothing was left out; the first refusal:"
            f" {error.message}",
            details={**error.details, "refused_rows": len(self._alone)},
        )
        self._alone.clear()

    def _has_ended(self, deliver: Deliver) -> bool:
        """Whether the replace that these were to be part of is over; else it is told so.

        Its last request was refused, so another one has to be the last: a row that was taken.
        """
        replaced = self._sending.of(Action.REPLACE)
        if not replaced or self._sending.has_ended:
            return True
        is_all = all(one.state in TAKEN or one.number in self._alone for one in replaced)
        if self._sending.stopped or not is_all:
            return False
        # Where single rows of a batch were named, its range is not all its own.
        whole = [one for one in replaced if one.state in TAKEN and not holds_others(one, replaced)]
        if not whole:
            return False
        taken = row = whole[0]
        while smaller := self._ports.engine.halves(self._files, row):
            row = smaller[0]
        again = replace(row, profiles=0, refreshed=0, identifiers=0)
        _, last = numbered(self._sending, (taken, again))
        append(self._ports, self._subject, self._sending, taken, last)
        deliver(last)
        return self._sending.has_ended

    def _leave_out(self, alone: Sequence[BatchFacts]) -> None:
        links = {one.number: self._ports.engine.carriers(self._files, one) for one in alone}
        with self._ports.database.transaction() as session:
            for batch in alone:
                ledger.mark_outcome(
                    session,
                    self._ports.lease,
                    job_id=self._subject.job_id,
                    number=batch.number,
                    state=BatchState.LEFT_OUT,
                    error=self._alone[batch.number].as_json(),
                )
            rejects.add(
                session,
                self._ports.lease,
                job_id=self._subject.job_id,
                found=[
                    _reject(batch.number, link, self._alone[batch.number])
                    for batch in alone
                    for link in links[batch.number]
                ],
            )
        for batch in alone:
            self._sending.batches[batch.number] = replace(batch, state=BatchState.LEFT_OUT)
            self._sending.left_out += links[batch.number]
        _log.warning("%d values were refused alone and are left out", len(alone))


def _reject(number: int, link: Carrier, error: AudsyncError) -> NewReject:
    return NewReject(
        number=number,
        profile=link.profile,
        kind=link.kind,
        # Our own sentence often leads to details, which are not kept here.
        reason=str(error.details.get("error_message") or error.message),
        platform_code=_platform_code(error.details),
    )


def _platform_code(details: dict[str, Any]) -> str:
    """The platform's own name for a refusal: a reason, or a code with its subcode."""
    reasons = details.get("reasons")
    if reasons:
        return str(reasons[0])
    codes = (details.get("error_code"), details.get("error_subcode"))
    return "/".join(str(code) for code in codes if code is not None)
