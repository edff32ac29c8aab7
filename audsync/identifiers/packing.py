"""Values and rejections of a batch, column by column, put together into the rows that travel.

All texts that are hashed are hashed in one go: a query costs as much as hashing a thousand of them.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import IntEnum, auto
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from audsync.domain import Kind
from audsync.identifiers import hashing
from audsync.identifiers.reasons import Reason

Rows = npt.NDArray[np.integer]
"""Numbers of rows of a batch, or of values of a part."""


_NO_REASONS = np.empty(0, dtype=np.uint8)


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
    ordered = sorted(values, key=lambda part: (part.way, part.picks is not None))
    parts: list[Values | Rejections] = [*ordered, *rejections]
    sizes = [len(part.rows) for part in parts]
    rows = np.concatenate([np.empty(0, np.intp), *(part.rows for part in parts)])
    reasons = [np.full(len(part.rows), int(part.reason), np.uint8) for part in ordered]
    batch = pa.RecordBatch.from_arrays(
        [
            pa.array(profiles[rows]),
            pa.array(np.repeat(np.array([int(part.kind) for part in parts], np.uint8), sizes)),
            _values(ordered, rejected=sum(sizes[len(ordered) :])),
            pa.array(np.concatenate([_NO_REASONS, *reasons, *(bad.reasons for bad in rejections)])),
        ],
        names=["profile", "kind", "value", "reason"],
    )
    kept = _kept(batch, profiles, ordered, manifold)
    return batch if kept is None else batch.take(pa.array(kept))


def _values(parts: Sequence[Values], *, rejected: int) -> pa.Array:
    """The values, digests first, in one buffer, and as many nulls as cells were rejected."""
    taken = [_Text.of(part) for part in parts if part.way is Way.TEXT]
    digests = [part for part in parts if part.way is not Way.TEXT]
    fixed = sum(len(part.rows) for part in digests)
    fixed_bytes = fixed * hashing.DIGEST_BYTES
    data = np.empty(fixed_bytes + sum(len(text.data) for text in taken), dtype=np.uint8)
    _write_digests(digests, data[:fixed_bytes].reshape(-1, hashing.DIGEST_BYTES))
    ends = [np.arange(fixed + 1, dtype=np.int32) * np.int32(hashing.DIGEST_BYTES)]
    end = fixed_bytes
    for text in taken:
        data[end : end + len(text.data)] = text.data
        ends.append((text.ends + end).astype(np.int32))
        end += len(text.data)
    ends.append(np.full(rejected, end, dtype=np.int32))
    offsets = np.concatenate(ends)
    is_valid = np.ones(len(offsets) - 1, dtype=bool)
    is_valid[len(is_valid) - rejected :] = False
    validity = pa.py_buffer(np.packbits(is_valid, bitorder="little")) if rejected else None
    buffers = [validity, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.binary(), len(is_valid), buffers, rejected)


def _write_digests(parts: Sequence[Values], out: hashing.Bytes) -> None:
    """Write the values of 32 bytes: hashed here, or hashed before and spelt out."""
    plain = [part for part in parts if part.way is Way.DIGEST and part.picks is None]
    start = sum(len(part.rows) for part in plain)
    if plain:
        hashing.digests(pl.concat([part.text for part in plain]), out[:start])
    for part in parts[len(plain) :]:
        end = start + len(part.rows)
        make = hashing.digests if part.way is Way.DIGEST else hashing.spelt
        if part.picks is None:
            make(part.text, out[start:end])
        else:
            few = np.empty((len(part.text), hashing.DIGEST_BYTES), dtype=np.uint8)
            make(part.text, few)
            np.take(few, part.picks, axis=0, out=out[start:end], mode="clip")
        start = end


class _Text(NamedTuple):
    """Texts one behind the other."""

    data: hashing.Bytes
    ends: npt.NDArray[np.int64]
    """Where each ends."""

    @classmethod
    def of(cls, part: Values) -> "_Text":
        text = part.text if part.picks is None else part.text.gather(part.picks)
        array = text.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
        _, offsets, data = array.buffers()
        ends = np.frombuffer(offsets, np.int64, len(array) + 1, 8 * array.offset)
        return cls(np.frombuffer(data or b"", np.uint8)[ends[0] : ends[-1]], ends[1:] - ends[0])


def _kept(
    batch: pa.RecordBatch,
    profiles: npt.NDArray[np.uint64],
    parts: Sequence[Values],
    manifold: Collection[Kind],
) -> npt.NDArray[np.integer] | None:
    """The places of the rows that stay: of equal accepted ones one; None for all."""
    may_repeat = np.zeros(batch.num_rows, dtype=bool)
    good = sum(len(part.rows) for part in parts)
    is_rising = bool((profiles[1:] > profiles[:-1]).all())
    if not is_rising and len(np.unique(profiles)) < len(profiles):
        may_repeat[:good] = True
    else:
        flags = [np.full(len(part.rows), part.kind in manifold) for part in parts]
        may_repeat[:good] = np.concatenate([may_repeat[:0], *flags])
    at = np.flatnonzero(may_repeat)
    if not len(at):
        return None
    some = pl.DataFrame(pa.Table.from_batches([batch.take(pa.array(at))])).with_columns(at=at)
    stay = some.unique(["profile", "kind", "value"], keep="any")["at"].to_numpy()
    return np.concatenate([np.flatnonzero(~may_repeat), stay])
