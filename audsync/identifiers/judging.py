"""The verdict on one column of raw cells, whatever its kind.

What holds for every kind is here: blank cells are absent, values that are hashed already pass or
not, placeholders and endless cells are rejected. What a kind's own form is, its module says.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
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

_Flags = npt.NDArray[np.bool_]
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


class Cells(NamedTuple):
    """Raw cells of one kind."""

    rows: npt.NDArray[np.integer]
    """Where they are from."""
    text: pl.Series
    """String, as the source gave it."""
    region: pl.Series
    """As place.Regions has them."""

    def pick(self, where: _Flags) -> "Cells":
        """Some of the cells."""
        if where.all():
            return self
        chosen = pl.Series(where)
        return Cells(self.rows[where], self.text.filter(chosen), self.region.filter(chosen))


class Judged(NamedTuple):
    """What became of each cell that is not blank, in no order."""

    rows: npt.NDArray[np.integer]
    text: pl.Series
    """String: the normal form, or the hash in lower case where the cell was one; null when
    rejected."""
    reason: npt.NDArray[np.uint8]
    is_hash: _Flags


class Reading(NamedTuple):
    """What a verdict depends on beside the cell and its region."""

    kind: Kind
    form: Form
    """The platform's normal form of that kind."""
    is_raw: bool
    """Whether the platform takes the text itself."""
    is_lenient: bool
    """Keep possible phone numbers."""


def judge(cells: Cells, reading: Reading) -> Judged:
    """The verdict on each cell that is not blank."""
    kind, is_raw = reading.kind, reading.is_raw
    sizes = texts.measure(cells.text)
    is_endless = sizes.bytes > _MAX_CELL_BYTES
    if kind is Kind.PHONE:
        is_endless |= sizes.chars > phone.MAX_CHARS
    endless = cells.rows[is_endless]
    is_read = (sizes.bytes > 0) & ~is_endless
    is_foreign = (sizes.bytes != sizes.chars)[is_read]
    cells = cells.pick(is_read)
    cells = cells._replace(text=texts.trim_where(cells.text, is_foreign))
    length = cells.text.str.len_bytes().to_numpy()
    is_hash = length == texts.HEX_64_CHARS
    if is_hash.any():
        is_hash[is_hash] = _are_hashes(cells.text.filter(pl.Series(is_hash)), kind, is_raw=is_raw)
    others = cells.pick((length > 0) & ~is_hash)
    parts = [_of_texts(others, reading)] if len(others.rows) else []
    if is_hash.any():
        must_be_raw = (is_raw and kind is not Kind.EXTERNAL_ID) or kind is Kind.DATE_OF_BIRTH
        parts.append(_of_hashes(cells.pick(is_hash), must_be_raw=must_be_raw))
    if len(endless):
        parts.append(_rejected(endless, Reason.TOO_LONG))
    return _joined(parts)


def _joined(parts: Sequence[Judged]) -> Judged:
    if len(parts) == 1:
        return parts[0]
    rows, text, reason, is_hash = zip(_NONE, *parts, strict=True)
    return Judged(
        np.concatenate(rows), pl.concat(text), np.concatenate(reason), np.concatenate(is_hash)
    )


def _are_hashes(text: pl.Series, kind: Kind, *, is_raw: bool) -> _Flags:
    """Which of the texts as long as one are a SHA-256 that may be taken for one."""
    are = text.str.contains(texts.HEX_64)
    if kind is Kind.EXTERNAL_ID and is_raw:
        are &= text.str.to_lowercase() == _EMPTY_HASH
    return are.to_numpy()


def _of_texts(cells: Cells, reading: Reading) -> Judged:
    kind, form = reading.kind, reading.form
    if kind is Kind.PHONE:
        judged = phone.normalise(cells.text, cells.region, is_lenient=reading.is_lenient)
    else:
        judged = _NORMALISERS[form](cells.text, cells.region)
    find = _without_words if kind in _SHAPED else _without_words_and_odd
    text, reason = find(cells.text, judged, kind)
    if form is Form.PHONE_PLUS:
        text = text.to_frame("text").select("+" + pl.col("text")).to_series()
    return Judged(cells.rows, text, reason, np.zeros(len(reason), dtype=bool))


def _without_words(
    raw: pl.Series, judged: texts.Verdict, kind: Kind
) -> tuple[pl.Series, npt.NDArray[np.uint8]]:
    """Say of what was rejected whether it says that there is nothing."""
    reason = judged.reason.to_numpy().copy()
    at = np.flatnonzero(reason)
    if len(at):
        is_word = raw.gather(at).str.to_lowercase().is_in(_words(kind)).to_numpy()
        reason[at[is_word]] = int(Reason.PLACEHOLDER)
    return judged.normal, reason


def _without_words_and_odd(
    raw: pl.Series, judged: texts.Verdict, kind: Kind
) -> tuple[pl.Series, npt.NDArray[np.uint8]]:
    """Reject what says that there is nothing, and what would be read otherwise the next time."""
    words = _words(kind)
    given, text = pl.col("raw"), pl.col("text")
    is_word = given.str.to_lowercase().is_in(words) | text.str.to_lowercase().is_in(words)
    like_hash = text.str.contains(texts.HEX_64) & pl.lit(kind is not Kind.EXTERNAL_ID)
    rows = pl.DataFrame({"raw": raw, "text": judged.normal, "reason": judged.reason})
    rows = rows.select(
        "text",
        reason=pl.when(is_word)
        .then(_code(Reason.PLACEHOLDER))
        .when(text.str.len_bytes() > _MAX_VALUE_BYTES)
        .then(_code(Reason.TOO_LONG))
        .when(like_hash)
        .then(_code(Reason.INVALID_FORMAT))
        .otherwise("reason"),
    )
    kept = rows.select(text=pl.when(pl.col("reason") == 0).then(text)).to_series()
    return kept, rows["reason"].to_numpy()


def _words(kind: Kind) -> tuple[str, ...]:
    return _WORDS if kind in _NAMED else _WORDS + _MORE_WORDS


def _of_hashes(cells: Cells, *, must_be_raw: bool) -> Judged:
    if must_be_raw:
        return _rejected(cells.rows, Reason.ALREADY_HASHED)
    lowered = cells.text.str.to_lowercase()
    is_empty = (lowered == _EMPTY_HASH).to_numpy()
    return Judged(
        cells.rows,
        lowered.scatter(np.flatnonzero(is_empty), None),
        is_empty * np.uint8(Reason.EMPTY_HASH),
        np.ones(len(lowered), dtype=bool),
    )


def _rejected(rows: npt.NDArray[np.integer], reason: Reason) -> Judged:
    return Judged(
        rows,
        pl.Series([None], dtype=pl.String).new_from_index(0, len(rows)),
        np.full(len(rows), int(reason), np.uint8),
        np.full(len(rows), reason is Reason.ALREADY_HASHED),
    )


def _external_id(raw: pl.Series) -> texts.Verdict:
    """As it came in: its owner knows what it means."""
    kept = pl.when(~pl.col("text").str.contains(r"\p{Cc}")).then("text")
    return texts.verdict(raw.to_frame("text").select(kept.alias("text")).to_series())


def _code(reason: Reason) -> pl.Expr:
    return pl.lit(int(reason), pl.UInt8)


_NONE = _rejected(np.empty(0, dtype=np.uint32), Reason.TOO_LONG)
