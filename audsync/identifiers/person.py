"""What helps to tell people of one name apart: names, gender, date of birth."""

import polars as pl

from audsync.identifiers import text as texts
from audsync.identifiers.reasons import Reason

_NOT_OF_NAMES = r"[^\p{L}\p{M}\p{N}]+"
_TITLES = r"^(?:(?:dr|miss|mr|mrs|ms|mx|prof|sir)\.?\s+)+"
_SUFFIXES = r"(?:[\s,]+(?:jr|sr|ii|iii|iv|esq|md|phd)\.?)+$"
_EDGES = " ,"

_GENDERS = {
    "m": "m",
    "male": "m",
    "man": "m",
    "f": "f",
    "female": "f",
    "woman": "f",
}

_YEAR_FIRST = r"^([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})(?:[T ].*)?$"
_COMPACT = r"^([0-9]{4})([0-9]{2})([0-9]{2})$"
_YEAR_LAST = r"^([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})$"
_DOTTED = r"^[0-9]+\."
_MONTHS = 12
_FIRST_YEAR = 1900
_LAST_YEAR = 2099
"""Not "this year": with a clock here, one value would have two answers."""


def normalise_letters(raw: pl.Series) -> texts.Verdict:
    """Letters, marks and digits of any script in lower case; nothing else, no spaces."""
    return _non_empty(_lower(raw).str.replace_all(_NOT_OF_NAMES, ""))


def normalise_words(raw: pl.Series) -> texts.Verdict:
    """Lower-case words, one space apart, without titles before and suffixes behind."""
    words = _lower(raw).str.replace_all(r"[\s\p{Z}]+", " ").str.strip_chars(_EDGES)
    bare = words.str.replace(_TITLES, "").str.replace(_SUFFIXES, "").str.strip_chars(_EDGES)
    return _non_empty(bare, must_match=r"^[^\p{Cc}]*[\p{L}\p{N}][^\p{Cc}]*$")


def normalise_gender(raw: pl.Series) -> texts.Verdict:
    """`m` or `f`."""
    word = raw.str.to_lowercase().str.strip_suffix(".")
    return texts.verdict(word.replace_strict(_GENDERS, default=None, return_dtype=pl.String))


def normalise_birth(raw: pl.Series) -> texts.Verdict:
    """`YYYYMMDD`; days that do not exist and dates that read as two days are rejected."""
    text = pl.col("text")
    first = text.str.extract(_YEAR_LAST, 1).cast(pl.UInt8)
    second = text.str.extract(_YEAR_LAST, 2).cast(pl.UInt8)
    day_first = text.str.contains(_DOTTED) | (first > _MONTHS) | (first == second)
    month_first = second > _MONTHS
    parts = raw.to_frame("text").select(
        year=_first_of(_YEAR_FIRST, 1, _COMPACT, 1, _YEAR_LAST, 3),
        month=_first_of(_YEAR_FIRST, 2, _COMPACT, 2)
        .fill_null(pl.when(day_first).then(second).when(month_first).then(first).cast(pl.String))
        .str.zfill(2),
        day=_first_of(_YEAR_FIRST, 3, _COMPACT, 3)
        .fill_null(pl.when(day_first).then(first).when(month_first).then(second).cast(pl.String))
        .str.zfill(2),
        is_ambiguous=first.is_not_null() & ~day_first & ~month_first,
    )
    compact = pl.concat_str("year", "month", "day")
    day = compact.str.to_date("%Y%m%d", strict=False)
    judged = parts.select(
        normal=pl.when(day.dt.year().is_between(_FIRST_YEAR, _LAST_YEAR)).then(compact),
        is_ambiguous=pl.col("is_ambiguous"),
    )
    plain = texts.verdict(judged["normal"])
    code = pl.Series([int(Reason.AMBIGUOUS_DATE)], dtype=pl.UInt8).new_from_index(0, len(raw))
    return texts.Verdict(plain.normal, code.zip_with(judged["is_ambiguous"], plain.reason))


def _first_of(*patterns_and_groups: str | int) -> pl.Expr:
    """What the first matching pattern captures in the group named after it."""
    patterns = patterns_and_groups[::2]
    groups = patterns_and_groups[1::2]
    return pl.coalesce(
        pl.col("text").str.extract(str(pattern), int(group))
        for pattern, group in zip(patterns, groups, strict=True)
    )


def _lower(raw: pl.Series) -> pl.Series:
    return texts.tidy(raw).str.to_lowercase().str.normalize("NFC")


def _non_empty(text: pl.Series, must_match: str = ".") -> texts.Verdict:
    frame = text.to_frame("text")
    kept = pl.when(pl.col("text").str.contains(must_match)).then("text")
    return texts.verdict(frame.select(kept.alias("text")).to_series())
