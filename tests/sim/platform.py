"""A platform that goes wrong on demand, and the connector that stands before it.

It holds members twice: as the set of values it was told, and as people it recognises by them,
whom any of their values brings in or takes out. Requests may be lost, applied without an answer,
applied late, refused; a replace session keeps everybody else out until it ends.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random

from audsync import steps
from audsync.connectors.contract import BaseConnector, Replacing, Spec
from audsync.domain import (
    FIRST_FIELD,
    Action,
    Kind,
    Platform,
    Receipt,
    RemoteAudience,
    RemoteId,
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

SPEC = Spec(
    platform=Platform.META,
    api_version="sim",
    accepts=tuple(Kind),
    max_batch_rows=1_000,
    takes_person_rows=True,
    replaces_by=Replacing.SESSION,
    has_unique_names=False,
    max_name_chars=100,
    minimum_size=0,
    call_limits=(),
    seconds_per_call=1.0,
    source="the simulator",
)


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
    session: ReplaceSession | None = None
    queue: list[Late] = field(default_factory=list)
    is_gone: bool = False

    def apply(self, late: Late) -> None:
        """What a request does when its turn comes."""
        if late.action is Action.REPLACE:
            self._take_into_session(late)
            return
        people = {person for row in late.rows if (person := self.person_of(row)) is not None}
        if late.action is Action.ADD:
            self.values.update(late.rows)
            self.people |= people
        else:
            self.values.difference_update(late.rows)
            self.people -= people

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

    def end_run(self, run: int) -> None:
        """What was queued before this run, or has only calls to wait for, lands at its end."""
        for late in tuple(self.queue):
            if late.born_in_run < run:
                self._land(late)

    def start_anew(self) -> None:
        """Another audience under the same roof, empty."""
        self.values, self.people = set(), set()
        self.session, self.queue, self.is_gone = None, [], False

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

    spec = SPEC

    def __init__(
        self,
        platform: SimPlatform,
        trouble: Trouble,
        *,
        run: int,
        witness: Callable[[UploadBatch], None],
    ) -> None:
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
        if fault is not Fault.LATE:
            platform.apply(self._late(batch, rows))
        if fault in {Fault.LATE, Fault.UNANSWERED}:
            raise OutcomeUnknownError("No answer came.", timed_out=fault is Fault.LATE)
        return Receipt(
            received_rows=batch.rows,
            rejected_rows=0,
            reference=str(batch.session),
            unanswered_tries=int(fault in {Fault.SECOND_TRY, Fault.LATE_SECOND_TRY}),
        )

    def _late(self, batch: UploadBatch, rows: tuple[Value, ...]) -> Late:
        return Late(
            action=batch.action,
            rows=rows,
            session=batch.session if batch.action is Action.REPLACE else 0,
            is_last=batch.is_last,
            calls_left=self._trouble.random.randrange(4),
            born_in_run=self._run,
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
