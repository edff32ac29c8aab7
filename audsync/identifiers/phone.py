"""Phone numbers: exactly what phonenumbers says, decided a column at a time where that is sure.

The steps of `phonenumbers.parse` and `is_valid_number` are done on whole columns with the
patterns of audsync.identifiers.phone_rules. Whatever they do not settle beyond doubt (letters,
extensions, foreign digits, regions that share a calling code) is put to phonenumbers itself, each
different text once. Extensions are dropped, as phonenumbers does.
"""

from functools import cache

import polars as pl

from audsync.identifiers import phone_oracle as oracle
from audsync.identifiers import text as texts
from audsync.identifiers.phone_rules import Plan, compiled
from audsync.identifiers.reasons import Reason

MAX_CHARS = 250
"""phonenumbers reads no text longer than this (`_MAX_INPUT_STRING_LENGTH`)."""

_SIMPLE = r"^\(?\+?[0-9(][0-9 ().\-/\u00a0\u2010-\u2015\u2212]{2,60}$"
_SIGNS = list("+ ().-/\u00a0\u2010\u2011\u2012\u2013\u2014\u2015\u2212")
"""Only digits and signs that phonenumbers skips between them; the first ones tell the country."""
_FEW = 256
"""Up to so many different texts it is quicker to ask phonenumbers about each."""
_FEWEST_DIGITS = 3
_LONGEST_CODE = 3
_TWO_DIGITS = r"\p{Nd}.*\p{Nd}"
_ALL_ZERO = r"^[+ ().\-/]*0[0 ().\-/]*$"

_ASK = 255
"""Beside the codes of `Reason`: phonenumbers must say."""


def normalise(raw: pl.Series, region: pl.Series, *, is_lenient: bool) -> texts.Verdict:
    """The digits of each number in international form, without "+".

    Args:
        raw: texts without white space around them.
        region: as long; upper-case codes of the countries to read national numbers with.
        is_lenient: keep numbers that are possible, though not valid.
    """
    cells = pl.DataFrame({"text": raw, "region": region}).with_row_index("at")
    if _are_few(cells):
        asked = _ask(cells, is_lenient=is_lenient)
        return _without_zeros(texts.Verdict(asked["digits"], asked["code"]), raw)
    is_simple = cells["text"].str.contains(_SIMPLE)
    simple = _simple(cells.filter(is_simple))
    hopeless = (
        cells.filter(~is_simple)
        .filter(~pl.col("text").str.contains(_TWO_DIGITS))
        .select("at", digits=pl.lit(None, pl.String), code=_code(Reason.NOT_A_NUMBER))
    )
    settled = pl.concat([_settle(_candidates(simple)), _of_no_region(simple), hopeless])
    codes = pl.Series([_ASK], dtype=pl.UInt8).new_from_index(0, len(raw))
    codes = codes.scatter(settled["at"], settled["code"])
    digits = pl.Series([None], dtype=pl.String).new_from_index(0, len(raw))
    digits = digits.scatter(settled["at"], settled["digits"])
    is_open = (codes == _ASK) | ((codes == int(Reason.INVALID_PHONE)) & is_lenient)
    asked = _ask(cells.filter(is_open), is_lenient=is_lenient)
    digits = digits.scatter(asked["at"], asked["digits"])
    codes = codes.scatter(asked["at"], asked["code"])
    return _without_zeros(texts.Verdict(digits, codes), raw)


def _simple(cells: pl.DataFrame) -> pl.DataFrame:
    """The texts that hold nothing but digits and signs between them.

    Returns:
        columns `at`, `region`, `digits`; `has_plus`; `has_00`; `has_plan`: whether phonenumbers
        knows the region.
    """
    text = pl.col("text")
    return cells.select(
        "at",
        "region",
        digits=text.str.replace_many(_SIGNS, [""] * len(_SIGNS)),
        has_plus=text.str.contains("+", literal=True),
        has_00=text.str.starts_with(oracle.INTERNATIONAL),
        has_plan=pl.col("region").is_in(list(oracle.regions())).fill_null(value=False),
    ).filter(pl.col("digits").str.len_bytes() >= _FEWEST_DIGITS)


