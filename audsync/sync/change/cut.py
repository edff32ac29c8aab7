"""Where a plan's files are cut into requests, and how a piece becomes rows for the wire. Pure.

A file of additions holds a profile's values together, ordered by kind. On the wire a row is one
person with at most one value a kind: a profile with two e-mail addresses takes two rows, and the
second repeats its other values, so that the platform sees they belong together. A profile is
never spread over two requests unless it alone is larger than one.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from audsync.domain import FIRST_FIELD, Action
from audsync.sync.contract import BatchFacts

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

MEMBERS = pa.schema([("row", pa.int32()), ("kind", pa.uint8()), ("value", pa.binary())])


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Consecutive rows of a file of additions, as arrays of one length."""

    profile: npt.NDArray[np.uint64]
    kind: npt.NDArray[np.uint8]
    is_taken: Flags
    """False for a value the platform would reject: in the file, not on the wire."""
    is_refresh: Flags
    is_new: Flags

    def __len__(self) -> int:
        return len(self.profile)

    def slice(self, start: int, stop: int) -> "Chunk":
        """Rows from `start` up to `stop`."""
        return Chunk(
            profile=self.profile[start:stop],
            kind=self.kind[start:stop],
            is_taken=self.is_taken[start:stop],
            is_refresh=self.is_refresh[start:stop],
            is_new=self.is_new[start:stop],
        )

    def after(self, other: "Chunk") -> "Chunk":
        """`other` followed by this."""
        return Chunk(
            profile=np.concatenate([other.profile, self.profile]),
            kind=np.concatenate([other.kind, self.kind]),
            is_taken=np.concatenate([other.is_taken, self.is_taken]),
            is_refresh=np.concatenate([other.is_refresh, self.is_refresh]),
            is_new=np.concatenate([other.is_new, self.is_new]),
        )


def removals(
    *, leaving: Ints, is_echo: Flags, stretches: Iterable[tuple[int, int]]
) -> tuple[BatchFacts, ...]:
    """Removal rows, one value each, as requests of these stretches of their file."""
    return tuple(
        BatchFacts(
            number=number,
            action=Action.REMOVE,
            first_row=start,
            stop_row=stop,
            rows=stop - start,
            identifiers=int((~is_echo[start:stop]).sum()),
            profiles_left=int(leaving[start:stop].sum()),
        )
        for number, (start, stop) in enumerate(stretches, start=1)
    )


def additions(
    chunks: Iterable[Chunk], *, action: Action, max_rows: int, first_number: int
) -> tuple[BatchFacts, ...]:
    """Cut rows of additions, streamed as `chunks`, into requests of at most `max_rows` people."""
    cutter = _Cutter(action=action, max_rows=max_rows, number=first_number)
    held: Chunk | None = None
    for chunk in chunks:
        joined = chunk.after(held) if held is not None else chunk
        whole = _last_start(joined.profile)
        cutter.take(joined.slice(0, whole))
        held = joined.slice(whole, len(joined))
    if held is not None:
        cutter.take(held)
    cutter.flush()
    return tuple(cutter.batches)


class _Cutter:
    """Collects whole profiles until a request is full."""

    def __init__(self, *, action: Action, max_rows: int, number: int) -> None:
        self.batches: list[BatchFacts] = []
        self._action = action
        self._max_rows = max_rows
        self._number = number
        self._first_row = 0
        self._seen_rows = 0
        self._totals = np.zeros(4, dtype=np.int64)

    def take(self, chunk: Chunk) -> None:
        """Whole profiles, following those taken before."""
        if not len(chunk):
            return
        starts = starts_of(chunk.profile)
        counts = per_profile(chunk, starts)
        ends = np.append(starts[1:], len(chunk))
        done = 0
        while done < len(starts):
            room = self._max_rows - int(self._totals[0])
            upto = done + int(np.searchsorted(np.cumsum(counts[done:, 0]), room, "right"))
            if upto == done and self._totals[0] == 0:
                self.flush()  # rows that nobody is sent for belong to no request
                self._split(chunk.slice(int(starts[done]), int(ends[done])))
                done += 1
                continue
            self._totals += counts[done:upto].sum(axis=0)
            self._seen_rows += int(ends[upto - 1] - starts[done]) if upto > done else 0
            done = upto
            if done < len(starts):
                self.flush()

    def flush(self) -> None:
        """End the request being filled, unless it is empty."""
        rows, profiles, refreshed, identifiers = (int(total) for total in self._totals)
        if rows:
            self.batches.append(
                BatchFacts(
                    number=self._number,
                    action=self._action,
                    first_row=self._first_row,
                    stop_row=self._seen_rows,
                    rows=rows,
                    profiles=profiles,
                    refreshed=refreshed,
                    identifiers=identifiers,
                )
            )
            self._number += 1
        self._first_row = self._seen_rows
        self._totals[:] = 0

    def _split(self, profile: Chunk) -> None:
        """One profile larger than a request: cut by file rows; it counts in its first request."""
        is_counted = False
        for start in range(0, len(profile), self._max_rows):
            piece = profile.slice(start, start + self._max_rows)
            counts = per_profile(piece, np.zeros(1, dtype=np.int64))[0]
            counts[1:3] *= not is_counted
            is_counted = is_counted or bool(counts[0])
            self._totals += counts
            self._seen_rows += len(piece)
            self.flush()


