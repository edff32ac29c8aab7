"""Whole columns of text: trimming what nobody sees, and the verdict that every rule gives."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from audsync.identifiers.reasons import Reason

_ASCII_SPACES = "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f "
_SPACES = (
    "\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_UNSEEN = (
    "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2061\u2062\u2063\u2064\ufeff"
)
_UNSEEN_CLASS = f"[{_UNSEEN}]"

HEX_64 = "^[0-9A-Fa-f]{64}$"
HEX_64_CHARS = 64


class Verdict(NamedTuple):
    """What became of each value: two columns as long as the one that was judged."""

    normal: pl.Series
    """String: the normal form; null when rejected."""
    reason: pl.Series
    """UInt8: `Reason`, 0 where `normal` is not null."""


class Found(NamedTuple):
    """The values of a column whose verdict needs no second look; none of them is a hash."""

    where: pl.Series
    """Boolean, as long as the column, without nulls: what is accepted."""
    normal: pl.Series
    """String: the normal form of each value at `where`."""
    refused: npt.NDArray[np.bool_] | None = None
    """What is rejected for `Reason.INVALID_PHONE`, unless possible numbers are kept."""


class Few(NamedTuple):
    """A column of which many cells are equal."""

    different: pl.Series
    """String, without nulls."""
    numbers: npt.NDArray[np.int32]
    """Of each cell: which of the different ones it is; -1 for null."""


def few(cells: pa.Array) -> Few:
    """Each different cell once."""
    encoded = pc.dictionary_encode(cells)
    numbers = pc.fill_null(encoded.indices, -1).to_numpy()
    return Few(series(encoded.dictionary), numbers)


def have_length(cells: pa.Array) -> npt.NDArray[np.bool_]:
    """Which cells hold any text. Not asked of Arrow, which makes an array a step."""
    offsets = np.frombuffer(cells.buffers()[1] or bytes(4), np.int32)
    ends = offsets[cells.offset : cells.offset + len(cells) + 1]
    has: npt.NDArray[np.bool_] = ends[1:] > ends[:-1]
    if cells.null_count:
        has &= cells.is_valid().to_numpy(zero_copy_only=False)
    return has


def lowered(cells: pa.Array) -> pa.Array:
    """With a to z for A to Z and no other change; 40 times as fast as lowering any script."""
    return pc.ascii_lower(cells)


def trimmed_of_spaces(cells: pa.Array) -> pa.Array:
    """Without plain spaces at both ends, which is nearly all there is to trim."""
    return pc.ascii_trim(cells, characters=" ")


def series(column: pa.Array | pa.ChunkedArray) -> pl.Series:
    """The same cells for Polars."""
    return pl.Series(pl.from_arrow(column))


def cells_of(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """The column as Arrow's plain string array; numbers and other types are spelt out."""
    if pa.types.is_string(column.type):
        return column
    spelt = series(column).cast(pl.String).rechunk()
    return spelt.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pa.string())


def verdict(normal: pl.Series, otherwise: Reason = Reason.INVALID_FORMAT) -> Verdict:
    """Accept what is not null; the rest is rejected for one reason."""
    reason = normal.is_null().cast(pl.UInt8) * int(otherwise)
    return Verdict(normal, reason.cast(pl.UInt8))


class Sizes(NamedTuple):
    """How long each text is; a null has no length."""

    bytes: npt.NDArray[np.uint32]
    chars: npt.NDArray[np.uint32]


def measure(text: pl.Series) -> Sizes:
    """Bytes and characters; they differ where there is anything beyond ASCII."""
    length = pl.col("text").str
    sizes = text.to_frame("text").select(
        bytes=length.len_bytes().fill_null(0), chars=length.len_chars().fill_null(0)
    )
    return Sizes(sizes["bytes"].to_numpy(), sizes["chars"].to_numpy())


def trimmed(text: str) -> str:
    """Without white space and unseen signs at both ends."""
    return text.strip(_ASCII_SPACES + _SPACES + _UNSEEN)


def trim_where(text: pl.Series, is_foreign: npt.NDArray[np.bool_]) -> pl.Series:
    """As `trimmed`, where it is known which texts have anything beyond ASCII."""
    return mend(text.str.strip_chars(_ASCII_SPACES), pl.Series(is_foreign), _trim_rare)


def tidy(text: pl.Series) -> pl.Series:
    """Trimmed text without unseen signs inside, composed (NFC).

    Zero-width signs, soft hyphens and marks of direction come with text copied from pages and
    sheets; the same letters typed with or without combining marks must give one hash.
    """
    return mend(text, is_foreign(text), _tidy_rare)


def is_foreign(text: pl.Series) -> pl.Series:
    """Whether there is anything beyond ASCII: the cheapest of all questions."""
    length = pl.col("text").str
    is_so = length.len_bytes() != length.len_chars()
    return text.to_frame("text").select(is_so).to_series()


def _trim_rare(text: pl.Series) -> pl.Series:
    return text.str.strip_chars(_ASCII_SPACES + _SPACES + _UNSEEN)


def _tidy_rare(text: pl.Series) -> pl.Series:
    return _trim_rare(text.str.replace_all(_UNSEEN_CLASS, "").str.normalize("NFC"))


def mend(whole: pl.Series, where: pl.Series, how: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """`whole` with `how` applied to the values at `where` only; they are few as a rule.

    Args:
        whole: any column without nulls.
        where: Boolean, as long.
        how: a function of whole columns that keeps the length.
    """
    if not where.any():
        return whole
    places = where.arg_true()
    return whole.clone().scatter(places, how(whole.gather(places)))
