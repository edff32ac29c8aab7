"""phonenumbers itself, asked about one text at a time: its answer is ours, always.

The vectorised rules in audsync.identifiers.phone must agree with this module on every input;
tests/unit/identifiers compare them.
"""

import re
from functools import cache, lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

from audsync.identifiers.reasons import Reason

INTERNATIONAL = "00"
"""How most countries dial abroad; read as "+" where no country is known."""
_REMEMBERED = 4096
"""Answers kept in memory: what is not a number is often the same few words all over a column."""
_SAYS_ITS_COUNTRY = re.compile(r"[^\d]*[+\uff0b]")

# The world has more patterns than Python's `re` keeps: it would compile them again and again.
phonenumbers.enable_pattern_cache()


def metadata_version() -> str:
    """The version of the installed numbering plans."""
    return phonenumbers.__version__


@cache
def regions() -> frozenset[str]:
    """The regions with a numbering plan of their own."""
    return frozenset(phonenumbers.SUPPORTED_REGIONS)


@lru_cache(maxsize=_REMEMBERED)
def ask(text: str, region: str | None, *, is_lenient: bool) -> tuple[str | None, Reason]:
    """The digits of a number in international form, or why there are none.

    Args:
        text: as the source gave it.
        region: upper-case code of the country to read a national number with. None, or a
            country without a plan: then only "+" and a leading "00" say which country it is.
        is_lenient: keep numbers that are possible, though not valid.

    Returns:
        country code and national number without "+", and `Reason.ACCEPTED`; or None and why.
    """
    has_plan = region is not None and region in regions()
    is_abroad = not has_plan and text.startswith(INTERNATIONAL)
    if is_abroad:
        text = "+" + text.removeprefix(INTERNATIONAL)
    try:
        number = phonenumbers.parse(text, region if has_plan else None)
    except NumberParseException as error:
        return None, _reason(error, text, has_plan=has_plan)
    is_good = phonenumbers.is_valid_number(number) or (
        is_lenient and phonenumbers.is_possible_number(number)
    )
    if not is_good:
        return None, Reason.INVALID_PHONE
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)[1:], Reason.ACCEPTED


def _reason(error: NumberParseException, text: str, *, has_plan: bool) -> Reason:
    match error.error_type:
        case NumberParseException.NOT_A_NUMBER:
            return Reason.NOT_A_NUMBER
        case NumberParseException.INVALID_COUNTRY_CODE if not (
            has_plan or _SAYS_ITS_COUNTRY.match(text)
        ):
            return Reason.NO_REGION
    return Reason.INVALID_PHONE
