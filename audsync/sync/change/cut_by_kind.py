"""Where a plan's files are cut into requests that carry values of one kind each. Pure.

A file of additions is ordered by kind, then value: whoever shares a value stands together, and
the value goes over the wire once. It is never cut between them, so that what is known of a
request is known of each of its values.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from audsync.domain import Action
from audsync.sync.change.cut import Flags
from audsync.sync.contract import BatchFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """Consecutive rows of a file, as arrays of one length."""

    kind: npt.NDArray[np.uint8]
    is_first: Flags
    """The row that goes over the wire, of those with its value."""
    is_last: Flags
    """The last value of its profile: where the profile is counted."""
    is_refresh: Flags
    is_new: Flags

    def slice(self, start: int, stop: int) -> "Values":
        """Rows from `start` up to `stop`."""
        return Values(
            kind=self.kind[start:stop],
            is_first=self.is_first[start:stop],
            is_last=self.is_last[start:stop],
            is_refresh=self.is_refresh[start:stop],
            is_new=self.is_new[start:stop],
        )


def additions(
    chunks: Iterable[Values], *, max_rows: int, first_number: int
) -> tuple[BatchFacts, ...]:
    """Cut values, streamed as `chunks`, into requests of at most `max_rows` of one kind."""
    cutter = _Cutter(max_rows=max_rows, number=first_number)
    for chunk in chunks:
        cutter.take(chunk)
    cutter.flush()
    return tuple(cutter.batches)


def stretches(kind: npt.NDArray[np.uint8], max_rows: int) -> list[tuple[int, int]]:
    """Where to cut rows ordered by kind: at most `max_rows` each, and never two kinds."""
    changes = np.flatnonzero(kind[1:] != kind[:-1]) + 1
    edges = [0, *changes.tolist(), len(kind)]
    return [
        (first, min(first + max_rows, stop))
        for start, stop in pairwise(edges)
        for first in range(start, stop, max_rows)
    ]


class _Cutter:
    """Collects values of one kind until a request is full."""

    def __init__(self, *, max_rows: int, number: int) -> None:
        self.batches: list[BatchFacts] = []
        self._max_rows = max_rows
        self._number = number
        self._kind: int | None = None
        self._first_row = 0
        self._seen_rows = 0
        self._rows = self._profiles = self._refreshed = self._identifiers = 0

    def take(self, chunk: Values) -> None:
        """Rows that follow those taken before."""
        done = 0
        while done < len(chunk.kind):
            kind = int(chunk.kind[done])
            if kind != self._kind:
                self.flush()
                self._kind = kind
            stop = done + int(np.searchsorted(chunk.kind[done:], kind, "right"))
            firsts = np.flatnonzero(chunk.is_first[done:stop])
            room = self._max_rows - self._rows
            is_full = len(firsts) > room
            stop = done + int(firsts[room]) if is_full else stop
            self._add(chunk.slice(done, stop))
            done = stop
            if is_full:
                self.flush()

    def flush(self) -> None:
        """End the request being filled, unless it is empty."""
        if self._rows:
            self.batches.append(
                BatchFacts(
                    number=self._number,
                    action=Action.ADD,
                    first_row=self._first_row,
                    stop_row=self._seen_rows,
                    rows=self._rows,
                    profiles=self._profiles,
                    refreshed=self._refreshed,
                    identifiers=self._identifiers,
                )
            )
            self._number += 1
        self._first_row = self._seen_rows
        self._rows = self._profiles = self._refreshed = self._identifiers = 0

    def _add(self, part: Values) -> None:
        self._seen_rows += len(part.kind)
        self._rows += int(part.is_first.sum())
        self._refreshed += int((part.is_last & part.is_refresh).sum())
        self._profiles += int((part.is_last & ~part.is_refresh).sum())
        self._identifiers += int((part.is_first & part.is_new).sum())
