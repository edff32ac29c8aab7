"""Counting what a preparation came to, from its files, in bounded memory."""

from collections import defaultdict

import numpy as np
import polars as pl
import pyarrow as pa

from audsync.domain import FIRST_FIELD, Kind
from audsync.identifiers.reasons import Reason
from audsync.sync.contract import SegmentCounts
from audsync.sync.tables.hashes import Hashes
from audsync.sync.tables.layers import Layers
from audsync.sync.wanted.known import State

_STATES = max(State) + 1


class Sizes:
    """Distinct identifiers by kind, counted as they pass by their 64-bit hashes.

    Two of ten million values collide about once in a hundred thousand runs; then a size, which
    guards and people look at, is one too small.

    Args:
        memory_bytes: how much the hashes may take, 8 bytes each; beyond it nothing is counted, and
            whoever wants the sizes has to count them in the files. 0: nothing is counted.
    """

    def __init__(self, *, memory_bytes: int) -> None:
        self._room = memory_bytes // 8
        self._hashes: dict[int, list[Hashes]] = defaultdict(list)

    def add(self, identifiers: pa.RecordBatch) -> None:
        """Note a batch of prepared values."""
        if self._room <= 0 or not identifiers.num_rows:
            return
        frame = pl.DataFrame(
            pa.Table.from_batches([identifiers.select(["kind", "value", "reason"])])
        )
        frame = frame.filter((pl.col("reason") == 0) & (pl.col("kind") < FIRST_FIELD))
        hashed = frame.select("kind", hash=pl.col("value").hash())
        for (kind,), part in hashed.partition_by("kind", as_dict=True).items():
            self._hashes[int(kind)].append(part["hash"].to_numpy())
        self._room -= hashed.height
        if self._room <= 0:
            self._hashes.clear()

    def by_kind(self) -> dict[Kind, int] | None:
        """The sizes, None where nothing was counted; the hashes are let go."""
        if self._room <= 0:
            return None
        sizes = {}
        for kind in sorted(self._hashes):
            hashes = np.concatenate(self._hashes.pop(kind))
            hashes.sort()
            sizes[Kind(kind)] = 1 + int((hashes[1:] != hashes[:-1]).sum())
        return sizes


def count(layers: Layers) -> SegmentCounts:
    """What the files say of the segment: a profile with several rows counts once."""
    by_state = np.zeros(_STATES, dtype=np.int64)
    shared_profiles, shared_states = [np.empty(0, np.uint64)], [np.empty(0, np.uint8)]
    total = 0
    for batch in layers.row_batches(["profile", "state", "is_shared"]):
        total += batch.num_rows
        state = batch["state"].to_numpy()
        is_shared = batch["is_shared"].to_numpy(zero_copy_only=False)
        by_state += np.bincount(state[~is_shared], minlength=_STATES)
        shared_profiles.append(batch["profile"].to_numpy()[is_shared])
        shared_states.append(state[is_shared])
    states = np.concatenate(shared_states)
    refused = int((states == State.NO_CONSENT).sum())
    merged = _merged(np.concatenate(shared_profiles), states)
    asked = len(states) - refused
    return SegmentCounts(
        rows=total,
        no_consent=int(by_state[State.NO_CONSENT]) + refused,
        duplicates=asked - int(merged.sum()),
        no_identifier=int(by_state[State.NO_IDENTIFIER] + merged[State.NO_IDENTIFIER]),
        suppressed=int(by_state[State.SUPPRESSED] + merged[State.SUPPRESSED]),
        excluded=int(by_state[State.EXCLUDED] + merged[State.EXCLUDED]),
        held_out=int(by_state[State.HELD_OUT] + merged[State.HELD_OUT]),
        profiles=int(by_state[State.SENDABLE] + merged[State.SENDABLE]),
        rejected=_rejected(layers),
    )


def _merged(profile: Hashes, state: np.ndarray) -> np.ndarray:
    """Profiles with several rows, by what each comes to as a whole."""
    totals = np.zeros(_STATES, dtype=np.int64)
    asked = state != State.NO_CONSENT
    frame = pl.DataFrame({"profile": profile[asked], "state": state[asked]})
    whole = frame.group_by("profile").agg(
        is_suppressed=(pl.col("state") == int(State.SUPPRESSED)).any(),
        is_excluded=(pl.col("state") == int(State.EXCLUDED)).all(),
        is_held_out=(pl.col("state") == int(State.HELD_OUT)).any(),
        is_sendable=(pl.col("state") == int(State.SENDABLE)).any(),
    )
    totals[State.SUPPRESSED] = int(whole["is_suppressed"].sum())
    totals[State.HELD_OUT] = int((whole["is_held_out"] & ~whole["is_suppressed"]).sum())
    totals[State.EXCLUDED] = int(whole["is_excluded"].sum())
    totals[State.SENDABLE] = int((whole["is_sendable"] & ~whole["is_suppressed"]).sum())
    totals[State.NO_IDENTIFIER] = whole.height - totals.sum()
    return totals


def _rejected(layers: Layers) -> dict[str, dict[str, int]]:
    """Rejected cells by kind and reason."""
    counts: dict[tuple[int, int], int] = defaultdict(int)
    for kind, reason in layers.rejected():
        pairs, times = np.unique(kind.astype(np.int64) * 256 + reason, return_counts=True)
        for pair, number in zip(pairs.tolist(), times.tolist(), strict=True):
            counts[divmod(pair, 256)] += number
    rejected: dict[str, dict[str, int]] = defaultdict(dict)
    for (code, why), number in sorted(counts.items()):
        rejected[Kind(code).label][Reason(why).label] = number
    return dict(rejected)
