"""Advertising ids of phones: IDFA and AAID, both written as a UUID.

Braces and missing hyphens are repaired; the all-zero id that a device gives when its owner
refused tracking is nobody's.
"""

import polars as pl
import pyarrow as pa

from audsync.identifiers import text as texts
from audsync.identifiers.reasons import Reason

_HEX = r"^[0-9A-Fa-f]{8}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{12}$"
_LETTERS = r"^[0-9A-Za-z]{8}-[0-9A-Za-z]{4}-[0-9A-Za-z]{4}-[0-9A-Za-z]{4}-[0-9A-Za-z]{12}$"
_HYPHENED = _HEX.replace("-?", "-")
_BARE = r"^(.{8})(.{4})(.{4})(.{4})(.{12})$"
_ZERO = "00000000-0000-0000-0000-000000000000"


def ordinary(cells: pa.Array) -> texts.Found:
    """What `normalise` accepts with all hyphens in place."""
    return _ordinary(texts.lowered(cells), _HYPHENED)


def ordinary_letters(cells: pa.Array) -> texts.Found:
    """What `normalise_letters` accepts with all hyphens in place."""
    return _ordinary(texts.lowered(cells), _LETTERS)


def ordinary_as_given(cells: pa.Array) -> texts.Found:
    """What `normalise_as_given` accepts with all hyphens in place."""
    return _ordinary(cells, _HYPHENED)


def _ordinary(cells: pa.Array, shape: str) -> texts.Found:
    text = texts.series(cells)
    is_good = pl.col("text").str.contains(shape) & (pl.col("text") != _ZERO)
    where = text.to_frame("text").select(is_good.fill_null(value=False)).to_series()
    return texts.Found(where, text.filter(where))


def normalise(raw: pl.Series) -> texts.Verdict:
    """Lower-case with hyphens; hexadecimal digits only."""
    return _judge(raw.str.to_lowercase(), allows_letters=False)


def normalise_letters(raw: pl.Series) -> texts.Verdict:
    """Lower-case with hyphens; any ASCII letter where the hyphens are already in place."""
    return _judge(raw.str.to_lowercase(), allows_letters=True)


def normalise_as_given(raw: pl.Series) -> texts.Verdict:
    """With hyphens, in the case it came in."""
    return _judge(raw, allows_letters=False)


def _judge(raw: pl.Series, *, allows_letters: bool) -> texts.Verdict:
    text = pl.col("text")
    bare = text.str.replace_all("-", "", literal=True)
    frame = pl.DataFrame({"text": raw}).with_columns(
        text.str.strip_prefix("{").str.strip_suffix("}").str.strip_chars()
    )
    shape = text.str.contains(_HEX)
    if allows_letters:
        shape |= text.str.contains(_LETTERS)
    frame = frame.with_columns(text=pl.when(shape).then(text))
    is_bare = frame["text"].str.len_bytes().ne(len(_ZERO)).fill_null(value=False)
    hyphened = texts.mend(
        frame["text"],
        is_bare,
        lambda some: some.to_frame("text").select(bare.str.replace(_BARE, "$1-$2-$3-$4-$5"))[
            "text"
        ],
    )
    judged = pl.DataFrame({"text": hyphened}).select(
        normal=pl.when(text != _ZERO).then(text),
        reason=pl.when(text.is_null())
        .then(pl.lit(int(Reason.INVALID_FORMAT), pl.UInt8))
        .when(text == _ZERO)
        .then(pl.lit(int(Reason.ZERO_ID), pl.UInt8))
        .otherwise(pl.lit(0, pl.UInt8)),
    )
    return texts.Verdict(judged["normal"], judged["reason"])
