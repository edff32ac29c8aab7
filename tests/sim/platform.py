"""A platform on which requests go wrong on demand.

It holds members twice: as the set of values it was told, and as people it recognises by them,
whom any of their values brings in or takes out. Requests may be lost, applied without an answer,
applied late, refused; a replace session keeps everybody else out until it ends.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random

from audsync.domain import Action, SettlementState, UploadBatch
from audsync.errors import (
    AudienceGoneError,
    ConflictError,
)
from tests.sim.set_rows import Value

SESSION_S = 90 * 60
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


LATE_FAULTS = frozenset({Fault.LATE, Fault.LATE_SECOND_TRY, Fault.LATE_EXPIRED})
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
    is_whole: bool = False
    """A replace of which all requests have come: these are all its rows."""


@dataclass(slots=True, kw_only=True)
class Accepted:
    """A request that the platform took and works off when it likes."""

    late: Late
    is_done: bool = False
    verdict: SettlementState | None = None
    """What was said of it in the end: asked again, the platform says the same."""


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
    files: dict[int, set[Value]] = field(default_factory=dict)
    """By session, what was brought for a replace that its last request begins."""
    queue: list[Late] = field(default_factory=list)
    accepted: dict[str, Accepted] = field(default_factory=dict)
    tick: int = 0
    is_gone: bool = False
    poison: dict[Value, range] = field(default_factory=dict)
    """Values that have every add which holds them refused, and in which runs they do."""
    names_poison: bool = False
    """It takes such a request without them, and says which rows they are in."""

    def poison_of(self, run: int) -> set[Value]:
        """What it refuses in this run."""
        return {value for value, runs in self.poison.items() if run in runs}

    def apply(self, late: Late) -> None:
        """What a request does when its turn comes."""
        if late.is_whole:
            self._become(set(late.rows))
            return
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
        open_ones = [
            one.late
            for one in self.accepted.values()
            if not one.is_done or one.verdict not in {None, SettlementState.CONFIRMED}
        ]
        rows = {row for late in (*self.queue, *open_ones) for row in late.rows}
        takes_out = any(
            late.is_whole or late.action is Action.SWEEP for late in (*self.queue, *open_ones)
        )
        return rows | self.values if takes_out else rows

    def admit(self, upload: UploadBatch) -> None:
        """Refuse what the audience's state forbids.

        Raises:
            AudienceGoneError, ConflictError: nothing applied.
        """
        if self.is_gone:
            raise AudienceGoneError("The audience is gone.")
        if any(one.late.is_whole and not one.is_done for one in self.accepted.values()):
            raise ConflictError("A replace is being worked off.")
        self.expire_session()
        is_mine = self.session is not None and self.session.number == upload.session
        if self.session is not None and not is_mine:
            raise ConflictError("A replace is running.")
        is_brought = upload.session in self.files
        if upload.action is Action.REPLACE and upload.number > 1 and not (is_mine or is_brought):
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
            # One that keeps all others out until it is done lands after none.
            if reference not in heard and not request.late.is_whole:
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
        self.files = {}
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
        return Fault.LOST if fault in LATE_FAULTS and not self.may_be_late else fault
