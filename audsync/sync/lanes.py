"""Requests that are on their way beside each other, each with a connector of its own.

Only the waiting is shared out: what is sent, and what is written down of it, is decided in one
thread. How many requests may be under way is the platform's to say, see `Spec.requests_at_once`.
"""

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

from audsync.connectors.contract import Connector
from audsync.domain import Receipt
from audsync.errors import AudsyncError

Call = Callable[[Connector], Receipt]
"""One request, made with the connector that is given; raises what `Connector.send` does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A request that is over."""

    number: int
    """Of its batch."""
    answer: Receipt | AudsyncError


class Lanes(Protocol):
    """Where requests fly; used by one thread."""

    @property
    def width(self) -> int:
        """How many requests may be under way at a time; at least 1."""
        ...

    def depart(self, number: int, call: Call) -> None:
        """Let the request of a batch leave; at most `width` are under way."""
        ...

    def has_arrival(self, within_s: float = 0.0) -> bool:
        """Whether one of those under way is over, or is within so many seconds."""
        ...

    def arrive(self) -> Arrival:
        """Wait until one of those under way is over, whichever is first.

        Raises what a call raised, unless it is an `AudsyncError`.
        """
        ...

    def clear(self) -> None:
        """Wait until nothing is under way any more; what it came to stays unknown."""
        ...


class OneLane:
    """One request at a time, over when it has departed."""

    width = 1

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._arrivals: list[Arrival] = []

    def depart(self, number: int, call: Call) -> None:
        """Make the request."""
        self._arrivals.append(Arrival(number=number, answer=answer_of(call, self._connector)))

    def has_arrival(self, within_s: float = 0.0) -> bool:  # noqa: ARG002 - see `Lanes`
        """Whether one has departed."""
        return bool(self._arrivals)

    def arrive(self) -> Arrival:
        """The one that departed."""
        return self._arrivals.pop()

    def clear(self) -> None:
        """Nothing is under way."""


class ThreadLanes:
    """A thread for each request under way. To be closed, which closes the connectors it opened.

    Args:
        first: the connector of the first lane; nothing else uses it while a request is under way.
        another: opens one for a further lane.
        width: how many requests may be under way at a time.
        room: held while one is under way: shared with the lanes of other audiences.
    """

    def __init__(
        self,
        first: Connector,
        another: Callable[[], Connector],
        *,
        width: int,
        room: AbstractContextManager[object] | None = None,
    ) -> None:
        self.width = width
        self._room = room or nullcontext()
        self._another = another
        self._lock = Lock()
        self._free = [first]
        self._opened: list[Connector] = []
        self._numbers: dict[Future[Arrival], int] = {}
        self._pool = ThreadPoolExecutor(width, thread_name_prefix="audsync-lane")

    def depart(self, number: int, call: Call) -> None:
        """Let it leave, by a connector that is free."""
        assert len(self._numbers) < self.width, "every lane is taken"
        # Log lines of the thread say the same audience and job as ours.
        context = copy_context()
        self._numbers[self._pool.submit(context.run, self._fly, number, call)] = number

    def has_arrival(self, within_s: float = 0.0) -> bool:
        """Whether the thread of one has ended, or does within so many seconds."""
        over, _ = wait(self._numbers, timeout=within_s, return_when=FIRST_COMPLETED)
        return bool(over)

    def arrive(self) -> Arrival:
        """The next one that is over; of several the one that was planned first."""
        over, _ = wait(self._numbers, return_when=FIRST_COMPLETED)
        first = min(over, key=self._numbers.__getitem__)
        del self._numbers[first]
        return first.result()

    def clear(self) -> None:
        """Wait for all of them."""
        wait(self._numbers)
        self._numbers.clear()

    def close(self) -> None:
        """Wait for what is under way, and let go of the connectors of the further lanes."""
        self._pool.shutdown()
        for connector in self._opened:
            connector.close()

    def _fly(self, number: int, call: Call) -> Arrival:
        try:
            connector = self._taken()
        except AudsyncError as error:
            return Arrival(number=number, answer=error)
        try:
            with self._room:
                return Arrival(number=number, answer=answer_of(call, connector))
        finally:
            with self._lock:
                self._free.append(connector)

    def _taken(self) -> Connector:
        """A connector that nobody uses; one more where there is none."""
        with self._lock:
            if self._free:
                return self._free.pop()
        opened = self._another()
        with self._lock:
            self._opened.append(opened)
        return opened


def answer_of(call: Call, connector: Connector) -> Receipt | AudsyncError:
    """What a request comes to; whatever is no answer of audsync's own words is raised."""
    try:
        return call(connector)
    except AudsyncError as error:
        return error
