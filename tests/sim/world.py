"""One history: a segment that changes, runs that go wrong, and what must hold all the while.

Everything random comes from one seed. A crash is a `BaseException` at the n-th step; what it
leaves is what the store and the kept files hold. After each run the store, the files and the
platform are held against each other; after the last faulty run, clean ones must make it exact.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Protocol
from uuid import UUID

from audsync import steps
from audsync.connectors.contract import Replacing, Spec
from audsync.domain import FIRST_FIELD, SyncOperation, SyncStatus
from audsync.errors import AudienceGoneError, AudsyncError, CancelledError, StoreError
from audsync.store import leases, ledger
from audsync.sync.contract import Cache, Desired, Engine, StateFiles
from audsync.sync.drafting import Wish
from audsync.sync.guards import Guard
from audsync.sync.ports import Desk, Ports, Segment, Subject
from audsync.sync.recover import standing_of
from audsync.sync.run import Outcome, synchronise
from tests.sim import judge
from tests.sim.connector import REMOTE, SimConnector
from tests.sim.lanes import SimLanes
from tests.sim.ledger_room import LedgerRoom
from tests.sim.people import Crowd
from tests.sim.platform import SimPlatform, Trouble
from tests.sim.set_rows import Link, Value
from tests.sim.witness import Witness

DEAD_HOST = "sim-host"
_OWED = {"uncertain", "repair", "echo"}
"""State files of what is to be sent although nobody changes."""
ALLOWED = Guard(is_lifted=True)


class Crash(BaseException):
    """The power is cut."""


class Bench(Protocol):
    """An engine, and what a history needs to know of its files."""

    @property
    def engine(self) -> Engine:
        """The engine under test."""
        ...

    def keep_segment(self, crowd: Crowd) -> tuple[str, str]:
        """Durable files of the segment: identifiers, rows."""
        ...

    def links(self, name: str | None) -> set[Link]:
        """Accepted links of a state file."""
        ...

    def sweep(self, live: set[str]) -> None:
        """Forget files no row names."""
        ...

    def has(self, name: str) -> bool:
        """Whether a file is there, whole."""
        ...


@dataclass(slots=True, kw_only=True)
class Run:
    """How one run is to go."""

    crowd: Crowd
    max_rows: int
    is_replace: bool = False
    tries_refused: bool = False
    trouble: Trouble
    crash_at: int = 0
    """The step at which it dies; 0 for none."""
    is_store_error: bool = False
    """The step fails as a database does instead: the process lives on and ends in order."""
    stop_after: int = -1
    """Requests after which a signal says stop; -1 for none."""


@dataclass(slots=True, kw_only=True)
class Ended:
    """How it went."""

    outcome: Outcome | None = None
    error: AudsyncError | None = None
    has_crashed: bool = False
    requests: int = 0
    steps: int = 0


class _Cord:
    """Counts steps, and cuts the power at one of them."""

    def __init__(self, run: Run) -> None:
        self.count = 0
        self._at = run.crash_at
        self._is_store_error = run.is_store_error

    @property
    def is_cut(self) -> bool:
        """Whether that moment has come."""
        return 0 < self._at <= self.count

    def __call__(self, step: str) -> None:
        self.count += 1
        if self.count != self._at:
            return
        if self._is_store_error and step.startswith("store:"):
            raise StoreError("The database failed.")
        raise Crash


@dataclass(slots=True, kw_only=True)
class World:
    """A store, files and a platform, over the runs of one history."""

    room: LedgerRoom
    bench: Bench
    platform: SimPlatform
    random: Random
    is_linked: bool
    spec: Spec
    patience_s: float = 60.0
    """How long a run waits for what was accepted."""
    runs: int = 0
    chance: Random = field(init=False)
    """Of the lanes alone, so that a seed means the same life with one lane as with three."""
    witness: Witness = field(init=False)

    def __post_init__(self) -> None:
        self.chance = Random(hash(self.random.getstate()))
        self.room.empty()
        self.witness = Witness(
            self.room,
            takes_person_rows=self.spec.takes_person_rows,
            counts_up=not self.spec.changes_by_replace,
        )

    def go(self, run: Run) -> Ended:
        """One run from its claim to its release, and every check that holds after any run."""
        self.runs += 1
        self.room.clock.advance(60)
        ended = self._attempt(run)
        if ended.has_crashed:
            self.room.clock.advance(leases.TTL_S + 1)
        self.platform.end_run(self.runs, self.room.references())
        self._check(ended)
        if isinstance(ended.error, AudienceGoneError) or _is_gone(ended.outcome):
            self.recreate()
        return ended

    def has_seen(self, crowd: Crowd) -> bool:
        """Whether a plan for this segment was committed, so that its links are known."""
        name, _ = self.bench.keep_segment(crowd)
        return name in self.room.head()[0].values()

    def is_silent(self) -> bool:
        """Whether nothing is open, in doubt or to be said once more."""
        files, _, is_open = self.room.head()
        return not (is_open or _OWED & files.keys())

    def missing_or_left(self, crowd: Crowd) -> set[Value]:
        """Where the platform's values differ from the segment's."""
        refused = crowd.values() & self.platform.poison.keys() - self.platform.values
        return self.platform.values ^ (crowd.values() - refused)

    def wrong_people(self, crowd: Crowd) -> set[int]:
        """Whom the platform should or should not hold; nobody unless the world is linked."""
        if not self.is_linked:
            return set()
        wanted = {self.platform.person_of(value) for value in crowd.values()} - {None}
        certain = crowd.values() - self.platform.poison.keys()
        missing = {self.platform.person_of(value) for value in certain} - self.platform.people
        return {one for one in missing | (self.platform.people - wanted) if one is not None}

    def _attempt(self, run: Run) -> Ended:
        cord, ended = _Cord(run), Ended()
        connector = SimConnector(
            self.platform,
            run.trouble,
            self.spec,
            run=self.runs,
            witness=self.witness.look,
            heard=self.room.references,
        )
        with _listening(cord):
            try:
                self._synchronise(run, connector, ended)
            except Crash:
                ended.has_crashed = True
            except AudsyncError as error:
                ended.error = error
                ended.has_crashed = isinstance(error, StoreError)
        is_meant = cord.is_cut or not isinstance(ended.error, StoreError)
        assert is_meant, f"the store refused what it was told: {ended.error!r}"
        ended.requests, ended.steps = connector.requests, cord.count
        return ended

    def _synchronise(self, run: Run, connector: SimConnector, ended: Ended) -> None:
        owner = leases.Owner(token=f"run-{self.runs}", host=DEAD_HOST, pid=1, pid_started="")
        lease = leases.claim(self.room.database, self.room.audience_id, owner=owner)
        self.bench.sweep(set(self.room.head()[0].values()))
        operation = SyncOperation.REPLACE if run.is_replace else SyncOperation.UPDATE
        job_id = self.room.add_job(operation)
        self.witness.begin(job_id)
        ports = self._ports(run, connector, lease)
        try:
            ended.outcome = synchronise(
                ports,
                self._subject(job_id),
                self._segment(run),
                ALLOWED,
                Wish(
                    is_replace=run.is_replace and self.spec.replaces_by is not Replacing.SUCCESSOR,
                    tries_refused=run.tries_refused,
                ),
            )
        finally:
            if self.random.random() < 0.9:
                leases.release(self.room.database, lease)
            else:
                self.room.clock.advance(leases.TTL_S + 1)

    def _ports(self, run: Run, connector: SimConnector, lease: leases.Lease) -> Ports:
        def check_stop() -> None:
            if 0 <= run.stop_after <= connector.requests:
                raise CancelledError("A signal asked us to stop.")

        return Ports(
            database=self.room.database,
            lease=lease,
            engine=judge.Watched(self.bench.engine, run.max_rows),
            connector=connector,
            lanes=SimLanes(connector, self.chance, crash=Crash),
            clock=self.room.clock,
            random=self.random,
            progress=_Silence(),
            check_stop=check_stop,
            must_last_s=60.0,
            patience_s=self.patience_s,
            spec=self.spec,
            max_rows=run.max_rows,
        )

    def _subject(self, job_id: UUID) -> Subject:
        return Subject(audience_id=self.room.audience_id, job_id=job_id, remote=REMOTE, name="sim")

    def _segment(self, run: Run) -> Segment:
        def prepare(_cache: Cache | None) -> Desired:
            identifiers, rows = self.bench.keep_segment(run.crowd)
            return Desired(identifiers=identifiers, rows=rows, counts=run.crowd.counts())

        return Segment(prepare=prepare, rules="sim")

    def _check(self, ended: Ended) -> None:
        self.witness.end()
        if ended.outcome is not None:
            judge.books(
                ended.outcome.books,
                is_whole=ended.outcome.status is SyncStatus.COMPLETED,
                has_refused=bool(ended.outcome.left_out),
            )
        files, facts, is_open = self.room.head()
        for name in files.values():
            assert self.bench.has(name), f"I5: {name} is named and not there"
        if self.platform.is_gone:
            return
        state = StateFiles.of(files)
        if not is_open:
            sizes = {str(int(k)): n for k, n in self.bench.engine.sizes(state).items()}
            assert facts.get("sizes", {}) == sizes, "recorded sizes differ from the snapshot's"
        self._check_certainty(self._folded() if is_open else state)

    def _check_certainty(self, state: StateFiles) -> None:
        """I2: what is not in doubt is on the platform exactly when it is confirmed."""
        confirmed = self._values(state.identifiers) - self._values(state.refused)
        doubtful = self._values(state.uncertain) | self._values(state.echo)
        doubtful |= self.platform.in_flight()
        wrong = (confirmed ^ self.platform.values) - doubtful
        assert not wrong, f"I2: {len(wrong)} values are believed certain and are not as believed"

    def _folded(self) -> StateFiles:
        """What the next run will find."""
        desk = Desk(
            database=self.room.database,
            engine=self.bench.engine,
            progress=_Silence(),
            spec=self.spec,
            max_rows=1,
            clock=self.room.clock,
        )
        return standing_of(desk, self.room.audience_id).files

    def _values(self, name: str | None) -> set[Value]:
        return {link[1:] for link in self.bench.links(name) if link[1] < FIRST_FIELD}

    def recreate(self) -> None:
        """A person has the audience made anew: a new id, so nothing is confirmed."""
        self.platform.start_anew()
        owner = leases.Owner(token="recreate", host=DEAD_HOST, pid=1, pid_started="")
        lease = leases.claim(self.room.database, self.room.audience_id, owner=owner)
        with self.room.database.transaction() as session:
            ledger.close_plan(session, lease, files={}, facts={})
        leases.release(self.room.database, lease)


class _Silence:
    """Progress that nobody watches."""

    def phase(self, name: str, total: int | None) -> None:
        """Nothing."""

    def advance(self, amount: int) -> None:
        """Nothing."""


@contextmanager
def _listening(listener: Callable[[str], None]) -> Iterator[None]:
    steps.listen(listener)
    try:
        yield
    finally:
        steps.listen(None)


def _is_gone(outcome: Outcome | None) -> bool:
    return outcome is not None and isinstance(outcome.error, AudienceGoneError)
