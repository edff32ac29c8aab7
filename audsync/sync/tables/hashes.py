"""Sets of 64-bit hashes as NumPy arrays: profiles, fingerprints, values."""

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]

_MOST_BITS = 20
_MOST_SIEVE_BITS = 24
_PIECE_ROWS = 1 << 15
"""So many at once stay in the processor's caches from one step to the next."""


def distinct(values: Hashes) -> Hashes:
    """The values, sorted, each once. NumPy's own `unique` hashes, and takes 20 times as long."""
    ordered = np.sort(values)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(ordered) else ordered


class Sieve:
    """Tells which values are among some members, again and again. Quick where these are few."""

    def __init__(self, members: Hashes) -> None:
        """`members` are sorted."""
        self._members = members
        # Most values are ruled out by their leading bits, looked up in a table that caches hold.
        bits = min(len(members).bit_length() + 3, _MOST_SIEVE_BITS)
        self._shift = np.uint64(64 - bits)
        self._table = np.zeros(1 << bits, dtype=bool)
        self._table[members >> self._shift] = True

    def holds(self, values: Hashes) -> Flags:
        """Which of the values are among the members."""
        found = np.zeros(len(values), dtype=bool)
        if not len(self._members):
            return found
        likely = np.flatnonzero(self._table[values >> self._shift])
        place = np.searchsorted(self._members, values[likely])
        place[place == len(self._members)] = 0
        found[likely[self._members[place] == values[likely]]] = True
        return found


def is_in(values: Hashes, members: Hashes) -> Flags:
    """Which of `values` are among `members`, which are sorted; see `Sieve`."""
    return Sieve(members).holds(values)


class Index:
    """Finds hashes among many: their leading bits tell about where, so few steps remain.

    A plain binary search takes three times as long, as each of its steps waits for memory.
    """

    def __init__(self, members: Hashes) -> None:
        """`members` are sorted, each once."""
        bits = min(max(len(members).bit_length() - 3, 1), _MOST_BITS)
        self._members = members
        self._shift = np.uint64(64 - bits)
        leading = members >> self._shift
        sizes = np.bincount(leading.astype(np.intp), minlength=1 << bits)
        self._starts = np.cumsum(sizes) - sizes
        self._widest = int(sizes.max(initial=0))

    def __len__(self) -> int:
        """How many members there are."""
        return len(self._members)

    def at(self, places: Places) -> Hashes:
        """The members at these places."""
        members: Hashes = self._members[places]
        return members

    def find(self, values: Hashes) -> tuple[Places, Flags]:
        """For each value its place among the members, and whether it is there: else any place."""
        place = np.zeros(len(values), dtype=np.intp)
        is_there = np.zeros(len(values), dtype=bool)
        if not len(self._members):
            return place, is_there
        for start in range(0, len(values), _PIECE_ROWS):
            piece = slice(start, start + _PIECE_ROWS)
            place[piece], is_there[piece] = self._find(values[piece])
        return place, is_there

    def _find(self, values: Hashes) -> tuple[Places, Flags]:
        """Binary searches that go on side by side, each in the stretch of its leading bits."""
        place = self._starts[values >> self._shift]
        step = 1 << max(self._widest.bit_length() - 1, 0)
        while step:
            # A clipped look is at the last member: if that is less, the value is not there.
            is_less = self._members.take(place + (step - 1), mode="clip") < values
            place += is_less * step
            step >>= 1
        np.minimum(place, len(self._members) - 1, out=place)
        return place, self._members[place] == values


class Marks:
    """One mark for each place, at first none: an eighth of a byte each."""

    def __init__(self, count: int) -> None:
        self._bits = np.zeros(-(-count // 8), dtype=np.uint8)
        self._count = count
        self.set_count = 0
        """How many places have one."""

    def add(self, places: Places) -> Flags:
        """Mark these, which are sorted; returns which had one before, or stood before it here."""
        byte, bit = places >> 3, np.uint8(1) << (places & 7).astype(np.uint8)
        is_again: Flags = (self._bits[byte] & bit) != 0
        is_again[1:] |= places[1:] == places[:-1]
        self.set_count += len(places) - int(is_again.sum())
        if len(places):
            first = np.flatnonzero(np.append(True, byte[1:] != byte[:-1]))
            self._bits[byte[first]] |= np.bitwise_or.reduceat(bit, first)
        return is_again

    def missing(self) -> Places:
        """The places that have none, sorted."""
        lacking = np.flatnonzero(self._bits != np.uint8(255))
        bits = np.unpackbits(self._bits[lacking], bitorder="little").reshape(-1, 8)
        rows, offsets = np.nonzero(bits == 0)
        places = lacking[rows] * 8 + offsets
        return places[places < self._count]
