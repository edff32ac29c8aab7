"""E-mail addresses: what counts as one, and the forms the platforms want.

Source: the platforms' pages in audsync.identifiers.rules, read 2026-11-22. What they leave open
is decided here once: an address has exactly one @, a domain of at least two labels that a host
may have, and nothing in it that can only be a mistake (spaces, commas, brackets, quotes).
"""

import polars as pl

from audsync.identifiers import text as texts
from audsync.identifiers.reasons import Reason

_MAX_BYTES = 254
_MAX_LOCAL_BYTES = 64  # RFC 5321, 4.5.3.1
_SHORT_BYTES = 64
"""Up to this length no part can be too long, so the shape alone decides."""

_PLAIN = (
    r"^[a-z0-9!#$%&'*+/=?^_`{|}~.-]+"
    r"@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$"
)
_ANY = (
    r"^[^\s\p{C}\p{Z}@<>()\[\]\\,;:\x22]+"
    r"@(?:[\p{L}\p{M}\p{N}](?:[\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?\.)+"
    r"\p{L}[\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}]$"
)
_LONG_LABEL = r"@.*[^.]{64}"
_GMAIL = r"@(?:gmail|googlemail)\.com$"

_NOBODY = "n/?a|nan|nil|none|null|no-?e?mail|undefined|unknown"
_PLACEHOLDER = rf"^(?:{_NOBODY})@(?:{_NOBODY})\."


def normalise(raw: pl.Series) -> texts.Verdict:
    """Lower-case, trimmed and composed; dots and +tags stay."""
    return _judge(_lower(raw))


def normalise_spaceless(raw: pl.Series) -> texts.Verdict:
    """As `normalise`, with white space inside removed before it is judged."""
    return _judge(_lower(raw).str.replace_all(r"[\s\p{Z}]+", ""))


def normalise_gmail(raw: pl.Series) -> texts.Verdict:
    """As `normalise`, with Google's own rule for the addresses of its own domains."""
    judged = _judge(_lower(raw))
    is_gmail = judged.normal.str.contains(_GMAIL).fill_null(value=False)
    normal = texts.mend(judged.normal, is_gmail, _without_dots_and_tag)
    emptied = normal.is_null() & judged.normal.is_not_null()
    code = pl.Series([int(Reason.INVALID_FORMAT)], dtype=pl.UInt8)
    return texts.Verdict(normal, code.new_from_index(0, len(raw)).zip_with(emptied, judged.reason))


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
    lowered = texts.tidy(raw).str.to_lowercase()
    return texts.mend(lowered, lowered.str.contains(r"[^\x00-\x7f]"), _compose)


def _compose(text: pl.Series) -> pl.Series:
    return text.str.normalize("NFC")


def _judge(address: pl.Series) -> texts.Verdict:
    frame = pl.DataFrame({"address": address})
    cell = pl.col("address")
    is_good = (cell.str.len_bytes() <= _SHORT_BYTES) & cell.str.contains(_PLAIN)
    frame = frame.with_columns(is_good=is_good)
    reasons = frame.select(
        reason=pl.when("is_good").then(pl.lit(0, pl.UInt8)).otherwise(pl.lit(None, pl.UInt8))
    ).to_series()
    rest = frame.filter(~pl.col("is_good")).select(reason=_slow_reason(cell)).to_series()
    reasons = reasons.scatter((~frame["is_good"]).arg_true(), rest)
    reasons = texts.mend(reasons, address.str.contains(_PLACEHOLDER), _as_placeholder)
    normal = pl.DataFrame({"address": address, "reason": reasons}).select(
        pl.when(pl.col("reason") == 0).then("address")
    )
    return texts.Verdict(normal.to_series(), reasons)


def _slow_reason(cell: pl.Expr) -> pl.Expr:
    """The verdict on addresses that are long, foreign or wrong."""
    too_long = (cell.str.len_bytes() > _MAX_BYTES) | (
        cell.str.find("@", literal=True) > _MAX_LOCAL_BYTES
    )
    misshapen = ~cell.str.contains(_ANY) | cell.str.contains(_LONG_LABEL)
    return (
        pl.when(misshapen)
        .then(pl.lit(int(Reason.INVALID_FORMAT), pl.UInt8))
        .when(too_long)
        .then(pl.lit(int(Reason.TOO_LONG), pl.UInt8))
        .otherwise(pl.lit(0, pl.UInt8))
    )


def _as_placeholder(reasons: pl.Series) -> pl.Series:
    code = pl.Series([int(Reason.PLACEHOLDER)], dtype=pl.UInt8)
    return code.new_from_index(0, len(reasons))
