"""Source rows that an earlier run prepared: found again by fingerprint, not normalised again.

Works on the `rows` files: fingerprint uint64, profile uint64, state uint8, is_shared bool. Not
every old row can stand for itself: one of a profile with several rows, of a suppressed profile,
or whose fingerprint occurs twice, is prepared anew.
"""

from enum import IntEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
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
BYTES_A_ROW = 24
"""What `Known` holds in memory for each old row, at most while it is built."""


class State(IntEnum):
    """What a source row came to; kept in files, so a number is never given anew."""

    SENDABLE = 0
    NO_IDENTIFIER = 1
    NO_CONSENT = 2
    SUPPRESSED = 3


class Known:
    """The rows of an earlier preparation, and how often each was seen in this one."""

    def __init__(self, rows: Path) -> None:
        table = pq.read_table(rows, columns=["fingerprint", "state", "is_shared"])
        fingerprint: Hashes = table["fingerprint"].to_numpy()
        self._order = np.argsort(fingerprint).astype(np.uint32)
        self._sorted = fingerprint[self._order]
        usable = np.asarray(
            pc.and_(
                pc.invert(table["is_shared"]), pc.not_equal(table["state"], int(State.SUPPRESSED))
            )
        )[self._order]
        twins = self._sorted[1:] == self._sorted[:-1]
        usable[1:] &= ~twins
        usable[:-1] &= ~twins
        self._usable: Flags = usable
        self._times = np.zeros(len(usable), dtype=np.uint32)

    def match(self, fingerprint: Hashes) -> Flags:
        """Which of these rows are known; they count as seen from now on."""
        known = np.zeros(len(fingerprint), dtype=bool)
        if not len(self._sorted):
            return known
        order = np.argsort(fingerprint)
        wanted = fingerprint[order]
        place = np.searchsorted(self._sorted, wanted)
        place[place == len(self._sorted)] = 0
        hit = (self._sorted[place] == wanted) & self._usable[place]
        np.add.at(self._times, place[hit], 1)
        known[order] = hit
        return known

    @property
    def is_all_seen_once(self) -> bool:
        """Whether every old row could stand for itself and was seen exactly once."""
        return bool((self._times == 1).all())

    def times(self) -> npt.NDArray[np.uint32]:
        """How often each old row was seen, in the order of its file."""
        times = np.empty_like(self._times)
        times[self._order] = self._times
        return times


def is_in(values: Hashes, members: Hashes) -> Flags:
    """Which of `values` are among `members`, which are sorted."""
    if not len(members):
        return np.zeros(len(values), dtype=bool)
    place = np.searchsorted(members, values)
    place[place == len(members)] = 0
    found: Flags = members[place] == values
    return found


def repeated(rows: Path, *, memory_bytes: int) -> Hashes:
    """Profiles that have more than one row in the file, sorted."""
    file = pq.ParquetFile(rows)
    passes = 1 + file.metadata.num_rows * 16 // max(memory_bytes, 1)
    found: list[Hashes] = []
    for remainder in range(passes):
        parts: list[Hashes] = []
        for batch in file.iter_batches(1 << 20, columns=["profile"]):
            profile = batch["profile"].to_numpy()
            if passes > 1:
                profile = profile[profile % np.uint64(passes) == np.uint64(remainder)]
            parts.append(profile)
        if parts:
            profiles = np.concatenate(parts)
            profiles.sort()
            found.append(np.unique(profiles[1:][profiles[1:] == profiles[:-1]]))
    return np.sort(np.concatenate(found)) if found else np.empty(0, dtype=np.uint64)