def _of_no_region(simple: pl.DataFrame) -> pl.DataFrame:
    """The verdict on national numbers of nobody knows which country."""
    lost = ~pl.col("has_plus") & ~pl.col("has_plan") & ~pl.col("has_00")
    return simple.filter(lost).select(
        "at", digits=pl.lit(None, pl.String), code=_code(Reason.NO_REGION)
    )


def _candidates(simple: pl.DataFrame) -> pl.DataFrame:
    """The calling number of each simple text, where it can be told.

    Returns:
        columns `at`; `number`; `unknown` (the code to give if no calling code begins it).
    """
    abroad = simple.filter("has_plus").select("at", number="digits", unknown=pl.lit(_ASK, pl.UInt8))
    from_00 = (
        simple.filter(~pl.col("has_plus") & ~pl.col("has_plan") & pl.col("has_00"))
        .select("at", number=pl.col("digits").str.slice(2), unknown=_code(Reason.INVALID_PHONE))
        .filter(pl.col("number").str.len_bytes() >= _FEWEST_DIGITS)
    )
    national = simple.filter(~pl.col("has_plus") & pl.col("has_plan"))
    return pl.concat([abroad, from_00, _from_national(national)])


def _from_national(simple: pl.DataFrame) -> pl.DataFrame:
    """What `parse` makes of numbers without "+" before it looks for a national prefix.

    It tries, in this order: the prefix that dials abroad from the region; the region's own
    calling code, which it takes off only if the number makes no sense with it; the number as
    it stands.
    """
    rules = compiled()
    digits, code = pl.col("digits"), pl.col("calling_code")
    rows = simple.join(_readable_regions(), on="region", how="inner")
    rows = rows.with_columns(
        own=(code + digits).str.contains(rules.main.general),
        begins=digits.str.starts_with(code),
        dialled=(pl.col("region") + digits).str.contains(rules.dialled_abroad),
    )
    dialled = rows.filter("dialled").with_columns(
        number=(pl.col("region") + digits).str.replace(rules.dialled_abroad, "")
    )
    # No calling code begins with 0: then the prefix was none.
    is_dialled = ~pl.col("number").str.starts_with("0")
    begins = pl.col("begins") & ~pl.col("own")
    too_long = digits.str.len_bytes() > pl.col("longest")
    takes_off = begins & (too_long | digits.str.contains(rules.main.general))
    at_home = pl.concat(
        [rows.filter(~pl.col("dialled")), dialled.filter(~is_dialled).drop("number")]
    ).with_columns(
        number=pl.when(takes_off).then(digits).otherwise(code + digits),
        is_plain=~begins | ~digits.str.contains(rules.prefixed),
        is_home=pl.col("has_main_lengths") | takes_off,
    )
    is_sure = pl.col("is_plain") & (
        pl.col("is_home") | ~pl.col("number").str.contains(rules.prefixed)
    )
    return pl.concat([dialled.filter(is_dialled), at_home.filter(is_sure)], how="diagonal").select(
        "at", "number", unknown=_code(Reason.INVALID_PHONE)
    )


def _settle(candidates: pl.DataFrame) -> pl.DataFrame:
    """The verdict on each calling number: columns `at`, `digits`, `code` (`_ASK` included)."""
    rules = compiled()
    numbers = _without_national_prefix(candidates)
    number = pl.col("number")
    numbers = numbers.with_columns(
        valid=_fits(rules.main),
        led=number.str.contains(rules.main_led),
    )
    told = (pl.col("led") & number.str.contains(rules.main_leading)) | (
        ~pl.col("led") & pl.col("valid")
    )
    numbers = numbers.with_columns(told=told)
    by_main = numbers.filter("told").select(
        "at",
        "number",
        code=pl.when("valid").then(_code(Reason.ACCEPTED)).otherwise(_code(Reason.INVALID_PHONE)),
    )
    rest = numbers.filter(~pl.col("told"))
    by_others = rest.select(
        "at",
        "number",
        code=pl.when(~number.str.contains(rules.calling_code))
        .then("unknown")
        .when(number.str.contains(rules.others_leading))
        .then(pl.lit(_ASK, pl.UInt8))
        .when(pl.any_horizontal(_fits(plan) for plan in rules.others))
        .then(_code(Reason.ACCEPTED))
        .otherwise(_code(Reason.INVALID_PHONE)),
    )
    is_good = pl.col("code") == int(Reason.ACCEPTED)
    settled = pl.concat([by_main, by_others])
    return settled.select("at", digits=pl.when(is_good).then(number), code="code")


