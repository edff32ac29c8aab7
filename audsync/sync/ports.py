"""What a sync needs from outside, so that a test can put anything in its place."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Protocol
from uuid import UUID

from audsync.clock import Clock
from audsync.connectors.contract import Connector, Spec
from audsync.domain import RemoteId
from audsync.store.database import Database
from audsync.store.leases import Lease
from audsync.sync.contract import Cache, Desired, Engine
from audsync.sync.lanes import Lanes


class Progress(Protocol):
    """Told how far a sync has come; shows it, or not."""

    def phase(self, name: str, total: int | None) -> None:
        """A new stretch of work begins; `total` in its own units, None while unknown."""
        ...

    def advance(self, amount: int) -> None:
        """So much more of the stretch is done."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """How to read the segment of an audience, and what its preparation depends on."""

    prepare: Callable[[Cache | None], Desired]
    """Reads the source once, into this run's own files. Given an earlier preparation by the same
    rules, it need not normalise rows it knows, nor read a source that is the same to the byte."""
    rules: str
    """Changes when the same rows would be prepared in another way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What it takes to plan for one audience: nothing of it writes to store or platform."""

    database: Database
    engine: Engine
    progress: Progress
    spec: Spec
    """The platform's ways, for a connection with these options."""
    max_rows: int
    """Rows a request, the platform's limit or less."""
    clock: Clock


def _unmarked() -> int:
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports(Desk):
    """The outside of one sync of one audience."""

    lease: Lease
    connector: Connector
    """For everything but the requests of a plan; not used while one is under way."""
    lanes: Lanes
    """For the requests of a plan."""
    random: Random
    check_stop: Callable[[], None]
    """Raises when a signal, the time budget or a lost lease says stop; asked before requests."""
    must_last_s: float
    """How long the lease must hold when a request leaves."""
    patience_s: float
    """How long a run may wait for the platform to work off what it accepted."""
    reached: Callable[[], int] = _unmarked
    """Marks beside the state files how far the store has come, and tells that generation. Called
    after the head has changed, before anything is sent; raises StateError where it cannot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The audience a sync works on."""

    audience_id: UUID
    job_id: UUID
    remote: RemoteId
    name: str
