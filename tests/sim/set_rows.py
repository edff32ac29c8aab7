"""Plain words for links and their rows on the wire; what the set engine is made of."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import groupby

from audsync.domain import FIRST_FIELD, Action, Kind
from audsync.sync.contract import BatchFacts

Link = tuple[int, int, bytes]
"""Who carries what: profile, kind, value."""
Value = tuple[int, bytes]
Cell = tuple[int, int, bytes, int]
"""A link of a prepared file and why it is rejected; 0 where it is not."""
SourceRow = tuple[int, int, int, bool]
"""Fingerprint, profile, state, is_shared."""
Gone = tuple[int, bytes, bool, bool, int]
"""Kind, value, is_echo, is_confirmed, departed profiles whose last value it is."""
Sent = tuple[int, int, bytes, int, bool, bool]
"""A cell, whether its profile is only refreshed, whether its value appears."""
Laid = tuple[int, int, bytes, int, bool, bool, bool, bool]
"""The same, whether it is the first of its value, whether it is the last of its profile."""


def identifiers(links: Iterable[Link]) -> set[Link]:
    """The links that are members of the set; match fields are not."""
    return {link for link in links if link[1] < FIRST_FIELD}


def values(links: Iterable[Link]) -> set[Value]:
    """What the links' holders are found by."""
    return {link[1:] for link in links if link[1] < FIRST_FIELD}


def less(links: Iterable[Link], unwanted: AbstractSet[Value]) -> frozenset[Link]:
    """The links without those of some values, and without whoever has match fields only then."""
    every = frozenset(links)
    left = frozenset(link for link in every if link[1:] not in unwanted)
    bare = profiles(every - left) - profiles(identifiers(left))
    return frozenset(link for link in left if link[0] not in bare)


def profiles(links: Iterable[Link]) -> set[int]:
    """Who carries anything."""
    return {link[0] for link in links}


def by_kind(found: Iterable[Value]) -> dict[Kind, int]:
    """How many of each kind."""
    return dict(Counter(Kind(kind) for kind, _ in found))


def sizes_of(links: Iterable[Link]) -> dict[Kind, int]:
    """Distinct identifiers by kind."""
    return by_kind(values(links))


def smallest_holders(
    wanted: Iterable[Link], again: set[Value], covered: set[int]
) -> frozenset[int]:
    """One holder of each value, the smallest, where nobody covered holds it."""
    holders: dict[Value, set[int]] = defaultdict(set)
    for link in wanted:
        if link[1:] in again:
            holders[link[1:]].add(link[0])
    return frozenset(min(some) for some in holders.values() if not some & covered)


def wire_rows(links: Iterable[Link]) -> list[tuple[int, int, bytes]]:
    """Row, kind, value: a person's n-th row holds her n-th value of each kind, else her first."""
    rows: list[tuple[int, int, bytes]] = []
    count = 0
    for _, group in groupby(links, key=lambda link: link[0]):
        held: dict[int, list[bytes]] = defaultdict(list)
        for _, kind, value in group:
            held[kind].append(value)
        height = max((len(some) for kind, some in held.items() if kind < FIRST_FIELD), default=0)
        for row in range(height):
            for kind, some in sorted(held.items()):
                is_own = row < len(some) and kind < FIRST_FIELD
                rows.append((count + row, kind, some[row] if is_own else some[0]))
        count += height
    return rows


def lay_by_kind(rows: Iterable[Sent]) -> list[Laid]:
    """Additions in the order of their kinds and values, those who share one together."""
    taken = sorted(
        (row for row in rows if row[3] == 0 and row[1] < FIRST_FIELD),
        key=lambda row: (row[1], row[2], row[0]),
    )
    last = {row[0]: (row[1], row[2]) for row in taken}
    seen: set[Value] = set()
    laid: list[Laid] = []
    for row in taken:
        value = (row[1], row[2])
        laid.append((*row, value not in seen, last[row[0]] == value))
        seen.add(value)
    return laid


