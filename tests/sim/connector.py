"""The connector that stands before the simulated platform."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from audsync import steps
from audsync.connectors.contract import BaseConnector, Spec
from audsync.domain import (
    FIRST_FIELD,
    Action,
    Receipt,
    RemoteAudience,
    RemoteId,
    Settlement,
    SettlementState,
    UploadBatch,
)
from audsync.errors import (
    AudienceGoneError,
    CredentialsExpiredError,
    OutcomeUnknownError,
    PlatformError,
    RateLimitError,
    UnavailableError,
    ValidationError,
)
from tests.sim.platform import EPOCH, LATE_FAULTS, Fault, Late, SimPlatform, Trouble
from tests.sim.set_rows import Value

REMOTE = RemoteId("sim-1")


class SimConnector(BaseConnector):
    """`Connector` over a `SimPlatform`; `witness` looks into the store before every request."""

    def __init__(
        self,
        platform: SimPlatform,
        trouble: Trouble,
        spec: Spec,
        *,
        run: int,
        witness: Callable[[UploadBatch], None],
        heard: Callable[[], set[str]],
    ) -> None:
        self.spec = spec
        self._heard = heard
        self._patience = trouble.random.randrange(3)
        self.requests = 0
        self.closings = 0
        self._platform = platform
        self._trouble = trouble
        self._run = run
        self._witness = witness

    def encoded(self, batch: UploadBatch) -> bytes:
        return b" ".join([batch.action.encode(), *batch.members["value"].to_pylist()])

    def send(self, batch: UploadBatch) -> Receipt:
        steps.reached("call: before send")
        assert batch.encoded in {None, self.encoded(batch)}, "made ahead of another request"
        self.requests += 1
        self._witness(batch)
        self._platform.advance_queue()
        receipt = self._answer(batch, self._trouble.next())
        steps.reached("call: after send")
        return receipt

    def close_session(self, audience: RemoteId, session: int, filler: UploadBatch) -> None:
        steps.reached("call: before close_session")
        assert audience == filler.audience
        assert not self.spec.changes_by_replace, "nothing was left open"
        assert filler.is_last
        self.closings += 1
        platform = self._platform
        platform.advance_queue()
        fault = self._trouble.next()
        self._refuse(fault)
        if platform.is_gone:
            raise AudienceGoneError("The audience is gone.")
        if fault not in {Fault.LOST, Fault.LATE} and platform.is_in_session(session):
            filler, _ = self._less_poison(filler)
            platform.end_session(set(values_of(filler)))
        if fault in {Fault.LOST, Fault.LATE, Fault.UNANSWERED}:
            raise OutcomeUnknownError("No answer came.")
        steps.reached("call: after close_session")

    def settlement(self, audience: RemoteId, reference: str) -> Settlement:
        steps.reached("call: before settlement")
        assert audience == REMOTE
        platform, trouble = self._platform, self._trouble
        if reference not in platform.accepted:
            return Settlement(state=SettlementState.LOST)
        is_troubled = trouble.rate > 0
        if is_troubled and trouble.random.random() < trouble.rate / 3:
            raise UnavailableError("Come again.")
        if self._patience > 0 and not platform.accepted[reference].is_done:
            self._patience -= 0 if is_troubled and trouble.random.random() < 0.2 else 1
            return Settlement(state=SettlementState.PENDING)
        request = platform.accepted[reference]
        if request.verdict is None:
            request.verdict = SettlementState.CONFIRMED
            if is_troubled and trouble.random.random() < 0.15:
                states = (SettlementState.REJECTED, SettlementState.LOST)
                request.verdict = trouble.random.choice(states)
            is_sure = request.verdict is SettlementState.CONFIRMED
            platform.work_off(reference, does_it=is_sure or trouble.random.random() < 0.5)
        return Settlement(state=request.verdict)

    def clock_mark(self) -> datetime:
        self._platform.tick += 1
        return EPOCH + timedelta(seconds=self._platform.tick)

    def sweep(self, audience: RemoteId, before: datetime) -> Receipt:
        steps.reached("call: before sweep")
        assert audience == REMOTE
        self.requests += 1
        platform, fault = self._platform, self._trouble.next()
        platform.tick += 1
        if fault is Fault.GONE:
            platform.is_gone = True
        if platform.is_gone:
            raise AudienceGoneError("The audience is gone.")
        self._refuse(fault)
        if fault is Fault.LOST:
            raise OutcomeUnknownError("No answer came.")
        request = Late(
            action=Action.SWEEP,
            rows=(),
            session=0,
            is_last=True,
            calls_left=0,
            born_in_run=self._run,
            tick=int((before - EPOCH).total_seconds()),
        )
        reference = platform.accept(request, self._heard())
        if fault in LATE_FAULTS | {Fault.UNANSWERED}:
            raise OutcomeUnknownError("No answer came.")
        steps.reached("call: after sweep")
        return Receipt(received_rows=0, rejected_rows=0, reference=reference, is_settled=False)

    def check_access(self) -> datetime | None:
        return None

    def find(self, name: str) -> Sequence[RemoteId]:
        return (REMOTE,) if name else ()

    def create(self, name: str, description: str) -> RemoteId:
        raise PlatformError(f"The simulator makes no audience {name} ({description}).")

    def describe(self, audience: RemoteId) -> RemoteAudience:
        return RemoteAudience(id=audience, name="sim")

    def delete(self, audience: RemoteId) -> None:
        raise PlatformError(f"The simulator deletes no audience {audience}.")

    def close(self) -> None:
        """Nothing is open."""

    def _answer(self, batch: UploadBatch, fault: Fault) -> Receipt:
        platform = self._platform
        if fault is Fault.GONE:
            platform.is_gone = True
        platform.admit(batch)
        platform.tick += 1
        self._refuse(fault)
        if fault is Fault.LOST:
            raise OutcomeUnknownError("No answer came.")
        batch, refused = self._less_poison(batch)
        rows = values_of(batch)
        if self.spec.changes_by_replace:
            return self._bring(batch, rows, fault)
        if batch.action is Action.REPLACE:
            platform.open_session(batch.session)
        if fault in LATE_FAULTS:
            platform.queue.append(self._late(batch, rows))
        if fault is Fault.LATE_EXPIRED:
            raise CredentialsExpiredError("The token expired.", details={"unanswered_tries": 1})
        reference = "" if fault is Fault.LATE else self._take(batch, rows)
        if fault in {Fault.LATE, Fault.UNANSWERED}:
            raise OutcomeUnknownError("No answer came.", timed_out=fault is Fault.LATE)
        return Receipt(
            received_rows=batch.rows,
            rejected_rows=0,
            reference=reference,
            is_settled=not self.spec.settles_within_s,
            unanswered_tries=int(fault in {Fault.SECOND_TRY, Fault.LATE_SECOND_TRY}),
            refused_rows=refused,
        )

    def _less_poison(self, batch: UploadBatch) -> tuple[UploadBatch, tuple[int, ...]]:
        """The batch without the rows that are refused by name, and these.

        Raises:
            ValidationError: it holds what the platform refuses, and the platform says no more.
        """
        poison = self._platform.poison_of(self._run)
        rows, values = batch.members["row"].to_pylist(), self._cells(batch)
        bad = {row for row, value in zip(rows, values, strict=True) if value in poison}
        if batch.action is Action.REMOVE or not bad:
            return batch, ()
        if not self._platform.names_poison or len(bad) == batch.rows:
            raise ValidationError("Some of it is wrong.", details={"rows_suspected": True})
        kept = batch.members.filter([row not in bad for row in rows])
        return replace(batch, members=kept, rows=batch.rows - len(bad)), tuple(sorted(bad))

    def _cells(self, batch: UploadBatch) -> list[Value]:
        members = batch.members
        return list(zip(members["kind"].to_pylist(), members["value"].to_pylist(), strict=True))

    def _bring(self, batch: UploadBatch, rows: tuple[Value, ...], fault: Fault) -> Receipt:
        """Keep the rows; the last request of a session begins the replace."""
        assert batch.action is Action.REPLACE, "members change by nothing else"
        brought = self._platform.files.setdefault(batch.session, set())
        brought.update(rows)
        reference = ""
        if batch.is_last:
            late = replace(self._late(batch, tuple(sorted(brought))), is_whole=True)
            reference = self._platform.accept(late, self._heard())
        if fault in {Fault.LATE, Fault.UNANSWERED}:
            raise OutcomeUnknownError("No answer came.")
        if fault is Fault.LATE_EXPIRED:
            raise CredentialsExpiredError("The token expired.", details={"unanswered_tries": 1})
        return Receipt(
            received_rows=batch.rows,
            rejected_rows=0,
            reference=reference,
            is_settled=not batch.is_last,
            unanswered_tries=int(fault in {Fault.SECOND_TRY, Fault.LATE_SECOND_TRY}),
        )

    def _take(self, batch: UploadBatch, rows: tuple[Value, ...]) -> str:
        """Apply it now, or accept it for later; returns the name it has here."""
        late = self._late(batch, rows)
        if self.spec.settles_within_s:
            return self._platform.accept(late, self._heard())
        self._platform.apply(late)
        return str(batch.session)

    def _late(self, batch: UploadBatch, rows: tuple[Value, ...]) -> Late:
        return Late(
            action=batch.action,
            rows=rows,
            session=batch.session if batch.action is Action.REPLACE else 0,
            is_last=batch.is_last,
            calls_left=self._trouble.random.randrange(4),
            born_in_run=self._run,
            tick=self._platform.tick,
        )

    def _refuse(self, fault: Fault) -> None:
        if fault is Fault.UNAVAILABLE:
            raise UnavailableError("Come again.")
        if fault is Fault.RATE_LIMIT:
            raise RateLimitError("Too many calls.", wait_s=60)
        if fault is Fault.INVALID:
            raise ValidationError("Not like this.")
        if fault is Fault.EXPIRED:
            raise CredentialsExpiredError("The token expired.")


def values_of(batch: UploadBatch) -> tuple[Value, ...]:
    """The identifiers in a request."""
    kinds, values = batch.members["kind"].to_pylist(), batch.members["value"].to_pylist()
    return tuple(
        (kind, value) for kind, value in zip(kinds, values, strict=True) if kind < FIRST_FIELD
    )
