"""E-mail addresses: what counts as one, and the forms the platforms want.

Source: the platforms' pages in audsync.identifiers.rules, read 2026-11-22. What they leave open
is decided here once: an address has exactly one @, a domain of at least two labels that a host
may have, and nothing in it that can only be a mistake (spaces, commas, brackets, quotes).
"""

from collections.abc import Callable

import numpy as np
import polars as pl
import pyarrow as pa

from audsync.identifiers import text as texts
from audsync.identifiers.reasons import Reason

_MAX_BYTES = 254
_MAX_LOCAL_BYTES = 64  # RFC 5321, 4.5.3.1
_SHORT_BYTES = 64
"""Up to this length no part can be too long, so the shape alone decides."""

_LOCAL = r"[a-z0-9!#$%&'*+/=?^_`{|}~.-]"
_LABEL_REST = r"(?:[a-z0-9-]*[a-z0-9])?\."
_LABEL = rf"[a-z0-9]{_LABEL_REST}"
_TOP = r"[a-z][a-z0-9-]*[a-z0-9]$"
_PLAIN = rf"^{_LOCAL}+@(?:{_LABEL})+{_TOP}"
_ANY = (
    r"^[^\s\p{C}\p{Z}@<>()\[\]\\,;:\x22]+"
    r"@(?:[\p{L}\p{M}\p{N}](?:[\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?\.)+"
    r"\p{L}[\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}]$"
)
_LONG_LABEL = r"@.*[^.]{64}"
_GMAIL = r"@(?:gmail|googlemail)\.com$"

_NOBODY = "n/?a|nan|nil|none|null|no-?e?mail|undefined|unknown"
_PLACEHOLDER = rf"^(?:{_NOBODY})@(?:{_NOBODY})\."
_NO_NOBODY = r"[a-mo-tv-z0-9!#$%&'*+/=?^_`{|}~.-]"
_NO_NOBODY_LABEL = rf"[a-mo-tv-z0-9]{_LABEL_REST}"
_ORDINARY = (
    rf"^(?:{_NO_NOBODY}{_LOCAL}*@{_LABEL}|[nu]{_LOCAL}*@{_NO_NOBODY_LABEL})(?:{_LABEL})*{_TOP}"
)
"""Plain, and no placeholder: those begin with n or u on both sides of the @."""


def ordinary(cells: pa.Array) -> texts.Found:
    """The addresses that are short, plain and nobody's placeholder, in lower case."""
    text = texts.series(texts.trimmed_of_spaces(texts.lowered(cells)))
    address = pl.col("address")
    is_ordinary = address.str.contains(_ORDINARY) & (address.str.len_bytes() <= _SHORT_BYTES)
    where = text.to_frame("address").select(is_ordinary.fill_null(value=False)).to_series()
    return texts.Found(where, text.filter(where))


def ordinary_gmail(cells: pa.Array) -> texts.Found:
    """As `ordinary`, without dots and tag where Google takes them off."""
    where, normal, _ = ordinary(cells)
    normal = texts.mend(normal, normal.str.contains(_GMAIL), _without_dots_and_tag)
    if not normal.null_count():
        return texts.Found(where, normal)
    emptied = where.arg_true().filter(normal.is_null())
    return texts.Found(where.scatter(emptied, values=False), normal.drop_nulls())


def normalise(raw: pl.Series) -> texts.Verdict:
    """Lower-case, trimmed and composed; dots and +tags stay."""
    return _judge(raw, _lower)


def normalise_spaceless(raw: pl.Series) -> texts.Verdict:
    """As `normalise`, with white space inside removed before it is judged."""
    return _judge(raw, lambda some: _lower(some).str.replace_all(r"[\s\p{Z}]+", ""))


def normalise_gmail(raw: pl.Series) -> texts.Verdict:
    """As `normalise`, with Google's own rule for the addresses of its own domains."""
    judged = _judge(raw, _lower)
    is_gmail = judged.normal.str.contains(_GMAIL).fill_null(value=False)
    normal = texts.mend(judged.normal, is_gmail, _without_dots_and_tag)
    emptied = (normal.is_null() & judged.normal.is_not_null()).arg_true()
    return texts.Verdict(normal, judged.reason.scatter(emptied, int(Reason.INVALID_FORMAT)))


def _without_dots_and_tag(address: pl.Series) -> pl.Series:
    """`j.doe+tag@gmail.com` -> `jdoe@gmail.com`; null where nothing is left before the @."""
    parts = pl.DataFrame({"address": address}).select(
        local=pl.col("address").str.extract(r"^([^@+]*)", 1).str.replace_all(".", "", literal=True),
        domain=pl.col("address").str.extract(r"(@.*)$", 1),
    )
    joined = pl.when(pl.col("local") != "").then(pl.col("local") + pl.col("domain"))
    return parts.select(joined.alias("address")).to_series()


def _lower(raw: pl.Series) -> pl.Series:
    """Composed again after lower-casing, which takes some letters apart."""
    lowered = pl.col("raw").str.to_lowercase().str.normalize("NFC")
    return texts.tidy(raw).to_frame("raw").select(lowered).to_series()


def _judge(raw: pl.Series, clean: Callable[[pl.Series], pl.Series]) -> texts.Verdict:
    """Nearly all addresses are short and plain: what makes them so is asked first."""
    address = raw.str.to_lowercase()
    asked = pl.col("address")
    is_plain = (asked.str.len_bytes() <= _SHORT_BYTES) & asked.str.contains(_PLAIN)
    rest = ~address.to_frame("address").select(is_plain).to_series()
    reason = np.zeros(len(raw), dtype=np.uint8)
    if rest.any():
        places = rest.to_numpy()
        cleaned = clean(raw.filter(rest)).to_frame("address")
        address = address.scatter(np.flatnonzero(places), cleaned.to_series())
        reason[places] = cleaned.select(_reason()).to_series().to_numpy()
    reason[address.str.contains(_PLACEHOLDER).to_numpy()] = int(Reason.PLACEHOLDER)
    return texts.Verdict(address.scatter(np.flatnonzero(reason), None), pl.Series(reason))


def _reason() -> pl.Expr:
    """The verdict on addresses that are long, foreign or wrong."""
    address = pl.col("address")
    too_long = (address.str.len_bytes() > _MAX_BYTES) | (
        address.str.find("@", literal=True) > _MAX_LOCAL_BYTES
    )
    misshapen = ~address.str.contains(_ANY) | address.str.contains(_LONG_LABEL)
    return (
        pl.when(misshapen)
        .then(pl.lit(int(Reason.INVALID_FORMAT), pl.UInt8))
        .when(too_long)
        .then(pl.lit(int(Reason.TOO_LONG), pl.UInt8))
        .otherwise(pl.lit(0, pl.UInt8))
    )
