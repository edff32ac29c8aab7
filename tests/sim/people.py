"""Who is in the segment, from run to run: people come, leave, change and share what they are.

In a *linked* world every value belongs to one profile for ever, so a platform that recognises
people by their values can be held to be exact about people too. In the other one households share
phones and strangers share addresses.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from audsync.domain import Kind
from audsync.sync.contract import SegmentCounts
from tests.sim.set_rows import Cell, SourceRow, Value

State = frozenset[tuple[int, bytes, int]]
"""What one profile carries: kind, value, why it is rejected or 0."""
OK, NO_CONSENT, SUPPRESSED = 0, 2, 3
_PLACES = 24
_ALIAS = 1_000
"""A profile that gets another id gets this one more: who it is does not change."""
_RENAMED = 0.1


@dataclass(frozen=True, slots=True)
class Crowd:
    """The segment at one moment, and those of its source who may not be sent."""

    wanted: dict[int, State]
    withheld: dict[int, int]
    other_ids: frozenset[int] = frozenset()
    """Places whose profile goes by its other id."""
    fresh: frozenset[int] = frozenset()
    """Profiles with a new id that no plan may have seen."""

    def cells(self) -> tuple[Cell, ...]:
        """The content of the prepared file."""
        return tuple(
            sorted((profile, *cell) for profile, state in self.wanted.items() for cell in state)
        )

    def rows(self) -> tuple[SourceRow, ...]:
        """The content of the file of source rows."""
        found = {**dict.fromkeys(self.wanted, OK), **self.withheld}
        return tuple(
            (profile * 7, profile, state, False) for profile, state in sorted(found.items())
        )

    def values(self) -> set[Value]:
        """What the platform must hold."""
        return {
            (kind, value)
            for state in self.wanted.values()
            for kind, value, reason in state
            if not reason and Kind(kind).is_identifier
        }

    def counts(self) -> SegmentCounts:
        """What reading it came to."""
        rejected = sum(bool(cell[2]) for state in self.wanted.values() for cell in state)
        profiles = sum(any(not cell[2] for cell in state) for state in self.wanted.values())
        states = list(self.withheld.values())
        return SegmentCounts(
            rows=len(self.wanted) + len(states),
            no_consent=states.count(NO_CONSENT),
            suppressed=states.count(SUPPRESSED),
            no_identifier=len(self.wanted) - profiles,
            profiles=profiles,
            rejected={"email": {"shape": rejected}} if rejected else {},
        )


def first_crowd(random: Random, *, is_linked: bool, size: int) -> Crowd:
    """The segment before the first run."""
    return Crowd(
        wanted={
            profile: _newcomer(random, profile, is_linked=is_linked)
            for profile in range(1, size + 1)
        },
        withheld={},
    )


def next_crowd(random: Random, crowd: Crowd, *, is_linked: bool, has_seen: bool = True) -> Crowd:
    """The segment a while later; sometimes nothing has changed.

    Where no plan has seen the last one, nobody gets another profile id, and whoever has just got
    one stays as they are: nothing could tell who they were.
    """
    if random.random() < 0.1:
        return crowd
    wanted = dict(crowd.wanted)
    withheld: dict[int, int] = {}
    fresh = frozenset() if has_seen else crowd.fresh
    for profile in sorted(crowd.wanted.keys() - fresh):
        _meets(random, profile, wanted, withheld, is_linked=is_linked)
    other_ids = set(crowd.other_ids)
    if has_seen:
        same = [profile for profile in crowd.wanted if wanted.get(profile) == crowd.wanted[profile]]
        fresh = frozenset(_renamed(random, same, wanted, other_ids))
    for _ in range(random.randrange(3)):
        place = random.randrange(1, _PLACES)
        profile = place + _ALIAS * (place in other_ids)
        if profile not in wanted:
            wanted[profile] = _newcomer(random, profile, is_linked=is_linked)
            withheld.pop(profile, None)
    return Crowd(wanted, withheld, frozenset(other_ids), fresh)


def _renamed(
    random: Random, same: list[int], wanted: dict[int, State], other_ids: set[int]
) -> Iterator[int]:
    """Give some of those who stay as they are another id; yields the new ones."""
    for profile in same:
        if random.random() < _RENAMED:
            new = (profile + _ALIAS) % (2 * _ALIAS)
            wanted[new] = wanted.pop(profile)
            other_ids ^= {new % _ALIAS}
            yield new


def _meets(
    random: Random,
    profile: int,
    wanted: dict[int, State],
    withheld: dict[int, int],
    *,
    is_linked: bool,
) -> None:
    """What becomes of one profile: it leaves, changes, or stays as it is."""
    chance = random.random()
    if chance < 0.25:
        del wanted[profile]
        if chance < 0.1:
            withheld[profile] = random.choice((NO_CONSENT, SUPPRESSED))
    elif chance < 0.5:
        wanted[profile] = _changed(random, profile, wanted[profile], is_linked=is_linked)


def recognition(random: Random, *, is_linked: bool) -> Callable[[Value], int | None]:
    """Whom the platform finds by a value; some it does not know at all."""
    strangers = {place for place in range(_PLACES) if random.random() < 0.2}

    def person_of(value: Value) -> int | None:
        owner = int(value[1].split(b".")[0]) if is_linked else hash_of(value) % _PLACES
        return None if owner in strangers else owner

    return person_of


def hash_of(value: Value) -> int:
    """A number that is the same in every process."""
    return sum(value[1]) + value[0]


def _newcomer(random: Random, profile: int, *, is_linked: bool) -> State:
    cells = {(int(Kind.EMAIL), _text(profile, "e"), int(random.random() < 0.1))}
    if random.random() < 0.6:
        cells.add(_phone(profile, is_linked=is_linked))
    if random.random() < 0.25:
        cells.add((int(Kind.EMAIL), _text(profile, "f"), 0))
    if random.random() < 0.15 and not is_linked:
        cells.add((int(Kind.EMAIL), b"0.everybody", 0))
    return _with_name(random, cells)


def _changed(random: Random, profile: int, state: State, *, is_linked: bool) -> State:
    cells = {cell for cell in state if cell[0] != Kind.FIRST_NAME}
    chance = random.random()
    if chance < 0.4:
        cells = {cell for cell in cells if cell[0] != Kind.EMAIL}
        cells.add((int(Kind.EMAIL), _text(profile, f"e{random.randrange(3)}"), 0))
    elif chance < 0.55:
        cells ^= {_phone(profile, is_linked=is_linked)}
    elif chance < 0.75 and len(cells) > 1:
        cells.remove(random.choice(sorted(cells)))
    elif chance < 0.9:
        cells.add((int(Kind.EMAIL), _text(profile, f"e{random.randrange(3)}"), 0))
    return _with_name(random, cells)


def _with_name(random: Random, cells: set[tuple[int, bytes, int]]) -> State:
    """Match fields travel only with an identifier that is accepted."""
    if random.random() < 0.3 and any(not reason for _, _, reason in cells):
        cells = cells | {(int(Kind.FIRST_NAME), random.choice((b"ada", b"bo")), 0)}
    return frozenset(cells)


def _phone(profile: int, *, is_linked: bool) -> tuple[int, bytes, int]:
    person = profile % _ALIAS
    return int(Kind.PHONE), _text(person if is_linked else person // 2, "t"), 0


def _text(profile: int, name: str) -> bytes:
    return f"{profile % _ALIAS}.{name}".encode()