def _without_national_prefix(candidates: pl.DataFrame) -> pl.DataFrame:
    """The calling numbers as they are validated; the few that `parse` rewrites are left out.

    A national prefix is taken off unless that would spoil a number that makes sense with it, or
    leave too few digits.
    """
    rules = compiled()
    number, bare = pl.col("number"), pl.col("bare")
    prefixed = number.str.contains(rules.prefixed)
    is_rewritten = pl.any_horizontal(
        number.str.extract(capture.pattern, capture.last_group).is_not_null()
        for capture in rules.captures
    )
    rows = candidates.filter(prefixed)
    may_be_rewritten = rows["number"].str.contains(rules.rewriting)
    rows = pl.concat(
        [rows.filter(~may_be_rewritten), rows.filter(may_be_rewritten).filter(~is_rewritten)]
    )
    code = number.str.slice(0, _LONGEST_CODE).replace_strict(
        rules.code_of_head, default=None, return_dtype=pl.String
    )
    rows = rows.with_columns(bare=code + number.str.replace(rules.prefixed, ""))
    general = rules.main.general
    spoils = number.str.contains(general) & ~bare.str.contains(general)
    takes_off = bare.str.contains(rules.long_enough) & ~spoils
    told = rows.with_columns(number=pl.when(takes_off).then(bare).otherwise(number))
    return pl.concat([candidates.filter(~prefixed), told.drop("bare")])


def _fits(plan: Plan) -> pl.Expr:
    number = pl.col("number")
    return number.str.contains(plan.types) & number.str.contains(plan.general)


def _are_few(cells: pl.DataFrame) -> bool:
    """Whether there are no more than `_FEW` different texts; the first ones tell as a rule."""
    cells = cells.select("text", "region")
    return all(len(set(some.iter_rows())) <= _FEW for some in (cells.head(2 * _FEW), cells))


def _ask(cells: pl.DataFrame, *, is_lenient: bool) -> pl.DataFrame:
    """The verdict of phonenumbers itself, in order: columns `at`, `digits`, `code`."""
    asked = list(zip(cells["text"], cells["region"], strict=True))
    answers = {
        (text, region): oracle.ask(text, region, is_lenient=is_lenient)
        for text, region in set(asked)
    }
    return pl.DataFrame(
        {
            "at": cells["at"],
            "digits": pl.Series([answers[each][0] for each in asked], dtype=pl.String),
            "code": pl.Series([int(answers[each][1]) for each in asked], dtype=pl.UInt8),
        }
    )


def _without_zeros(judged: texts.Verdict, raw: pl.Series) -> texts.Verdict:
    """`0000000000` is nobody's number, however possible its length."""
    zeros = raw.str.contains(_ALL_ZERO)
    if not zeros.any():
        return judged
    zeros = zeros.arg_true()
    return texts.Verdict(
        judged.normal.scatter(zeros, None), judged.reason.scatter(zeros, int(Reason.PLACEHOLDER))
    )


@cache
def _readable_regions() -> pl.DataFrame:
    regions = compiled().regions
    return pl.DataFrame(
        {
            "region": list(regions),
            "calling_code": [region.calling_code for region in regions.values()],
            "longest": [region.longest for region in regions.values()],
            "has_main_lengths": [region.has_main_lengths for region in regions.values()],
        },
        schema_overrides={"longest": pl.UInt32},
    )


def _code(reason: Reason) -> pl.Expr:
    return pl.lit(int(reason), pl.UInt8)
