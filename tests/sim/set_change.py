"""An audience's state and what a plan makes of it, as sets; the rows of its files."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.sim.set_rows import (
    Gone,
    Link,
    Sent,
    SourceRow,
    Value,
    identifiers,
    profiles,
    values,
)

_SAID_NO = {2, 3}
"""States of source rows: without consent, and suppressed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An audience's state as sets of links; `c` and `d` with match fields, the rest without."""

    c: frozenset[Link]
    d: frozenset[Link]
    u: frozenset[Link]
    r: frozenset[Link]
    e: frozenset[Link]
    f: frozenset[Link]
    """Who carried what once, of values that somebody else carries."""
    masked: frozenset[Link]
    """Who is wanted with a value that the platform refuses."""
    twice: frozenset[Link]
    """Those of `e` that are to be said in two more runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a plan does, before it is cut into requests."""

    removed: frozenset[Value]
    echoed: frozenset[Value]
    appearing: frozenset[Value]
    sent: frozenset[int]
    refreshed: frozenset[int]
    departed: frozenset[int]


def former_links(known: Known) -> set[Link]:
    """Links that are gone, of values others carry, as long as two of a profile's are wanted."""
    wanted, present = values(known.d), profiles(known.d)
    gone = {li for li in identifiers(known.c) | known.f if li[1:] in wanted} - known.d
    many = Counter(link[0] for link in gone)
    return {link for link in gone if link[0] in present or many[link[0]] > 1}


def found_links(known: Known) -> set[Link]:
    """Who belongs together as only a plan that ended early knows."""
    carried = known.c | known.u | known.e
    there, somebody = values(carried), profiles(carried)
    return {
        link
        for link in identifiers(known.d) - known.c - known.u
        if link[1:] in there or link[0] in somebody
    }


def removal_rows(known: Known, change: Change, rows: Sequence[SourceRow]) -> list[Gone]:
    """Removals in the order in which they are sent: first of people who said no."""
    said_no = {profile for _, profile, state, _ in rows if state in _SAID_NO}
    urgent = {link[1:] for link in known.c | known.u if link[0] in said_no}

    def place(value: Value) -> tuple[bool, Value]:
        return value not in urgent, value

    lasts: dict[Value, int] = {}
    for profile in change.departed:
        own = [link[1:] for link in known.c if link[0] == profile and link[1:] in change.removed]
        if own:
            last = max(own, key=place)
            lasts[last] = lasts.get(last, 0) + 1
    confirmed = values(known.c)
    return [
        (*value, value in change.echoed, value in confirmed, lasts.get(value, 0))
        for value in sorted(change.removed | change.echoed, key=place)
    ]


def addition_rows(known: Known, change: Change) -> list[Sent]:
    return [
        (*link, 0, link[0] in change.refreshed, link[1:] in change.appearing)
        for link in sorted(known.d)
        if link[0] in change.sent | change.refreshed
    ]


def of_age(known: Known, aged: tuple[int, int] | None) -> frozenset[int]:
    """Profiles whose first 16 bits of 64 are in the range."""
    first, stop = aged or (0, 0)
    return frozenset(link[0] for link in known.d if first <= link[0] >> 48 < stop)
