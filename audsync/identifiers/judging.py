"""The verdict on one column of raw cells, whatever its kind.

What holds for every kind is here: blank cells are absent, values that are hashed already pass or
not, placeholders and endless cells are rejected. What a kind's own form is, its module says.
"""

from collections.abc import Callable, Mapping

import polars as pl

from audsync.domain import Kind
from audsync.identifiers import device, email, person, phone, place
from audsync.identifiers import text as texts
from audsync.identifiers.reasons import Reason
from audsync.identifiers.rules import Form

_MAX_CELL_BYTES = 4096
"""Beyond this nothing of a cell is looked at."""
_MAX_VALUE_BYTES = 1024

_EMPTY_HASH = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

_SHAPED = frozenset({Kind.EMAIL, Kind.PHONE, Kind.MOBILE_ID, Kind.GENDER, Kind.DATE_OF_BIRTH})
"""Kinds whose shape no word has: only what was rejected can be a placeholder."""

_WORDS = (
    "null", "(null)", "<null>", "[null]", "n/a", "#n/a", "(n/a)", "none", "(none)", "<none>",
    "undefined", "unknown", "(unknown)", "(blank)", "not available", "not provided", "not set",
    "notavailable", "notprovided", "notset",
)  # fmt: skip
_MORE_WORDS = (
    "na", "n.a.", "nan", "nil", "empty", "missing", "-", "--", "---", ".", "?",
)  # fmt: skip
"""Not for names and places: Nil, Nan and Na are people's names, NA is Namibia and Naples."""
_NAMED = frozenset({Kind.FIRST_NAME, Kind.LAST_NAME, Kind.CITY, Kind.STATE, Kind.COUNTRY})

_Normaliser = Callable[[pl.Series, pl.Series], texts.Verdict]

_NORMALISERS: Mapping[Form, _Normaliser] = {
    Form.EMAIL: lambda raw, _: email.normalise(raw),
    Form.EMAIL_SPACELESS: lambda raw, _: email.normalise_spaceless(raw),
    Form.EMAIL_GMAIL: lambda raw, _: email.normalise_gmail(raw),
    Form.DEVICE: lambda raw, _: device.normalise(raw),
    Form.DEVICE_LETTERS: lambda raw, _: device.normalise_letters(raw),
    Form.DEVICE_AS_GIVEN: lambda raw, _: device.normalise_as_given(raw),
    Form.EXTERNAL_ID: lambda raw, _: _external_id(raw),
    Form.NAME_LETTERS: lambda raw, _: person.normalise_letters(raw),
    Form.NAME_WORDS: lambda raw, _: person.normalise_words(raw),
    Form.GENDER: lambda raw, _: person.normalise_gender(raw),
    Form.DATE_OF_BIRTH: lambda raw, _: person.normalise_birth(raw),
    Form.CITY: lambda raw, _: place.normalise_city(raw),
    Form.STATE: place.normalise_state,
    Form.ZIP_COMPACT: place.normalise_zip_compact,
    Form.ZIP_AS_GIVEN: lambda raw, _: place.normalise_zip_as_given(raw),
    Form.COUNTRY_LOWER: lambda raw, _: place.normalise_country_lower(raw),
    Form.COUNTRY_UPPER: lambda raw, _: place.normalise_country_upper(raw),
}


