"""Finding the few rows that have a whole request refused, so that all others land.

A refused batch is divided until what is wrong stands alone; the pieces are rows of the ledger like
any other. What was refused alone is left out at the end of its phase, and only if the platform took
others in the same run: without that proof the request may be what is wrong, not the rows.
"""

import logging
from collections import Counter
from dataclasses import replace
from typing import Any

from audsync.connectors.contract import is_too_large, may_be_rows
from audsync.domain import TAKEN, Action, BatchState, Receipt
from audsync.errors import AudsyncError, ValidationError
from audsync.store import ledger, rejects
from audsync.store.rejects import NewReject
from audsync.sync.contract import BatchFacts, Carrier, StateFiles
from audsync.sync.ports import Ports, Subject
from audsync.sync.sending import Sending, divide, numbered

MAX_ALONE = 100
"""Refused alone in one phase: each takes up to twice the logarithm of its batch in requests."""
MAX_ALONE_UNPROVED = 5
"""Refused alone of one batch, of which nothing was taken: it is not the rows then."""
MAX_SHARE = 0.1
ALWAYS_FEW = 10
"""So many are never too large a share."""
_DIVISIBLE = frozenset({Action.REMOVE, Action.ADD})
"""The requests of a replace are numbered: they cannot become more on their way."""
_UNSENT = frozenset({BatchState.PLANNED, BatchState.REFUSED})

_log = logging.getLogger(__name__)


class Isolation:
    """One phase of a plan: what was divided, and what was refused alone."""

    def __init__(self, ports: Ports, subject: Subject, files: StateFiles, sending: Sending) -> None:
        self._ports = ports
        self._subject = subject
        self._files = files
        self._sending = sending
        self._root_of: dict[int, int] = {}
        self._taken_rows: Counter[int] = Counter()
        """By the planned batch that they came of."""
        self._alone: dict[int, AudsyncError] = {}

    def fit(self, batch: BatchFacts) -> tuple[int, ...]:
        """Divide a batch larger than what the platform takes now; the numbers of its pieces."""
        most = self._sending.most_rows
        is_open = batch.state in _UNSENT and batch.action in _DIVISIBLE
        if most is None or batch.rows <= most or not is_open:
            return ()
        return self._halve(batch)

    def divide(self, batch: BatchFacts, error: AudsyncError) -> tuple[int, ...] | None:
        """Divide a refused batch where its rows may be the reason.

        Returns:
            the numbers of its pieces; none where it is a single value, which is remembered; None
            where its rows are not the reason.
        """
        if is_too_large(error):
            self._sending.most_rows = max(1, batch.rows // 2)
            return (batch.action in _DIVISIBLE and self._halve(batch)) or None
        if batch.action not in _DIVISIBLE or not may_be_rows(error):
            return None
        pieces = self._halve(batch)
        if not pieces:
            self._alone[batch.number] = error
            self._give_up_in_time(batch, error)
        return pieces

    def apart(self, batch: BatchFacts, receipt: Receipt) -> tuple[BatchFacts, ...]:
        """The batch without the rows that the platform named, then those, to be sent alone."""
        if not receipt.refused_rows:
            return ()
        pieces = self._ports.engine.apart(self._files, batch, receipt.refused_rows)
        pieces = numbered(self._sending, pieces)
        self._note_family(batch, pieces)
        return pieces

    def note_taken(self, batch: BatchFacts) -> None:
        """The platform took it."""
        self._taken_rows[self._root(batch)] += batch.rows

    def conclude(self) -> None:
        """Leave out what was refused alone, or say that it failed."""
        if not self._alone:
            return
        is_proved = any(
            batch.state in TAKEN and batch.rows for batch in self._sending.of(Action.ADD)
        )
        alone = [self._sending.batches[number] for number in sorted(self._alone)]
        if is_proved and all(batch.action is Action.ADD for batch in alone):
            self._leave_out(alone)
        else:
            first = self._alone[alone[0].number]
            self._sending.error = self._sending.error or first
        self._alone.clear()

    def _halve(self, batch: BatchFacts) -> tuple[int, ...]:
        pieces = numbered(self._sending, self._ports.engine.halves(self._files, batch))
        if not pieces:
            return ()
        self._note_family(batch, pieces)
        return divide(self._ports, self._subject, self._sending, pieces)

    def _note_family(self, batch: BatchFacts, pieces: tuple[BatchFacts, ...]) -> None:
        root = self._root(batch)
        self._root_of |= {piece.number: root for piece in pieces}

    def _root(self, batch: BatchFacts) -> int:
        return self._root_of.get(batch.number, batch.number)

    def _give_up_in_time(self, batch: BatchFacts, error: AudsyncError) -> None:
        """Stop where so much is refused that single rows cannot be the reason."""
        root = self._root(batch)
        siblings = sum(self._root_of.get(number, number) == root for number in self._alone)
        taken = self._taken_rows.total()
        is_unproved = siblings >= MAX_ALONE_UNPROVED and not self._taken_rows[root]
        is_share = len(self._alone) > max(ALWAYS_FEW, MAX_SHARE * taken)
        if not (is_unproved or is_share or len(self._alone) > MAX_ALONE):
            return
        self._sending.stopped = True
        self._sending.error = ValidationError(
            f"{self._ports.spec.platform} refused {len(self._alone)} rows one by one and took"
            f" {taken:,}: the reason is hardly in single rows. Nothing was left out; the first"
            f" refusal: {error.message}",
            details={**error.details, "refused_rows": len(self._alone), "taken_rows": taken},
        )
        self._alone.clear()

    def _leave_out(self, alone: list[BatchFacts]) -> None:
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
        reason=error.message,
        platform_code=_platform_code(error.details),
    )


def _platform_code(details: dict[str, Any]) -> str:
    """The platform's own name for a refusal: a reason, or a code with its subcode."""
    reasons = details.get("reasons")
    if reasons:
        return str(reasons[0])
    codes = (details.get("error_code"), details.get("error_subcode"))
    return "/".join(str(code) for code in codes if code is not None)
