"""Whole columns of text: trimming what nobody sees, and the verdict that every rule gives."""

from collections.abc import Callable
from typing import NamedTuple

import polars as pl

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


def verdict(normal: pl.Series, otherwise: Reason = Reason.INVALID_FORMAT) -> Verdict:
    """Accept what is not null; the rest is rejected for one reason."""
    reason = normal.is_null().cast(pl.UInt8) * int(otherwise)
    return Verdict(normal, reason.cast(pl.UInt8))


def trim(text: pl.Series) -> pl.Series:
    """Without white space and unseen signs at both ends."""
    trimmed = text.str.strip_chars(_ASCII_SPACES)
    return mend(trimmed, is_foreign(trimmed), _trim_rare)


def tidy(text: pl.Series) -> pl.Series:
    """Trimmed text without unseen signs inside, composed (NFC).

    Zero-width signs, soft hyphens and marks of direction come with text copied from pages and
    sheets; the same letters typed with or without combining marks must give one hash.
    """
    return mend(text, is_foreign(text), _tidy_rare)


def is_foreign(text: pl.Series) -> pl.Series:
    """Whether there is anything beyond ASCII: the cheapest of all questions."""
    return text.str.len_bytes() != text.str.len_chars()


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
    places = where.arg_true()
    if places.is_empty():
        return whole
    return whole.clone().scatter(places, how(whole.gather(places)))
