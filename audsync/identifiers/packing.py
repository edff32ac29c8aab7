"""Values and rejections of a batch, column by column, put together into the rows that travel.

All texts that are hashed are hashed in one go: a query costs as much as hashing a thousand of them.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum, auto

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from audsync.domain import Kind
from audsync.identifiers import hashing
from audsync.identifiers.reasons import Reason

Rows = npt.NDArray[np.integer]
"""Numbers of rows of a batch, or of values of a part."""


class Way(IntEnum):
    """How a text becomes a value; also the order of the values in a batch."""

    DIGEST = auto()
    """Its SHA-256."""
    SPELT = auto()
    """The bytes that its hexadecimal digits spell."""
    TEXT = auto()
    """As it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """Accepted values of one kind."""

    kind: Kind
    way: Way
    text: pl.Series
    rows: Rows
    picks: Rows | None = None
    """Which text each row has; None where they are as many and in the same order."""
    reason: Reason = Reason.ACCEPTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejections:
    """Rejected cells of one kind."""

    kind: Kind
    rows: Rows
    reasons: npt.NDArray[np.uint8]


def pack(
    profiles: npt.NDArray[np.uint64],
    values: Sequence[Values],
    rejections: Sequence[Rejections],
    *,
    manifold: Collection[Kind],
) -> pa.RecordBatch:
    """One row a value and a rejection, as `kernel.prepare` gives them.

    Args:
        profiles: of each row of the batch.
        values: accepted ones; rows of one profile may repeat a value.
        rejections: the others.
        manifold: kinds of which a row may have several values.
    """
    ordered = sorted(values, key=lambda part: part.way)
    good = _rows(profiles, ordered)
    sizes = [len(part.rows) for part in ordered]
    good.append(np.repeat(np.array([int(part.reason) for part in ordered], np.uint8), sizes))
    packed = pa.concat_arrays(
        [_digests(ordered), *(_as_they_are(part) for part in ordered if part.way is Way.TEXT)]
    )
    repeats = _repeats(profiles, ordered, manifold)
    if repeats is not None:
        kept = _without_repeats(good, packed, repeats)
        good = [each[kept] for each in good]
        packed = packed.take(pa.array(kept))
    bad = _rows(profiles, rejections)
    reasons = np.concatenate([good.pop(), *(part.reasons for part in rejections)])
    return pa.RecordBatch.from_arrays(
        [
            *(pa.array(np.concatenate(pair)) for pair in zip(good, bad, strict=True)),
            pa.concat_arrays([packed, pa.nulls(len(bad[0]), pa.binary())]),
            pa.array(reasons),
        ],
        names=["profile", "kind", "value", "reason"],
    )


def _rows(
    profiles: npt.NDArray[np.uint64], parts: Sequence[Values | Rejections]
) -> list[npt.NDArray[np.unsignedinteger]]:
    """Profile and kind of each row."""
    rows = [np.empty(0, np.intp), *(part.rows for part in parts)]
    kinds = [int(part.kind) for part in parts]
    sizes = [len(part.rows) for part in parts]
    return [profiles[np.concatenate(rows)], np.repeat(np.array(kinds, np.uint8), sizes)]


def _digests(parts: Iterable[Values]) -> pa.Array:
    """The values of 32 bytes: what is hashed here, and what was hashed before."""
    hashed = [part for part in parts if part.way is Way.DIGEST]
    texts = [pl.Series([], dtype=pl.String), *(part.text for part in hashed)]
    every = hashing.digests(pl.concat(texts))
    found, start = [], 0
    for part in hashed:
        own = every[start : start + len(part.text)]
        found.append(own if part.picks is None else own[part.picks])
        start += len(part.text)
    found.extend(_spelt(part) for part in parts if part.way is Way.SPELT)
    return _binary(np.concatenate(found)) if found else pa.array([], pa.binary())


def _spelt(part: Values) -> hashing.Bytes:
    own = hashing.spelt(part.text)
    return own if part.picks is None else own[part.picks]


def _binary(digests: hashing.Bytes) -> pa.Array:
    offsets = np.arange(len(digests) + 1, dtype=np.int32) * hashing.DIGEST_BYTES
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(digests)]
    return pa.Array.from_buffers(pa.binary(), len(digests), buffers)


def _as_they_are(part: Values) -> pa.Array:
    text = part.text if part.picks is None else part.text.gather(part.picks)
    return text.cast(pl.Binary).to_arrow().cast(pa.binary())


def _repeats(
    profiles: npt.NDArray[np.uint64], parts: Sequence[Values], manifold: Collection[Kind]
) -> npt.NDArray[np.bool_] | None:
    """Which of the accepted rows may hold what another one holds; None for none."""
    is_rising = bool((profiles[1:] > profiles[:-1]).all())
    if not is_rising and len(np.unique(profiles)) < len(profiles):
        return np.ones(sum(len(part.rows) for part in parts), dtype=bool)
    flags = [np.full(len(part.rows), part.kind in manifold) for part in parts]
    found = np.concatenate([np.empty(0, dtype=bool), *flags])
    return found if found.any() else None


def _without_repeats(
    good: Sequence[npt.NDArray[np.unsignedinteger]],
    packed: pa.Array,
    repeats: npt.NDArray[np.bool_],
) -> npt.NDArray[np.intp]:
    """The places of the rows that stay: equal ones once."""
    at = np.flatnonzero(repeats)
    frame = pl.DataFrame(
        {
            "at": at,
            "profile": good[0][at],
            "kind": good[1][at],
            "value": pl.Series(pl.from_arrow(packed.take(pa.array(at)))),
        }
    )
    stay = frame.unique(["profile", "kind", "value"], keep="any")["at"].to_numpy()
    return np.concatenate([np.flatnonzero(~repeats), stay])