def judge(
    cells: pl.DataFrame, *, kind: Kind, form: Form, is_raw: bool, is_lenient: bool
) -> pl.DataFrame:
    """What becomes of each cell that is not blank.

    Args:
        cells: columns `row` uint32, `text` as the source gave it, `region` (see place.regions).
        kind: of all of them.
        form: the platform's normal form of that kind.
        is_raw: whether the platform takes the text itself.
        is_lenient: keep possible phone numbers.

    Returns:
        one row a cell, in no order: `row`; `text`: the normal form, or the hash in lower case
        where the cell was one, null when rejected; `reason` uint8; `is_hash`.
    """
    text = pl.col("text")
    is_endless = text.str.len_bytes() > _MAX_CELL_BYTES
    if kind is Kind.PHONE:
        is_endless |= text.str.len_chars() > phone.MAX_CHARS
    endless, cells = _split(cells.filter(text.str.len_bytes() > 0), is_endless)
    cells = cells.with_columns(text=texts.trim(cells["text"]))
    _, cells = _split(cells, text.str.len_bytes() == 0)
    as_long, cells = _split(cells, text.str.len_bytes() == texts.HEX_64_CHARS)
    is_hash = text.str.contains(texts.HEX_64)
    if kind is Kind.EXTERNAL_ID and is_raw:
        is_hash &= text.str.to_lowercase() == _EMPTY_HASH
    hashes, others = _split(as_long, is_hash)
    cells = pl.concat([cells, others])
    must_be_raw = (is_raw and kind is not Kind.EXTERNAL_ID) or kind is Kind.DATE_OF_BIRTH
    return pl.concat(
        [
            _rejected(endless, Reason.TOO_LONG),
            _rejected(hashes, Reason.ALREADY_HASHED) if must_be_raw else _of_hashes(hashes),
            _of_texts(cells, kind, form, is_lenient=is_lenient),
        ]
    )


def _split(cells: pl.DataFrame, rare: pl.Expr) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of which something rare is true, and the others."""
    mask = cells.select(rare).to_series()
    return (cells.filter(mask), cells.filter(~mask)) if mask.any() else (cells.clear(), cells)


def _of_texts(cells: pl.DataFrame, kind: Kind, form: Form, *, is_lenient: bool) -> pl.DataFrame:
    raw, region = cells["text"], cells["region"]
    if kind is Kind.PHONE:
        judged = phone.normalise(raw, region, is_lenient=is_lenient)
    else:
        judged = _NORMALISERS[form](raw, region)
    rows = pl.DataFrame(
        {"row": cells["row"], "raw": raw, "text": judged.normal, "reason": judged.reason}
    )
    suspects, others = (
        _split(rows, pl.col("reason") != 0) if kind in _SHAPED else (rows, rows.clear())
    )
    rows = pl.concat([others, _without_words(suspects, kind)])
    text = pl.col("text")
    return rows.select(
        "row",
        text="+" + text if form is Form.PHONE_PLUS else text,
        reason="reason",
        is_hash=pl.lit(value=False),
    )


def _without_words(rows: pl.DataFrame, kind: Kind) -> pl.DataFrame:
    """Reject what says that there is nothing, and what would be read otherwise the next time."""
    words = _WORDS if kind in _NAMED else _WORDS + _MORE_WORDS
    raw, text, reason = pl.col("raw"), pl.col("text"), pl.col("reason")
    is_word = raw.str.to_lowercase().is_in(words) | text.str.to_lowercase().is_in(words)
    like_hash = text.str.contains(texts.HEX_64) & pl.lit(kind is not Kind.EXTERNAL_ID)
    return rows.with_columns(
        reason=pl.when(is_word)
        .then(_code(Reason.PLACEHOLDER))
        .when(text.str.len_bytes() > _MAX_VALUE_BYTES)
        .then(_code(Reason.TOO_LONG))
        .when(like_hash)
        .then(_code(Reason.INVALID_FORMAT))
        .otherwise(reason)
    ).with_columns(text=pl.when(reason == 0).then(text))


def _of_hashes(cells: pl.DataFrame) -> pl.DataFrame:
    lowered = pl.col("text").str.to_lowercase()
    is_empty = lowered == _EMPTY_HASH
    return cells.select(
        "row",
        text=pl.when(~is_empty).then(lowered),
        reason=pl.when(is_empty).then(_code(Reason.EMPTY_HASH)).otherwise(_code(Reason.ACCEPTED)),
        is_hash=pl.lit(value=True),
    )


def _rejected(cells: pl.DataFrame, reason: Reason) -> pl.DataFrame:
    return cells.select(
        "row",
        text=pl.lit(None, pl.String),
        reason=_code(reason),
        is_hash=pl.lit(reason is Reason.ALREADY_HASHED),
    )


def _external_id(raw: pl.Series) -> texts.Verdict:
    """As it came in: its owner knows what it means."""
    kept = pl.when(~pl.col("text").str.contains(r"\p{Cc}")).then("text")
    return texts.verdict(raw.to_frame("text").select(kept.alias("text")).to_series())


def _code(reason: Reason) -> pl.Expr:
    return pl.lit(int(reason), pl.UInt8)
