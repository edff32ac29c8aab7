"""Source rows that an earlier run prepared: found again by fingerprint, not normalised again.

Works on the `rows` files: fingerprint uint64, profile uint64, state uint8, is_shared bool. Not
every old row can stand for itself: one of a profile with several rows, of a suppressed profile,
or whose fingerprint occurs twice, is prepared anew.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

Hashes = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

ROWS = pa.schema(
    [
        ("fingerprint", pa.uint64()),
        ("profile", pa.uint64()),
        ("state", pa.uint8()),
        ("is_shared", pa.bool_()),
    ]
)
BYTES_A_ROW = 12
"""What `Known` holds in memory for each old row."""


class State(IntEnum):
    """What a source row came to; kept in files, so a number is never given anew."""

    SENDABLE = 0
    NO_IDENTIFIER = 1
    NO_CONSENT = 2
    SUPPRESSED = 3


class Known:
    """The rows of an earlier preparation, and how often each was seen in this one."""

    def __init__(self, rows: Path) -> None:
        self._old_rows = pq.read_metadata(rows).num_rows
        every: Hashes = np.empty(self._old_rows, dtype=np.uint64)
        unusable: list[Hashes] = [np.empty(0, dtype=np.uint64)]
        start = 0
        for batch in batches_of(rows, ["fingerprint", "state", "is_shared"]):
            fingerprint = batch["fingerprint"].to_numpy()
            every[start : start + batch.num_rows] = fingerprint
            start += batch.num_rows
            is_bad = batch["is_shared"].to_numpy(zero_copy_only=False)
            is_bad |= batch["state"].to_numpy() == int(State.SUPPRESSED)
            unusable.append(fingerprint[is_bad])
        every.sort()
        usable = ~is_in(every, distinct(np.concatenate(unusable)))
        twins = every[1:] == every[:-1]
        usable[1:] &= ~twins
        usable[:-1] &= ~twins
        self._usable = every if usable.all() else every[usable]
        """Fingerprints of the rows that can stand for themselves, sorted."""
        self._unusable = distinct(every[~usable])
        self._times = np.zeros(len(self._usable), dtype=np.uint32)

    def match(self, fingerprint: Hashes) -> Flags:
        """Which of these rows are known; they count as seen from now on."""
        known = np.zeros(len(fingerprint), dtype=bool)
        # In order: a search that jumps about in a long list misses the caches each time.
        order = np.argsort(fingerprint)
        place, hit = _find(fingerprint[order], self._usable)
        np.add.at(self._times, place[hit], 1)
        known[order] = hit
        return known

    @property
    def is_all_seen_once(self) -> bool:
        """Whether every old row could stand for itself and was seen exactly once."""
        return len(self._usable) == self._old_rows and bool((self._times == 1).all())

    def times(self, batches: Iterable[Hashes]) -> Iterator[npt.NDArray[np.uint32]]:
        """How often each of these old rows was seen; never, if it cannot stand for itself."""
        odd = self._times != 1
        places = np.flatnonzero(odd)
        exceptions = np.concatenate([self._usable[places], self._unusable])
        times = np.concatenate([self._times[places], np.zeros(len(self._unusable), np.uint32)])
        order = np.argsort(exceptions)
        exceptions, times = exceptions[order], times[order]
        for fingerprint in batches:
            seen = np.ones(len(fingerprint), dtype=np.uint32)
            # Most rows were seen once, so this looks into a short list, in any order.
            place, is_odd = _find(fingerprint, exceptions)
            seen[is_odd] = times[place[is_odd]]
            yield seen


def batches_of(path: Path, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The file's rows, of all columns or these, a row group at a time.

    Arrow's own iteration reads the whole file ahead: 300 MB for ten million rows, not 50.
    """
    file = pq.ParquetFile(path, pre_buffer=False)
    for group in range(file.num_row_groups):
        yield from file.read_row_group(group, columns=columns).to_batches()


def distinct(values: Hashes) -> Hashes:
    """The values, sorted, each once. NumPy's own `unique` hashes, and takes 20 times as long."""
    ordered = np.sort(values)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(ordered) else ordered


def is_in(values: Hashes, members: Hashes) -> Flags:
    """Which of `values` are among `members`, which are sorted."""
    return _find(values, members)[1]


def _find(values: Hashes, members: Hashes) -> tuple[npt.NDArray[np.intp], Flags]:
    """For each value a place in the sorted members, and whether it is there."""
    if not len(members):
        return np.zeros(len(values), dtype=np.intp), np.zeros(len(values), dtype=bool)
    place = np.searchsorted(members, values)
    place[place == len(members)] = 0
    return place, members[place] == values


def repeated(rows: Path, *, memory_bytes: int) -> Hashes:
    """Profiles that have more than one row in the file, sorted."""
    passes = 1 + pq.read_metadata(rows).num_rows * 16 // max(memory_bytes, 1)
    found: list[Hashes] = []
    for remainder in range(passes):
        parts: list[Hashes] = []
        for batch in batches_of(rows, ["profile"]):
            profile = batch["profile"].to_numpy()
            if passes > 1:
                profile = profile[profile % np.uint64(passes) == np.uint64(remainder)]
            parts.append(profile)
        if parts:
            profiles = np.concatenate(parts)
            profiles.sort()
            found.append(distinct(profiles[1:][profiles[1:] == profiles[:-1]]))
    return np.sort(np.concatenate(found)) if found else np.empty(0, dtype=np.uint64)
