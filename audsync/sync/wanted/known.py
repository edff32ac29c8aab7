"""Source rows that an earlier run prepared: found again by fingerprint, not normalised again.

Works on the `rows` files: fingerprint uint64, profile uint64, state uint8, is_shared bool. Not
every old row can stand for itself: one of a profile with several rows, of a suppressed profile,
or whose fingerprint occurs twice, is prepared anew.
"""

import sys
from collections.abc import Iterable, Iterator
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from audsync.snapshots import parquet
from audsync.sync.tables.hashes import Flags, Hashes, Index, Marks, Places, Sieve, distinct, is_in

ROWS = pa.schema(
    [
        ("fingerprint", pa.uint64()),
        ("profile", pa.uint64()),
        ("state", pa.uint8()),
        ("is_shared", pa.bool_()),
    ]
)
NEEDED = ("fingerprint", "state", "is_shared")
"""Those of them that tell which rows can stand for themselves."""
BYTES_A_ROW = 12
"""What `known_here` holds in memory for each old row, and a little more."""

Times = npt.NDArray[np.uint32]


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


class Members(Protocol):
    """Fingerprints of the rows that can stand for themselves, in order; as `hashes.Index`."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def at(self, places: Places) -> Hashes:
        """Those at these places, which are sorted."""
        ...

    def find(self, values: Hashes) -> tuple[Places, Flags]:
        """For each value its place, and whether it is there: else any place."""
        ...


class TooMuchIsNewError(Exception):
    """So much has changed since the earlier run that what is known of it does not help."""


class Known:
    """The rows of an earlier preparation, and how often each was seen in this one.

    Args:
        members: those that can stand for themselves.
        unusable: fingerprints of the others, sorted.
        old_rows: how many rows there were.
        stretch_bytes: how much of the source is best looked up at once.
        most_exceptions: more rows than this that came, went, or are there twice are too many: of
            these, what is known is held in memory.
    """

    def __init__(
        self,
        members: Members,
        *,
        unusable: Hashes,
        old_rows: int,
        stretch_bytes: int = 0,
        most_exceptions: int = sys.maxsize,
    ) -> None:
        self.stretch_bytes = stretch_bytes
        self._members = members
        self._unusable = unusable
        self._old_rows = old_rows
        self._most_exceptions = most_exceptions
        self._seen = Marks(len(members))
        self._again: list[Hashes] = [np.empty(0, dtype=np.uint64)]
        """What was seen before, once for each time that it is seen again."""

    def match(self, fingerprint: Hashes) -> Flags:
        """Which of these rows are known; they count as seen from now on."""
        place, is_known = self._members.find(fingerprint)
        place = place[is_known]
        place.sort()
        is_again = self._seen.add(place)
        if is_again.any():
            self._again.append(self._members.at(place[is_again]))
        return is_known

    def check(self, new_rows: int, *, is_over: bool = False) -> None:
        """Stop where it does not help; `is_over`: the source was read to its end.

        Raises:
            TooMuchIsNewError: what it held of the source is of no use; read it without.
        """
        gone = len(self._members) - self._seen.set_count if is_over else 0
        if new_rows + gone + sum(map(len, self._again)) > self._most_exceptions:
            raise TooMuchIsNewError

    @property
    def is_all_seen_once(self) -> bool:
        """Whether every old row could stand for itself and was seen exactly once."""
        is_once = all(not len(again) for again in self._again)
        return is_once and self._seen.set_count == len(self._members) == self._old_rows

    def times(self, batches: Iterable[Hashes]) -> Iterator[Times]:
        """How often each of these old rows was seen; never, if it cannot stand for itself.

        To be asked when the whole source was looked up.
        """
        exceptions, times = self._exceptions
        sieve = Sieve(exceptions)
        for fingerprint in batches:
            seen = np.ones(len(fingerprint), dtype=np.uint32)
            odd = np.flatnonzero(sieve.holds(fingerprint))
            seen[odd] = times[np.searchsorted(exceptions, fingerprint[odd])]
            yield seen

    @cached_property
    def _exceptions(self) -> tuple[Hashes, Times]:
        """What was not seen exactly once, sorted, and how often it was."""
        again, more = np.unique(np.concatenate(self._again), return_counts=True)
        unseen = self._members.at(self._seen.missing())
        exceptions = np.concatenate([again, unseen, self._unusable])
        times = np.zeros(len(exceptions), dtype=np.uint32)
        times[: len(again)] = 1 + more
        order = np.argsort(exceptions)
        return exceptions[order], times[order]


def known_here(rows: Iterable[pa.RecordBatch], *, at_most: int) -> Known:
    """The rows of an earlier preparation, held in memory.

    Args:
        rows: with the columns `NEEDED`.
        at_most: there are no more rows than this.
    """
    every: Hashes = np.empty(at_most, dtype=np.uint64)
    unusable: list[Hashes] = [np.empty(0, dtype=np.uint64)]
    old_rows = 0
    for batch in rows:
        every[old_rows : old_rows + batch.num_rows] = batch["fingerprint"].to_numpy()
        old_rows += batch.num_rows
        unusable.append(unusable_of(batch))
    every = every[:old_rows]
    every.sort()
    is_usable = stand_alone(every, distinct(np.concatenate(unusable)))
    usable = every if is_usable.all() else every[is_usable]
    return Known(Index(usable), unusable=distinct(every[~is_usable]), old_rows=old_rows)


def unusable_of(rows: pa.RecordBatch) -> Hashes:
    """Fingerprints of those of the rows that cannot stand for themselves, whatever others say."""
    is_bad = rows["is_shared"].to_numpy(zero_copy_only=False)
    is_bad |= rows["state"].to_numpy() == int(State.SUPPRESSED)
    fingerprints: Hashes = rows["fingerprint"].to_numpy()[is_bad]
    return fingerprints


def stand_alone(ordered: Hashes, unusable: Hashes) -> Flags:
    """Which of some sorted fingerprints occur once, and not among the `unusable`, sorted ones."""
    is_usable: Flags = ~is_in(ordered, unusable)
    is_twin = ordered[1:] == ordered[:-1]
    is_usable[1:] &= ~is_twin
    is_usable[:-1] &= ~is_twin
    return is_usable


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
