"""One batch of raw source rows, prepared: identifiers that may be stored, and what each row is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from audsync.domain import FIRST_FIELD
from audsync.identifiers.kernel import PrepareSpec, link, prepare
from audsync.sync.tables.hashes import Hashes
from audsync.sync.wanted.agreement import has_agreed
from audsync.sync.wanted.holdout import Holdout, is_held_out
from audsync.sync.wanted.known import ROWS, State
from audsync.sync.wanted.sets import is_excluded, persons

IDENTIFIERS = pa.schema(
    [
        ("profile", pa.uint64()),
        ("kind", pa.uint8()),
        ("value", pa.binary()),
        ("reason", pa.uint8()),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Digested:
    """What a batch came to: `IDENTIFIERS`, a row's values together, and `ROWS`."""

    identifiers: pa.RecordBatch
    rows: pa.RecordBatch


def digest(
    batch: pa.RecordBatch, spec: PrepareSpec, *, salt: str, holdouts: Sequence[Holdout] = ()
) -> Digested:
    """Prepare raw rows for one platform.

    Args:
        batch: as `segments.files.read` yields them.
        spec: the platform and its rules.
        salt: the store's own, so that profile links mean nothing elsewhere.
        holdouts: draws that keep people out.
    """
    profile = _profiles(batch, salt)
    consent = has_agreed(batch, spec.platform)
    held_out = is_held_out(batch["profile_id"], holdouts)
    excluded = is_excluded(batch)
    state = np.full(len(profile), int(State.NO_CONSENT), dtype=np.uint8)
    state[consent] = int(State.EXCLUDED)
    state[consent & held_out] = int(State.HELD_OUT)
    asked = np.flatnonzero(consent & ~held_out & ~excluded)
    identifiers, has_any = _identifiers(batch, spec, asked, profile)
    state[asked] = np.where(has_any, int(State.SENDABLE), int(State.NO_IDENTIFIER))
    rows = pa.record_batch(
        [
            batch["fingerprint"],
            pa.array(profile),
            pa.array(state),
            pa.array(np.zeros(len(profile), dtype=bool)),
        ],
        schema=ROWS,
    )
    return Digested(identifiers=identifiers, rows=rows)


def _profiles(batch: pa.RecordBatch, salt: str) -> Hashes:
    """Links of the rows' profiles; a row without a profile id is a profile of its own."""
    ids = persons(batch)
    if ids.null_count:
        fingerprints = pc.cast(batch["fingerprint"], pa.string())
        nameless = pc.binary_join_element_wise(pa.scalar("\x00row"), fingerprints, "")
        ids = pc.coalesce(pc.cast(ids, pa.string()), nameless)
    links: Hashes = link(ids, salt).to_numpy(zero_copy_only=False)
    return links


def _identifiers(
    batch: pa.RecordBatch, spec: PrepareSpec, asked: np.ndarray, profile: Hashes
) -> tuple[pa.RecordBatch, np.ndarray]:
    """Prepared values of the rows that may be used, and which of these rows have an identifier."""
    raw = batch.take(pa.array(asked)) if len(asked) < len(batch) else batch
    numbered = raw.append_column("profile", pa.array(np.arange(raw.num_rows, dtype=np.uint64)))
    out = prepare(numbered, spec)
    row = out["profile"].to_numpy()
    kind = out["kind"].to_numpy()
    reason = out["reason"].to_numpy()
    has_any = np.zeros(raw.num_rows, dtype=bool)
    has_any[row[(kind < FIRST_FIELD) & (reason == 0)]] = True
    # A name without an identifier finds nobody; what was rejected is kept to be counted.
    keep = np.flatnonzero((kind < FIRST_FIELD) | has_any[row] | (reason > 0))
    order = keep[np.lexsort((kind[keep], row[keep]))]
    picked = pa.array(order)
    identifiers = pa.record_batch(
        [
            pa.array(profile[asked][row[order]]),
            pa.array(kind[order]),
            out["value"].take(picked),
            pa.array(reason[order]),
        ],
        schema=IDENTIFIERS,
    )
    return identifiers, has_any
