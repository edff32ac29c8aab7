"""Seed to history, and the verdict on it."""

from dataclasses import dataclass
from random import Random

from audsync.connectors.contract import Spec
from audsync.domain import SyncStatus
from tests.sim.ledger_room import LedgerRoom, room
from tests.sim.people import Crowd, first_crowd, next_crowd, recognition
from tests.sim.platform import SESSION_S, SimPlatform, Trouble
from tests.sim.set_bench import SetBench
from tests.sim.ways import SESSION, way_of
from tests.sim.world import Bench, Ended, Run, World

MAX_RUNS = 3
ECHO_RUNS = 2
"""One that says the echo, one that has nothing to say."""
ASKED_AGAIN = 0.25
"""Share of histories with nothing left to say in which that is seen by one more run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What kinds of trouble a history may hold."""

    replaces: float = 0.15
    faults: float = 0.25
    may_be_late: bool = True
    may_be_gone: bool = True
    runs: int = MAX_RUNS
    """At most so many before the clean ones."""
    is_linked: bool | None = None
    """None: half of the histories."""
    way: Spec | None = None
    """None: each in turn."""
    poisons: float = 0.1
    """Share of histories in which the platform refuses some values, and what stands with them."""


ANYTHING = Recipe()


def play(seed: int, bench: Bench | None = None, recipe: Recipe = ANYTHING) -> World:
    """Live through one history and judge it.

    Raises:
        AssertionError: an invariant is broken.
    """
    random = Random(seed)
    world, crowd = make_world(
        random, room(), bench or SetBench(), recipe, recipe.way or way_of(seed)
    )
    for _ in range(random.randrange(1, recipe.runs + 1)):
        crowd = _next(random, crowd, world)
        world.go(_troubled(random, crowd, recipe))
    crowd = _next(random, crowd, world)
    while world.spec.changes_by_replace and not crowd.values():
        crowd = _next(random, crowd, world)  # it cannot be emptied
    if world.platform.poison:
        end_poisoned(world, crowd)
    end_clean(world, crowd)
    return world


def _next(random: Random, crowd: Crowd, world: World) -> Crowd:
    """What the segment becomes."""
    has_seen = world.has_seen(crowd)
    return next_crowd(random, crowd, is_linked=world.is_linked, has_seen=has_seen)


def make_world(
    random: Random, ledger_room: LedgerRoom, bench: Bench, recipe: Recipe, way: Spec = SESSION
) -> tuple[World, Crowd]:
    """A world before its first run, and its segment."""
    is_linked = random.random() < 0.5 if recipe.is_linked is None else recipe.is_linked
    platform = SimPlatform(
        person_of=recognition(random, is_linked=is_linked),
        now=ledger_room.clock.now,
        random=random,
    )
    world = World(
        room=ledger_room,
        bench=bench,
        platform=platform,
        random=random,
        is_linked=is_linked,
        spec=way,
    )
    crowd = first_crowd(random, is_linked=is_linked, size=random.randrange(1, 8))
    # Its own source of chance, so that a seed means the same life as before.
    chance = Random(random.getrandbits(32) if recipe.poisons else 0)
    if chance.random() < recipe.poisons and not way.changes_by_replace:
        _poison(chance, platform, crowd, is_linked=is_linked)
    return world, crowd


def _poison(chance: Random, platform: SimPlatform, crowd: Crowd, *, is_linked: bool) -> None:
    """Let the platform refuse one to three values, of now or of later, for ever or a while."""
    found = set(crowd.values())
    for _ in range(3):
        crowd = next_crowd(chance, crowd, is_linked=is_linked)
        found |= crowd.values()
    for value in chance.sample(sorted(found), min(len(found), chance.randrange(1, 4))):
        first = chance.choice((1, 1, 2, 3))
        platform.poison[value] = range(first, first + chance.choice((1, 2, 99)))
    platform.names_poison = chance.random() < 0.5


def end_poisoned(world: World, crowd: Crowd) -> None:
    """Runs without other faults: everyone is exactly there but for what is refused.

    Then the platform takes everything, and is asked to.
    """
    if world.platform.is_gone:
        world.recreate()
    world.room.clock.advance(SESSION_S)  # one whose filler is refused ends by itself
    for _ in range(3):
        ended = world.go(plain_run(world.random, crowd))
        assert ended.error is None, f"a clean run failed: {ended.error!r}"
        world.platform.work_off_all()
    if not world.platform.queue:
        check_exact(world, crowd, "but for what is refused")
    world.platform.poison.clear()
    again = plain_run(world.random, crowd)
    again.tries_refused = True
    ended = world.go(again)
    world.platform.work_off_all()
    assert ended.outcome is not None
    assert ended.outcome.status is SyncStatus.COMPLETED, f"not clean: {ended.outcome.error!r}"


def end_clean(world: World, crowd: Crowd) -> None:
    """Clean runs until nothing is in flight; then exact, and nothing more to say."""
    if world.platform.is_gone:
        world.recreate()
    if world.spec.changes_by_replace:
        world.platform.work_off_all()  # until then nothing is let in
    was_in_flight = bool(world.platform.queue)
    clean_run(world, crowd)
    world.platform.work_off_all()
    if not was_in_flight:
        check_exact(world, crowd, "after one clean run")
    is_seen_exact = not was_in_flight
    for _ in range(ECHO_RUNS):
        if is_seen_exact and world.is_silent() and world.random.random() >= ASKED_AGAIN:
            return
        ended = clean_run(world, crowd)
        world.platform.work_off_all()
        check_exact(world, crowd, "after the echo")
        is_seen_exact = True
        if not ended.requests:
            return
    raise AssertionError("I12: clean runs go on sending")


def clean_run(world: World, crowd: Crowd) -> Ended:
    """A run in which nothing goes wrong; it must say that all is done."""
    ended = world.go(plain_run(world.random, crowd))
    assert ended.error is None, f"a clean run failed: {ended.error!r}"
    assert ended.outcome is not None
    assert ended.outcome.status is SyncStatus.COMPLETED, f"not clean: {ended.outcome.error!r}"
    return ended


def plain_run(random: Random, crowd: Crowd, *, max_rows: int = 0, crash_at: int = 0) -> Run:
    """A run without faults, but for the crash that is asked for."""
    return Run(
        crowd=crowd,
        max_rows=max_rows or random.randrange(1, 6),
        trouble=Trouble(random=random),
        crash_at=crash_at,
    )


def check_exact(world: World, crowd: Crowd, when: str) -> None:
    """I1: the platform holds the segment, as values and, where they are linked, as people."""
    wrong = world.missing_or_left(crowd)
    assert not wrong, f"I1 {when}: {len(wrong)} values are missing or left over"
    people = world.wrong_people(crowd)
    assert not people, f"I1 {when}: {len(people)} people are missing or left over"


def _troubled(random: Random, crowd: Crowd, recipe: Recipe) -> Run:
    return Run(
        crowd=crowd,
        max_rows=random.randrange(1, 6),
        is_replace=random.random() < recipe.replaces,
        tries_refused=random.random() < 0.05,
        trouble=Trouble(
            random=random,
            rate=random.choice((0.0, recipe.faults, 2 * recipe.faults)),
            may_be_late=recipe.may_be_late,
            may_be_gone=recipe.may_be_gone,
        ),
        crash_at=random.randrange(1, 60) if random.random() < 0.5 else 0,
        is_store_error=random.random() < 0.2,
        stop_after=random.randrange(6) if random.random() < 0.1 else -1,
    )
