"""Where somebody lives: city, state, postal code and country."""

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from audsync.identifiers import text as texts
from audsync.identifiers.countries import code_of

UNKNOWN_COUNTRY = "ZZ"
"""Stands for a country cell that names none (ISO 3166-1 leaves the code to its users)."""

_UNITED_STATES = "US"
_WITHOUT_MARKS = {
    "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th",
    "\u0131": "i",
}  # fmt: skip
"""Latin letters that Unicode does not take apart into a letter and a mark."""

_US_ZIP = r"^([0-9]{5})(?:-?[0-9]{4})?$"

_US_STATES = """
al alabama|ak alaska|az arizona|ar arkansas|ca california|co colorado|ct connecticut|de delaware
dc districtofcolumbia|fl florida|ga georgia|hi hawaii|id idaho|il illinois|in indiana|ia iowa
ks kansas|ky kentucky|la louisiana|me maine|md maryland|ma massachusetts|mi michigan
mn minnesota|ms mississippi|mo missouri|mt montana|ne nebraska|nv nevada|nh newhampshire
nj newjersey|nm newmexico|ny newyork|nc northcarolina|nd northdakota|oh ohio|ok oklahoma
or oregon|pa pennsylvania|pr puertorico|ri rhodeisland|sc southcarolina|sd southdakota
tn tennessee|tx texas|ut utah|vt vermont|va virginia|wa washington|wv westvirginia
wi wisconsin|wy wyoming
"""


def _state_codes() -> dict[str, str]:
    entries = _US_STATES.strip().replace("\n", "|").split("|")
    pairs = [entry.split(" ") for entry in entries]
    return {name: code for code, name in pairs}


def normalise_city(raw: pl.Series) -> texts.Verdict:
    """Letters a to z; a city in another script is rejected, not mutilated."""
    letters = _latin(raw).str.replace_all(r"[\P{L}]+", "")
    return _matching(letters, r"^[a-z]+$")


def normalise_state(raw: pl.Series, region: pl.Series) -> texts.Verdict:
    """Letters a to z and digits; in the United States the code for the full name, too."""
    letters = _latin(raw).str.replace_all(r"[^\p{L}\p{N}]+", "")
    codes = letters.replace_strict(_state_codes(), default=letters, return_dtype=pl.String)
    is_american = region.eq_missing(_UNITED_STATES) | region.is_null()
    return _matching(codes.zip_with(is_american, letters), r"^[a-z0-9]+$")


def normalise_zip_compact(raw: pl.Series, region: pl.Series) -> texts.Verdict:
    """Lower-case, without white space; in the United States the first five digits."""
    text = texts.tidy(raw).str.to_lowercase().str.replace_all(r"[\s\p{Z}]+", "")
    short = text.str.extract(_US_ZIP, 1)
    chosen = short.zip_with(region.eq_missing(_UNITED_STATES), text)
    return _matching(chosen, r"^[^\p{C}]*[\p{L}\p{N}][^\p{C}]*$")


def normalise_zip_as_given(raw: pl.Series) -> texts.Verdict:
    """Trimmed, and otherwise as it came in."""
    return _matching(texts.tidy(raw), r"^[^\p{C}]*[\p{L}\p{N}][^\p{C}]*$")


def normalise_country_upper(raw: pl.Series) -> texts.Verdict:
    """The upper-case alpha-2 code."""
    return texts.verdict(_codes(raw))


def normalise_country_lower(raw: pl.Series) -> texts.Verdict:
    """The lower-case alpha-2 code."""
    return texts.verdict(_codes(raw).str.to_lowercase())


class Regions:
    """With which region to read each row's phone number and postal code."""

    def __init__(self, country: pa.Array | None, *, default: str | None, rows: int) -> None:
        """Read the countries.

        Args:
            country: the country column of the segment as it came in, if it has one.
            default: upper-case alpha-2 code for rows whose cell is blank; None for none.
            rows: how many rows there are.
        """
        codes: list[str | None] = [default]
        numbers = np.zeros(rows, dtype=np.int32)
        if country is not None:
            different, numbers = texts.few(country)
            # A null cell has the number -1: the last one.
            codes = [_region(spelling, default) for spelling in different] + codes
        places = {code: place for place, code in enumerate(dict.fromkeys(codes))}
        self.names = pl.Series(list(places), dtype=pl.String)
        """Different ones: alpha-2 codes; `ZZ` for cells that name no known country, null where
        nothing is known."""
        self.numbers = np.array([places[code] for code in codes], dtype=np.intp)[numbers]
        """For each row which of `names` it has."""

    def of(self, rows: npt.NDArray[np.integer]) -> pl.Series:
        """The regions of these rows."""
        return self.names.gather(self.numbers[rows])


def _region(country: str, default: str | None) -> str | None:
    name = texts.trimmed(country)
    return (code_of(name) or UNKNOWN_COUNTRY) if name else default


def _codes(raw: pl.Series) -> pl.Series:
    """One look-up for each different spelling, for a column has few; null where it is unknown."""
    codes = {spelling: code_of(texts.trimmed(spelling)) for spelling in raw.unique() if spelling}
    return raw.replace_strict(codes, default=None, return_dtype=pl.String)


def _latin(raw: pl.Series) -> pl.Series:
    """Lower-case, marks dropped and Latin letters spelled with a to z where that is usual."""
    lowered = texts.tidy(raw).str.to_lowercase()
    folded = lowered.str.normalize("NFKD").str.replace_all(r"\p{M}+", "").str.to_lowercase()
    for letter, spelling in _WITHOUT_MARKS.items():
        folded = folded.str.replace_all(letter, spelling, literal=True)
    return folded


def _matching(text: pl.Series, shape: str) -> texts.Verdict:
    kept = pl.when(pl.col("text").str.contains(shape)).then("text")
    return texts.verdict(text.to_frame("text").select(kept.alias("text")).to_series())
