"""Requests under way beside each other, in an order of which a seed decides."""

from contextlib import suppress
from dataclasses import dataclass
from random import Random

from audsync.connectors.contract import Connector
from audsync.errors import AudsyncError
from audsync.sync.lanes import Arrival, Call, answer_of


@dataclass(slots=True, kw_only=True)
class _Flight:
    number: int
    call: Call
    arrival: Arrival | None = None


class SimLanes:
    """Each request reaches the platform when it departs, or later; its answer comes when it likes.

    A crash finds some of those under way carried out and others not.

    Args:
        connector: what all of them are made with.
        chance: decides.
        crash: what the end of the process is raised as.
    """

    def __init__(self, connector: Connector, chance: Random, *, crash: type[BaseException]) -> None:
        self.width = chance.choice((1, 1, 2, 3))
        self.most_under_way = 0
        self._connector = connector
        self._chance = chance
        self._crash = crash
        self._under_way: list[_Flight] = []

    def depart(self, number: int, call: Call) -> None:
        """Let it leave."""
        assert len(self._under_way) < self.width, "more requests at once than there are lanes"
        flight = _Flight(number=number, call=call)
        self._under_way.append(flight)
        self.most_under_way = max(self.most_under_way, len(self._under_way))
        if self._chance.random() < 0.5:
            self._fly(flight)

    def has_arrival(self, within_s: float = 0.0) -> bool:
        """Whether one that departed has reached the platform."""
        del within_s  # there is no time
        return any(flight.arrival for flight in self._under_way)

    def arrive(self) -> Arrival:
        """Any of them."""
        flight = self._chance.choice(self._under_way)
        self._fly(flight)
        self._under_way.remove(flight)
        assert flight.arrival is not None
        return flight.arrival

    def clear(self) -> None:
        """Those that did not reach the platform yet do, unless the power is gone."""
        for flight in self._under_way:
            with suppress(AudsyncError, self._crash):
                self._fly(flight)
        self._under_way.clear()

    def _fly(self, flight: _Flight) -> None:
        if flight.arrival is None:
            answer = answer_of(flight.call, self._connector)
            flight.arrival = Arrival(number=flight.number, answer=answer)
