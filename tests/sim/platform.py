"""A platform that goes wrong on demand, and the connector that stands before it.

It holds members twice: as the set of values it was told, and as people it recognises by them,
whom any of their values brings in or takes out. Requests may be lost, applied without an answer,
applied late, refused; a replace session keeps everybody else out until it ends.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random

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
    ConflictError,
    CredentialsExpiredError,
    OutcomeUnknownError,
    PlatformError,
    RateLimitError,
    UnavailableError,
    ValidationError,
)
from tests.sim.set_rows import Value

SESSION_S = 90 * 60
REMOTE = RemoteId("sim-1")
Person = int

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class Fault(StrEnum):
    """What becomes of one request."""

    NONE = "none"
    LOST = "lost"
    UNANSWERED = "applied, not answered"
    LATE = "not answered, applied later"
    SECOND_TRY = "one try unanswered, then taken"
    LATE_SECOND_TRY = "one try unanswered and applied later, then taken"
    UNAVAILABLE = "unavailable"
    RATE_LIMIT = "rate limit"
    INVALID = "refused for good"
    EXPIRED = "credentials expired"
    LATE_EXPIRED = "one try unanswered and applied later, then credentials expired"
    GONE = "audience gone"


_LATE = frozenset({Fault.LATE, Fault.LATE_SECOND_TRY, Fault.LATE_EXPIRED})
_WEIGHTS = {
    Fault.LOST: 4,
    Fault.UNANSWERED: 4,
    Fault.LATE: 4,
    Fault.SECOND_TRY: 2,
    Fault.LATE_SECOND_TRY: 2,
    Fault.UNAVAILABLE: 3,
    Fault.RATE_LIMIT: 1,
    Fault.INVALID: 2,
    Fault.EXPIRED: 1,
    Fault.LATE_EXPIRED: 1,
}


@dataclass(slots=True, kw_only=True)
class Late:
    """A request still in a queue. `calls_left` 0: until the next run is over."""

    action: Action
    rows: tuple[Value, ...]
    session: int
    is_last: bool
    calls_left: int
    born_in_run: int
    tick: int = 0
    """When it came, by the platform's own count of requests."""


@dataclass(slots=True, kw_only=True)
class Accepted:
    """A request that the platform took and works off when it likes."""

    late: Late
    is_done: bool = False


@dataclass(slots=True, kw_only=True)
class ReplaceSession:
    """A replace the platform waits to see finished."""

    number: int
    ends_at: datetime
    values: set[Value] = field(default_factory=set)