def cut_by_kind(rows: Sequence[Laid], max_rows: int, first_number: int) -> list[BatchFacts]:
    """Requests of at most `max_rows` values of one kind; who shares one is never parted."""
    starts: list[int] = []
    held: set[bytes] = set()
    for place, row in enumerate(rows):
        is_new_kind = bool(place) and rows[place - 1][1] != row[1]
        if not place or is_new_kind or (row[6] and len(held) == max_rows):
            starts.append(place)
            held = set()
        held.add(row[2])
    stops = [*starts[1:], len(rows)][: len(starts)]
    return [
        BatchFacts(
            number=first_number + index,
            action=Action.ADD,
            first_row=start,
            stop_row=stop,
            rows=len({row[2] for row in rows[start:stop]}),
            profiles=sum(row[7] and not row[4] for row in rows[start:stop]),
            refreshed=sum(row[7] and row[4] for row in rows[start:stop]),
            identifiers=sum(row[6] and row[5] for row in rows[start:stop]),
        )
        for index, (start, stop) in enumerate(zip(starts, stops, strict=True))
    ]


def cut_removals(
    rows: Sequence[Gone], max_rows: int, *, takes_person_rows: bool
) -> list[BatchFacts]:
    """Requests of at most `max_rows` removals, of one kind each where that is asked."""
    groups = [
        list(group)
        for _, group in groupby(rows, key=lambda row: None if takes_person_rows else row[0])
    ]
    pieces = [
        group[start : start + max_rows]
        for group in groups
        for start in range(0, len(group), max_rows)
    ]
    firsts = [sum(map(len, pieces[:index])) for index in range(len(pieces))]
    return [
        BatchFacts(
            number=index + 1,
            action=Action.REMOVE,
            first_row=firsts[index],
            stop_row=firsts[index] + len(piece),
            rows=len(piece),
            identifiers=sum(not is_echo for _, _, is_echo, _, _ in piece),
            profiles_left=sum(leaving for *_, leaving in piece),
        )
        for index, piece in enumerate(pieces)
    ]


def cut_additions(
    rows: Sequence[Sent], max_rows: int, action: Action, first_number: int
) -> list[BatchFacts]:
    """Requests of whole people; one who alone is larger than a request goes in pieces."""
    batches: list[BatchFacts] = []
    open_pieces: list[tuple[int, int, Mapping[str, int]]] = []

    def flush() -> None:
        total = {
            key: sum(counts[key] for *_, counts in open_pieces)
            for key in ("rows", "profiles", "refreshed", "identifiers")
        }
        if total["rows"]:
            batches.append(
                BatchFacts(
                    number=first_number + len(batches),
                    action=action,
                    first_row=open_pieces[0][0],
                    stop_row=open_pieces[-1][1],
                    rows=total["rows"],
                    profiles=total["profiles"],
                    refreshed=total["refreshed"],
                    identifiers=total["identifiers"],
                )
            )
        open_pieces.clear()

    start = 0
    for _, group in groupby(rows, key=lambda row: row[0]):
        person = list(group)
        counts = counts_of(person)
        if sum(held["rows"] for *_, held in open_pieces) + counts["rows"] > max_rows:
            flush()
        if counts["rows"] > max_rows:
            is_counted = False
            for offset in range(0, len(person), max_rows):
                piece = person[offset : offset + max_rows]
                part = counts_of(piece)
                if is_counted:
                    part |= {"profiles": 0, "refreshed": 0}
                is_counted = is_counted or part["rows"] > 0
                open_pieces.append((start + offset, start + offset + len(piece), part))
                flush()
        else:
            open_pieces.append((start, start + len(person), counts))
        start += len(person)
    flush()
    return batches


def counts_of(cells: Sequence[Sent]) -> dict[str, int]:
    """What one person, or a part of one, comes to on the wire."""
    taken = [cell for cell in cells if cell[3] == 0 and cell[1] < FIRST_FIELD]
    height = max(Counter(cell[1] for cell in taken).values(), default=0)
    is_refresh = bool(cells[0][4])
    return {
        "rows": height,
        "profiles": int(height > 0 and not is_refresh),
        "refreshed": int(height > 0 and is_refresh),
        "identifiers": sum(cell[5] for cell in taken),
    }


def on_the_wire(rows: Sequence[Sent | Laid]) -> list[tuple[int, int, bytes]]:
    """Row, kind, value, as the layout of the rows says."""
    if rows and len(rows[0]) == len(Laid.__args__):  # type: ignore[attr-defined]  # of a tuple type
        firsts = [row for row in rows if row[6:7] == (True,)]
        return [(place, row[1], row[2]) for place, row in enumerate(firsts)]
    return wire_rows(row[:3] for row in rows if row[3] == 0)
