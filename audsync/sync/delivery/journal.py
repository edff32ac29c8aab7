"""What is written down of a plan on its way: an intent before each request, an outcome after it.

What came of a request waits for the intent of the next one, and both are one transaction: a commit
costs more than all else that is written of a request. It waits for nothing else, and should it be
lost, the request is in doubt, as one is whose answer was lost: the next run mends that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from audsync.domain import TAKEN, BatchState, Receipt
from audsync.store import ledger
from audsync.sync.contract import BatchFacts
from audsync.sync.delivery.sending import Sending, write_division
from audsync.sync.ports import Ports, Subject

if TYPE_CHECKING:
    from sqlmodel import Session as DatabaseSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What is known of one batch that was sent."""

    state: BatchState
    receipt: Receipt | None = None
    error: dict[str, Any] | None = None

    @property
    def unanswered_tries(self) -> int:
        """So many tries of it got no usable answer, as the ledger counts them."""
        if self.receipt is not None:
            return self.receipt.unanswered_tries
        return int(self.state is BatchState.UNKNOWN)


@dataclass(slots=True)
class Journal:
    """The ledger of one plan, while it is sent; for one thread."""

    ports: Ports
    subject: Subject
    sending: Sending
    _waiting: list[tuple[int, Outcome, Sequence[BatchFacts]]] = field(default_factory=list)
    """Outcomes that are not written yet: of which batch, what, and what it was divided into."""

    def intend(self, batch: BatchFacts) -> None:
        """Write that the batch is about to leave, and every outcome that waits."""
        with self.ports.database.transaction() as session:
            self._write_waiting(session)
            ledger.mark_sending(
                session,
                self.ports.lease,
                job_id=self.subject.job_id,
                number=batch.number,
                must_last_s=self.ports.must_last_s,
            )
        self._waiting.clear()
        self.sending.batches[batch.number] = replace(batch, state=BatchState.SENDING)

    def note(self, batch: BatchFacts, outcome: Outcome, pieces: Sequence[BatchFacts] = ()) -> None:
        """Know from now on what came of a batch; it is written with the next intent or `flush`.

        Args:
            batch: as it was sent.
            outcome: what is known.
            pieces: the batch without what it did not take, then that, with numbers of their own.
        """
        rest, *others = pieces or (batch,)
        assert not others or outcome.state in TAKEN, "what was not taken is divided later"
        tries = batch.unanswered_tries + outcome.unanswered_tries
        known = replace(rest, state=outcome.state, unanswered_tries=tries)
        self.sending.batches[batch.number] = known
        self.sending.batches |= {other.number: other for other in others}
        self._waiting.append((batch.number, outcome, pieces))

    def flush(self) -> None:
        """Write every outcome that waits."""
        if not self._waiting:
            return
        with self.ports.database.transaction() as session:
            self._write_waiting(session)
        self._waiting.clear()

    def _write_waiting(self, session: "DatabaseSession") -> None:
        for number, outcome, pieces in self._waiting:
            ledger.mark_outcome(
                session,
                self.ports.lease,
                job_id=self.subject.job_id,
                number=number,
                state=outcome.state,
                receipt=outcome.receipt,
                error=outcome.error,
            )
            if len(pieces) > 1:
                write_division(session, self.ports, self.subject, self.sending, pieces)