@dataclass(slots=True, kw_only=True)
class SimPlatform:
    """One audience on a platform."""

    person_of: Callable[[Value], Person | None]
    now: Callable[[], datetime]
    random: Random
    values: set[Value] = field(default_factory=set)
    people: set[Person] = field(default_factory=set)
    since: dict[Value, int] = field(default_factory=dict)
    """When each value was added last."""
    session: ReplaceSession | None = None
    queue: list[Late] = field(default_factory=list)
    accepted: dict[str, Accepted] = field(default_factory=dict)
    tick: int = 0
    is_gone: bool = False

    def apply(self, late: Late) -> None:
        """What a request does when its turn comes."""
        if late.action is Action.REPLACE:
            self._take_into_session(late)
            return
        people = {person for row in late.rows if (person := self.person_of(row)) is not None}
        if late.action is Action.SWEEP:
            self._sweep(late.tick)
        elif late.action is Action.ADD:
            self.values.update(late.rows)
            self.since.update(dict.fromkeys(late.rows, late.tick))
            self.people |= people
        else:
            self.values.difference_update(late.rows)
            self.people -= people

    def accept(self, late: Late, heard: set[str]) -> str:
        """Take a request to be worked off later; `heard`: references that its sender knows."""
        named = {*late.rows, *filter(None, map(self.person_of, late.rows))}
        for reference, other in self.accepted.items():
            if other.is_done or reference not in heard:
                continue
            others = {*other.late.rows, *filter(None, map(self.person_of, other.late.rows))}
            is_opposite = Action.REMOVE in {late.action, other.late.action}
            is_crossing = other.late.action is not late.action and is_opposite and named & others
            assert not is_crossing, "an add and a removal of one person are in flight together"
            assert Action.SWEEP not in {late.action, other.late.action}, "a sweep is not alone"
        reference = f"request-{late.tick}"
        self.accepted[reference] = Accepted(late=late)
        return reference

    def work_off(self, reference: str, *, does_it: bool = True) -> None:
        """An accepted request's turn comes, or comes to nothing."""
        request = self.accepted[reference]
        if not request.is_done and not self.is_gone and does_it:
            self.apply(request.late)
        request.is_done = True

    def work_off_all(self) -> None:
        """Nothing is left to do."""
        for reference in tuple(self.accepted):
            self.work_off(reference)

    def in_flight(self) -> set[Value]:
        """Values of which nobody can say whether they are there."""
        open_ones = [one.late for one in self.accepted.values() if not one.is_done]
        rows = {row for late in (*self.queue, *open_ones) for row in late.rows}
        is_sweeping = any(late.action is Action.SWEEP for late in (*self.queue, *open_ones))
        return rows | self.values if is_sweeping else rows

    def admit(self, upload: UploadBatch) -> None:
        """Refuse what the audience's state forbids.

        Raises:
            AudienceGoneError, ConflictError: nothing applied.
        """
        if self.is_gone:
            raise AudienceGoneError("The audience is gone.")
        self.expire_session()
        is_mine = self.session is not None and self.session.number == upload.session
        if self.session is not None and not is_mine:
            raise ConflictError("A replace is running.")
        if upload.action is Action.REPLACE and upload.number > 1 and not is_mine:
            raise ConflictError("The session has ended.")

    def open_session(self, number: int) -> None:
        """The first request of a replace has come."""
        if self.session is None:
            ends_at = self.now() + timedelta(seconds=SESSION_S)
            self.session = ReplaceSession(number=number, ends_at=ends_at)

    def is_in_session(self, number: int) -> bool:
        """Whether this replace is still waited for."""
        self.expire_session()
        return self.session is not None and self.session.number == number

    def end_session(self, more: set[Value]) -> None:
        """Somebody said that the replace is over, and named a few more rows with it."""
        if self.session is not None:
            self.session.values |= more
            self.interrupt_session()
            self.values |= more
            self.people |= {person for row in more if (person := self.person_of(row)) is not None}

    def expire_session(self) -> None:
        """End a session nobody closed in time."""
        if self.session is not None and self.session.ends_at <= self.now():
            self.interrupt_session()

    def interrupt_session(self) -> None:
        """Members are partly new: anything between what was and what came is possible."""
        if self.session is None:
            return
        mixed = sorted(self.values | self.session.values)
        keeps = self.random.choice((0.0, 0.5, 1.0))
        new = self.session.values if self.random.random() < 0.5 else set()
        self._become({value for value in mixed if value in new or self.random.random() < keeps})

    def advance_queue(self) -> None:
        """One call has passed: what is due lands, in any order."""
        for late in tuple(self.queue):
            if late.calls_left:
                late.calls_left -= 1
                if not late.calls_left:
                    self._land(late)

    def end_run(self, run: int, heard: set[str]) -> None:
        """What was queued before this run, or has only calls to wait for, lands at its end.

        What was accepted without its sender's hearing of it is like any other late request; of
        the rest some is worked off between runs.
        """
        for reference, request in tuple(self.accepted.items()):
            if reference not in heard:
                del self.accepted[reference]
                if not request.is_done:
                    self.queue.append(request.late)
            elif self.random.random() < 0.3:
                self.work_off(reference)
        for late in tuple(self.queue):
            if late.born_in_run < run:
                self._land(late)

    def start_anew(self) -> None:
        """Another audience under the same roof, empty."""
        self.values, self.people, self.since = set(), set(), {}
        self.session, self.queue, self.is_gone = None, [], False
        self.accepted = {}

    def _land(self, late: Late) -> None:
        self.queue.remove(late)
        self.expire_session()
        is_mine = self.session is not None and self.session.number == late.session
        if not self.is_gone and (is_mine or (self.session is None and late.session == 0)):
            self.apply(late)

    def _take_into_session(self, late: Late) -> None:
        if self.session is None or self.session.number != late.session:
            return
        self.session.values.update(late.rows)
        if late.is_last:
            self._become(self.session.values)

    def _sweep(self, tick: int) -> None:
        """Take out whoever was not added since."""
        old = {value for value in self.values if self.since.get(value, 0) < tick}
        self.values -= old
        found = {self.person_of(value) for value in old}
        here = {self.person_of(value) for value in self.values}
        self.people -= {person for person in found - here if person is not None}

    def _become(self, members: set[Value]) -> None:
        self.session = None
        self.values = set(members)
        found = {self.person_of(value) for value in members}
        self.people = {person for person in found if person is not None}


@dataclass(slots=True, kw_only=True)
class Trouble:
    """Which faults befall the requests of one run."""

    random: Random
    rate: float = 0.0
    may_be_late: bool = True
    may_be_gone: bool = False

    def next(self) -> Fault:
        """What befalls the next request."""
        if self.random.random() >= self.rate:
            return Fault.NONE
        if self.may_be_gone and self.random.random() < 0.02:
            return Fault.GONE
        fault = self.random.choices(tuple(_WEIGHTS), tuple(_WEIGHTS.values()))[0]
        return Fault.LOST if fault in _LATE and not self.may_be_late else fault


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

    def send(self, batch: UploadBatch) -> Receipt:
        steps.reached("call: before send")
        self.requests += 1
        self._witness(batch)
        self._platform.advance_queue()
        receipt = self._answer(batch, self._trouble.next())
        steps.reached("call: after send")
        return receipt

    def close_session(self, audience: RemoteId, session: int, filler: UploadBatch) -> None:
        steps.reached("call: before close_session")
        assert audience == filler.audience
        assert filler.is_last
        self.closings += 1
        platform = self._platform
        platform.advance_queue()
        fault = self._trouble.next()
        self._refuse(fault)
        if platform.is_gone:
            raise AudienceGoneError("The audience is gone.")
        if fault not in {Fault.LOST, Fault.LATE} and platform.is_in_session(session):
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
        if is_troubled and trouble.random.random() < 0.15:
            platform.work_off(reference, does_it=trouble.random.random() < 0.5)
            states = (SettlementState.REJECTED, SettlementState.LOST)
            return Settlement(state=trouble.random.choice(states))
        platform.work_off(reference)
        return Settlement(state=SettlementState.CONFIRMED)

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
        if fault in _LATE | {Fault.UNANSWERED}:
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
        if batch.action is Action.REPLACE:
            platform.open_session(batch.session)
        rows = values_of(batch)
        if fault in _LATE:
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
