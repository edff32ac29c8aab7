"""Source rows that an earlier run prepared: found again by fingerprint, not normalised again.

Works on the `rows` files: fingerprint uint64, profile uint64, state uint8, is_shared bool. Not
every old row can stand for itself: one of a profile with several rows, of a suppressed profile,
or whose fingerprint occurs twice, is prepared anew.
"""

from collections.abc import Iterable, Iterator
from enum import IntEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from audsync.snapshots import parquet

Hashes = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]

ROWS = pa.schema(
    [
        ("fingerprint", pa.uint64()),
        ("profile", pa.uint64()),
        ("state", pa.uint8()),
        ("is_shared", pa.bool_()),
    ]
)
BYTES_A_ROW = 12
"""What `Known` holds in memory for each old row, and a little more."""
_MOST_BITS = 20
_PIECE_ROWS = 1 << 15
"""So many at once stay in the processor's caches from one step to the next."""


class State(IntEnum):
    """What a source row came to; kept in files, so a number is never given anew."""

    SENDABLE = 0
    NO_IDENTIFIER = 1
    NO_CONSENT = 2
    SUPPRESSED = 3
    EXCLUDED = 4
    """Of a segment that is taken out of this one."""
    HELD_OUT = 5
    """Kept out of every platform by the draw of a holdout."""


class Known:
    """The rows of an earlier preparation, and how often each was seen in this one."""

    def __init__(self, rows: Iterable[pa.RecordBatch], *, at_most: int) -> None:
        """`rows` have fingerprint, state and is_shared; there are no more than `at_most`."""
        every: Hashes = np.empty(at_most, dtype=np.uint64)
        unusable: list[Hashes] = [np.empty(0, dtype=np.uint64)]
        self._old_rows = 0
        for batch in rows:
            fingerprint = batch["fingerprint"].to_numpy()
            every[self._old_rows : self._old_rows + batch.num_rows] = fingerprint
            self._old_rows += batch.num_rows
            is_bad = batch["is_shared"].to_numpy(zero_copy_only=False)
            is_bad |= batch["state"].to_numpy() == int(State.SUPPRESSED)
            unusable.append(fingerprint[is_bad])
        every = every[: self._old_rows]
        every.sort()
        usable = ~is_in(every, distinct(np.concatenate(unusable)))
        twins = every[1:] == every[:-1]
        usable[1:] &= ~twins
        usable[:-1] &= ~twins
        self._usable = every if usable.all() else every[usable]
        """Fingerprints of the rows that can stand for themselves, sorted."""
        self._unusable = distinct(every[~usable])
        self._index = Index(self._usable)
        self._is_seen = np.zeros(len(self._usable), dtype=bool)
        self._seen_again: list[Places] = [np.empty(0, dtype=np.intp)]
        """Places that were seen before, once for each time that they are seen again."""

    def match(self, fingerprint: Hashes) -> Flags:
        """Which of these rows are known; they count as seen from now on."""
        place, known = self._index.find(fingerprint)
        place = place[known] if not known.all() else place
        place.sort()
        is_again = self._is_seen[place]
        is_again[1:] |= place[1:] == place[:-1]
        self._is_seen[place] = True
        self._seen_again.append(place[is_again])
        return known

    @property
    def is_all_seen_once(self) -> bool:
        """Whether every old row could stand for itself and was seen exactly once."""
        is_once = all(not len(places) for places in self._seen_again)
        return len(self._usable) == self._old_rows and is_once and bool(self._is_seen.all())

    def times(self, batches: Iterable[Hashes]) -> Iterator[npt.NDArray[np.uint32]]:
        """How often each of these old rows was seen; never, if it cannot stand for itself."""
        again, more = np.unique(np.concatenate(self._seen_again), return_counts=True)
        unseen = np.flatnonzero(~self._is_seen)
        exceptions = np.concatenate([self._usable[again], self._usable[unseen], self._unusable])
        times = np.zeros(len(exceptions), dtype=np.uint32)
        times[: len(again)] = 1 + more
        order = np.argsort(exceptions)
        exceptions, times = exceptions[order], times[order]
        for fingerprint in batches:
            seen = np.ones(len(fingerprint), dtype=np.uint32)
            odd = np.flatnonzero(is_in(fingerprint, exceptions))
            seen[odd] = times[np.searchsorted(exceptions, fingerprint[odd])]
            yield seen


def distinct(values: Hashes) -> Hashes:
    """The values, sorted, each once. NumPy's own `unique` hashes, and takes 20 times as long."""
    ordered = np.sort(values)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(ordered) else ordered


def is_in(values: Hashes, members: Hashes) -> Flags:
    """Which of `values` are among `members`, which are sorted. Quick where these are few."""
    found = np.zeros(len(values), dtype=bool)
    if not len(members):
        return found
    # Most values are ruled out by their leading bits, looked up in a table that caches hold.
    shift = np.uint64(64 - min(len(members).bit_length() + 3, _MOST_BITS))
    table = np.zeros(1 << (64 - int(shift)), dtype=bool)
    table[members >> shift] = True
    likely = np.flatnonzero(table[values >> shift])
    place = np.searchsorted(members, values[likely])
    place[place == len(members)] = 0
    found[likely[members[place] == values[likely]]] = True
    return found


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


def repeated(rows: Path, *, memory_bytes: int) -> Hashes:
    """Profiles that have more than one row in the file, sorted."""
    passes = 1 + parquet.rows_in(rows) * 16 // max(memory_bytes, 1)
    found: list[Hashes] = []
    for remainder in range(passes):
        parts: list[Hashes] = []
        for batch in parquet.batches(rows, ["profile"]):
            profile = batch["profile"].to_numpy()
            if passes > 1:
                profile = profile[profile % np.uint64(passes) == np.uint64(remainder)]
            parts.append(profile)
        if parts:
            profiles = np.concatenate(parts)
            profiles.sort()
            found.append(distinct(profiles[1:][profiles[1:] == profiles[:-1]]))
    return np.sort(np.concatenate(found)) if found else np.empty(0, dtype=np.uint64)
