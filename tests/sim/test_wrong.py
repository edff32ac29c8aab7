"""The test of the test: algorithms known to be wrong must be seen through."""

from dataclasses import dataclass, field, replace
from random import Random

import pytest

from audsync.domain import BatchState, SettlementState
from audsync.sync import recover
from audsync.sync.delivery import isolate, send, settle
from tests.sim import wrong
from tests.sim.history import (
    ANYTHING,
    Recipe,
    clean_run,
    end_clean,
    make_world,
    plain_run,
    play,
)
from tests.sim.ledger_room import room
from tests.sim.people import Crowd, State
from tests.sim.platform import Fault, Trouble
from tests.sim.set_bench import SetBench
from tests.sim.set_engine import SetEngine
from tests.sim.ways import SETTLING
from tests.sim.world import Run, World

WITHIN = 300
STEPS = 40
_LINKED = Recipe(is_linked=True, replaces=0.0, may_be_gone=False)
_EMAIL, _PHONE, _OTHER = (1, b"1.e", 0), (2, b"1.t", 0), (1, b"2.e", 0)
_BY_CHANCE = (*wrong.BY_OTHERS, wrong.UncertainWithoutLinks, wrong.NoEcho, wrong.EchoOnce)


class _Soonest(Random):
    """Chooses the first of everything: a late request waits for the next run's end."""

    def randrange(self, *_: int) -> int:  # type: ignore[override]  # only ever asked for one below
        return 0


@dataclass(slots=True, kw_only=True)
class _Script(Trouble):
    """What befalls each request, in order; then nothing."""

    faults: list[Fault] = field(default_factory=list)

    def next(self) -> Fault:
        return self.faults.pop(0) if self.faults else Fault.NONE


@pytest.mark.parametrize("engine", _BY_CHANCE, ids=lambda engine: str(engine.__name__))
def test_a_wrong_algorithm_is_caught_by_chance(engine: type[SetEngine]) -> None:
    recipe = _LINKED if engine is wrong.UncertainWithoutLinks else ANYTHING
    for seed in range(WITHIN):
        try:
            play(seed, SetBench(engine), recipe)
        except AssertionError:
            return
    pytest.fail(f"{engine.__name__} went unnoticed for {WITHIN} histories")


@pytest.mark.parametrize("engine", wrong.FIRST_DRAFTS, ids=lambda engine: str(engine.__name__))
def test_a_first_draft_is_caught_by_a_crash_at_some_step(engine: type[SetEngine]) -> None:
    assert any(_loses_a_person(engine, crash_at=step) for step in range(1, STEPS))
    assert not any(_loses_a_person(SetEngine, crash_at=step) for step in range(1, STEPS))


def test_an_echo_lost_in_a_replace_is_caught() -> None:
    assert _leaves_somebody(wrong.EchoLostInReplace)
    assert not _leaves_somebody(SetEngine)


@pytest.mark.parametrize("neglect", ["wait", "believe"])
def test_a_sender_that_trusts_what_was_only_accepted_is_caught(
    neglect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if neglect == "wait":
        monkeypatch.setattr(send, "_make_way", lambda *_: None)
    else:
        believed = dict.fromkeys(SettlementState, BatchState.APPLIED)
        monkeypatch.setattr(settle, "_STATES", believed)
    for seed in range(WITHIN):
        try:
            play(seed, SetBench(), replace(ANYTHING, way=SETTLING))
        except AssertionError:
            return
    pytest.fail(f"nobody noticed for {WITHIN} histories")


@pytest.mark.parametrize("neglect", ["named", "nested", "whole", "mask"])
def test_a_sender_that_is_careless_with_what_is_refused_is_caught(
    neglect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if neglect == "named":  # what the platform took without some rows counts as taken whole
        monkeypatch.setattr(isolate.Isolation, "apart", lambda *_: ())
    elif neglect == "nested":
        monkeypatch.setattr(recover, "disjoint", tuple)
    elif neglect == "whole":  # a refused request stays refused, whatever is wrong in it
        monkeypatch.setattr(isolate, "may_be_rows", lambda _: False)
    make = wrong.RefusedIsThere if neglect == "mask" else SetEngine
    for seed in range(WITHIN):
        try:
            play(seed, SetBench(make), replace(ANYTHING, poisons=1.0, faults=0.1))
        except AssertionError:
            return
    pytest.fail(f"nobody noticed for {WITHIN} histories")


@pytest.mark.parametrize("faults", [[Fault.LOST], [Fault.UNANSWERED], [Fault.LATE]])
def test_who_gets_another_profile_id_stays_when_her_old_address_is_removed_again(
    faults: list[Fault],
) -> None:
    world = _world(SetEngine)
    clean_run(world, _crowd(p1=frozenset({_EMAIL})))
    broken = _Script(random=Random(1), faults=faults + [Fault.UNAVAILABLE] * 9)
    world.go(Run(crowd=_crowd(p1=frozenset({_PHONE})), max_rows=5, trouble=broken))
    renamed = _crowd(p1001=frozenset({_PHONE}))
    clean_run(world, renamed)
    end_clean(world, _crowd(p1001=frozenset({_PHONE}), p2=frozenset({_OTHER})))


def _world(engine: type[SetEngine]) -> World:
    world, _ = make_world(Random(1), room(), SetBench(engine), _LINKED)
    world.platform.person_of = lambda value: int(value[1].split(b".")[0])
    return world


def _crowd(**states: State) -> Crowd:
    return Crowd(wanted={int(name[1:]): state for name, state in states.items()}, withheld={})


def _loses_a_person(engine: type[SetEngine], *, crash_at: int) -> bool:
    """She gives up her e-mail address and keeps her phone; the run that says so dies."""
    world = _world(engine)
    after = _crowd(p1=frozenset({_PHONE}))
    clean_run(world, _crowd(p1=frozenset({_EMAIL, _PHONE})))
    world.go(plain_run(world.random, after, max_rows=2, crash_at=crash_at))
    return not _ends_exact(world, after)


def _leaves_somebody(engine: type[SetEngine]) -> bool:
    """An add lands after the removal that followed it, and before a replace that breaks."""
    world = _world(engine)
    without = _crowd(p2=frozenset({_OTHER}))
    late = _Script(random=_Soonest(), faults=[Fault.LATE])
    late.faults += [Fault.UNAVAILABLE] * 9
    with_her = _crowd(p1=frozenset({_EMAIL}))
    world.go(Run(crowd=with_her, max_rows=5, trouble=late))
    clean_run(world, without)
    broken = _Script(random=Random(1), faults=[Fault.LOST])
    try:
        world.go(Run(crowd=without, max_rows=5, trouble=broken, is_replace=True))
    except AssertionError:
        return True
    return not _ends_exact(world, without)


def _ends_exact(world: World, crowd: Crowd) -> bool:
    try:
        end_clean(world, crowd)
    except AssertionError:
        return False
    return True