def per_profile(chunk: Chunk, starts: Ints) -> Ints:
    """For each profile: wire rows, 1 if it enters or changes, 1 if refreshed, new identifiers."""
    counted = chunk.is_taken & (chunk.kind < FIRST_FIELD)
    run_starts = _run_starts(chunk.profile, chunk.kind)
    in_run = np.add.reduceat(counted.astype(np.int64), run_starts)
    runs_of = np.searchsorted(run_starts, starts)
    rows = np.maximum.reduceat(in_run, runs_of)
    refreshed = chunk.is_refresh[starts] & (rows > 0)
    new = np.add.reduceat((chunk.is_new & counted).astype(np.int64), starts)
    return np.stack([rows, (rows > 0) & ~refreshed, refreshed, new], axis=1).astype(np.int64)


def rows_of_additions(profile: Ints, kind: Ints, value: pa.Array) -> pa.Table:
    """Wire rows of one request's additions.

    Args:
        profile: who, a profile's values together.
        kind: `domain.Kind`, ascending within a profile.
        value: the accepted values.

    Returns:
        a table as `UploadBatch.members` wants it.
    """
    if not len(profile):
        return MEMBERS.empty_table()
    starts = starts_of(profile)
    run_starts = _run_starts(profile, kind)
    if len(run_starts) == len(profile) and kind.max() < FIRST_FIELD:
        # As most segments are: identifiers alone, and of each kind at most one a profile.
        sizes = np.diff(np.append(starts, len(profile)))
        row = np.repeat(np.arange(len(starts), dtype=np.int32), sizes)
        return pa.table([row, kind.astype(np.uint8), value], schema=MEMBERS)
    run_lengths = np.diff(np.append(run_starts, len(profile)))
    is_field = kind[run_starts] >= FIRST_FIELD
    wanted = np.where(is_field, 0, run_lengths)
    first_runs = np.searchsorted(run_starts, starts)
    rows_per_profile = np.maximum.reduceat(wanted, first_runs)
    base = np.cumsum(rows_per_profile) - rows_per_profile
    profile_of_run = np.searchsorted(starts, run_starts, "right") - 1
    rows_of_run = rows_per_profile[profile_of_run]
    # Each run fills all rows of its profile: its own values first, then its first one again.
    source = np.repeat(run_starts, rows_of_run)
    step = np.arange(len(source)) - np.repeat(np.cumsum(rows_of_run) - rows_of_run, rows_of_run)
    own = np.repeat(np.where(is_field, 1, run_lengths), rows_of_run)
    source = source + np.where(step < own, step, 0)
    row = np.repeat(base[profile_of_run], rows_of_run) + step
    order = np.lexsort((kind[source], row))
    picked = source[order]
    return pa.table(
        [
            pa.array(row[order].astype(np.int32)),
            pa.array(kind[picked].astype(np.uint8)),
            value.take(pa.array(picked)),
        ],
        schema=MEMBERS,
    )


def one_value_rows(table: pa.Table) -> pa.Table:
    """Wire rows with one value each, from a table with columns `kind` and `value`."""
    row = pa.array(np.arange(table.num_rows, dtype=np.int32))
    kind, value = table["kind"].combine_chunks(), table["value"].combine_chunks()
    return pa.table([row, kind, value], schema=MEMBERS)


def starts_of(profile: npt.NDArray[np.uint64] | Ints) -> Ints:
    """Where each profile's values begin."""
    return np.flatnonzero(np.append(True, profile[1:] != profile[:-1]))


def _run_starts(profile: npt.NDArray[np.uint64] | Ints, kind: npt.NDArray[np.uint8] | Ints) -> Ints:
    """Where each profile's values of one kind begin."""
    changes = (profile[1:] != profile[:-1]) | (kind[1:] != kind[:-1])
    return np.flatnonzero(np.append(True, changes))


def _last_start(profile: npt.NDArray[np.uint64]) -> int:
    """Where the last profile's values begin: the next chunk may go on with it."""
    return int(starts_of(profile)[-1]) if len(profile) else 0
