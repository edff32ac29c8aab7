"""Requests that fly beside each other: who flies, what comes back, and what is left behind."""

import threading
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from audsync.connectors.contract import Connector
from audsync.domain import Receipt
from audsync.errors import ConfigError, RejectedError
from audsync.sync.lanes import Call, OneLane, ThreadLanes

TAKEN = Receipt(received_rows=1, rejected_rows=0, reference="r")


@dataclass(eq=False)
class _Door:
    """A connector of which only its opening and its end are looked at."""

    name: str
    is_closed: bool = False

    def close(self) -> None:
        """The end."""
        self.is_closed = True


@dataclass
class _Field:
    """Lanes, the connectors that were opened for them, and which of them made a request."""

    width: int = 2
    opened: list[_Door] = field(default_factory=list)
    used: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.first = _Door("first")
        self.lanes = ThreadLanes(cast("Connector", self.first), self._another, width=self.width)

    def _another(self) -> Connector:
        door = _Door(f"further {len(self.opened) + 1}")
        self.opened.append(door)
        return cast("Connector", door)

    def call(self, *, after: threading.Event | None = None, error: Exception | None = None) -> Call:
        def fly(connector: Any) -> Receipt:  # noqa: ANN401 - a door
            if after is not None:
                assert after.wait(30)
            self.used.append(connector.name)
            if error is not None:
                raise error
            return TAKEN

        return fly


def test_the_first_that_is_over_arrives_first() -> None:
    fleet, gate = _Field(), threading.Event()
    fleet.lanes.depart(1, fleet.call(after=gate))
    fleet.lanes.depart(2, fleet.call())
    assert fleet.lanes.arrive().number == 2
    gate.set()
    assert fleet.lanes.arrive().number == 1
    fleet.lanes.close()


def test_one_after_the_other_need_no_further_connector() -> None:
    fleet = _Field()
    for number in range(1, 5):
        fleet.lanes.depart(number, fleet.call())
        assert fleet.lanes.arrive().answer is TAKEN
    fleet.lanes.close()
    assert fleet.used == ["first"] * 4
    assert not fleet.opened
    assert not fleet.first.is_closed, "whoever opened it closes it"


def test_no_two_under_way_share_a_connector_and_further_ones_are_closed() -> None:
    fleet, gate = _Field(width=3), threading.Event()
    for number in (1, 2, 3):
        fleet.lanes.depart(number, fleet.call(after=gate))
    gate.set()
    fleet.lanes.clear()
    fleet.lanes.close()
    assert sorted(fleet.used) == ["first", "further 1", "further 2"]
    assert all(door.is_closed for door in fleet.opened)


def test_a_refusal_arrives_and_what_is_no_answer_is_raised() -> None:
    fleet = _Field()
    refusal = RejectedError("No.")
    fleet.lanes.depart(1, fleet.call(error=refusal))
    assert fleet.lanes.arrive().answer is refusal
    fleet.lanes.depart(2, fleet.call(error=ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        fleet.lanes.arrive()
    fleet.lanes.depart(3, fleet.call())
    assert fleet.lanes.arrive().answer is TAKEN, "the lane goes on"
    fleet.lanes.close()


def test_a_lane_that_gets_no_connector_has_sent_nothing() -> None:
    gate, used = threading.Event(), []

    def none() -> Connector:
        raise ConfigError("Its credentials are gone.")

    def call(connector: Connector) -> Receipt:
        assert gate.wait(30)
        used.append(connector)
        return TAKEN

    lanes = ThreadLanes(cast("Connector", _Door("first")), none, width=2)
    lanes.depart(1, call)
    lanes.depart(2, call)
    refused = lanes.arrive()
    assert isinstance(refused.answer, ConfigError)
    gate.set()
    assert lanes.arrive().answer is TAKEN
    assert len(used) == 1
    lanes.close()


def test_clear_waits_for_what_is_under_way() -> None:
    fleet, gate = _Field(), threading.Event()
    fleet.lanes.depart(1, fleet.call(after=gate))
    fleet.lanes.depart(2, fleet.call(after=gate, error=ZeroDivisionError()))
    threading.Timer(0.05, gate.set).start()
    fleet.lanes.clear()
    assert len(fleet.used) == 2
    fleet.lanes.close()


def test_one_lane_is_over_when_it_has_departed() -> None:
    lane = OneLane(cast("Connector", _Door("only")))
    lane.depart(7, lambda _: TAKEN)
    lane.clear()
    assert (lane.arrive().number, lane.width) == (7, 1)


def test_lanes_of_several_audiences_share_the_room_of_their_account() -> None:
    room, counted = threading.BoundedSemaphore(2), threading.Lock()
    under_way, most = 0, 0
    full = threading.Event()

    def fly(_connector: Connector) -> Receipt:
        nonlocal under_way, most
        with counted:
            under_way += 1
            most = max(most, under_way)
            if under_way == 2:
                full.set()
        assert full.wait(30)
        with counted:
            under_way -= 1
        return TAKEN

    every = [
        ThreadLanes(
            cast("Connector", _Door("first")),
            lambda: cast("Connector", _Door("further")),
            width=2,
            room=room,
        )
        for _ in range(3)
    ]
    for lanes in every:
        for number in (1, 2):
            lanes.depart(number, fly)
    arrived = [lanes.arrive().answer for lanes in every for _ in range(2)]
    for lanes in every:
        lanes.close()
    assert (most, arrived) == (2, [TAKEN] * 6)
