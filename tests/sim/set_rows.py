"""Plain words for links and their rows on the wire; what the set engine is made of."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
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


def identifiers(links: Iterable[Link]) -> set[Link]:
    """The links that are members of the set; match fields are not."""
    return {link for link in links if link[1] < FIRST_FIELD}


def values(links: Iterable[Link]) -> set[Value]:
    """What the links' holders are found by."""
    return {link[1:] for link in links if link[1] < FIRST_FIELD}


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


def cut_removals(rows: Sequence[Gone], max_rows: int) -> list[BatchFacts]:
    """Requests of at most `max_rows` removals."""
    pieces = [rows[start : start + max_rows] for start in range(0, len(rows), max_rows)]
    return [
        BatchFacts(
            number=index + 1,
            action=Action.REMOVE,
            first_row=index * max_rows,
            stop_row=index * max_rows + len(piece),
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
        counts = _counts(person)
        if sum(held["rows"] for *_, held in open_pieces) + counts["rows"] > max_rows:
            flush()
        if counts["rows"] > max_rows:
            is_counted = False
            for offset in range(0, len(person), max_rows):
                piece = person[offset : offset + max_rows]
                part = _counts(piece)
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


def _counts(cells: Sequence[Sent]) -> dict[str, int]:
    taken = [cell for cell in cells if cell[3] == 0 and cell[1] < FIRST_FIELD]
    height = max(Counter(cell[1] for cell in taken).values(), default=0)
    is_refresh = bool(cells[0][4])
    return {
        "rows": height,
        "profiles": int(height > 0 and not is_refresh),
        "refreshed": int(height > 0 and is_refresh),
        "identifiers": sum(cell[5] for cell in taken),
    }
