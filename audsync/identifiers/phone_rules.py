"""The numbering plans of the world as a few regular expressions, compiled from phonenumbers.

Nothing here is written by hand for one country: everything comes from the metadata of the
installed phonenumbers package (`phonenumbers.phonemetadata`, and the steps of its `parse` and
`is_valid_number`), so an update of the package is an update of these rules. The expressions are
for Polars: Rust runs an alternation of 70 kB in time that does not depend on its length, and
takes the first alternative that fits, as Python does.

A *calling number* below is a calling code followed by a national number, digits only. The *main*
region of a calling code is the first one listed for it: phonenumbers parses with its plan.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, SUPPORTED_REGIONS
from phonenumbers.phonemetadata import PhoneMetadata, PhoneNumberDesc

_TYPES = (
    "fixed_line",
    "mobile",
    "toll_free",
    "premium_rate",
    "shared_cost",
    "personal_number",
    "voip",
    "pager",
    "uan",
    "voicemail",
)
_NO_NUMBERS = (-1,)
_WORLD = "001"
_DIGITS = frozenset("0123456789")
_LITERAL_HEAD = re.compile(r"([0-9]*)(?![?*{])")
_GROUP = re.compile(r"\((?:\?:)?")
_INTRICATE = re.compile(r"\||\)[?*{]")
_NEVER = "^[^0-9]$"
"""Matches no calling number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Which calling numbers are valid in one region a calling code."""

    types: str
    """Matches when some type of number has this form..."""
    general: str
    """... and the general description of the region must match as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """How to read a number written without "+" in one region."""

    calling_code: str
    longest: int
    """Digits of its longest national number."""
    has_main_lengths: bool
    """Whether `PhoneRules.long_enough` holds for it."""
    abroad: tuple[str, ...]
    """Digits with one of which all that dials abroad from there begins."""
    prefix: tuple[str, str]
    """The digit before its national numbers, and digits that make another prefix of it when they
    follow; empty where there is more to say of its national prefix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """A national prefix that rewrites the number when its last group takes part."""

    pattern: str
    last_group: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneRules:
    """Patterns over calling numbers, unless said otherwise."""

    calling_code: str
    """Its first group is the calling code, if there is such a code."""
    prefixed: str
    """The calling code with what may be a national prefix behind it."""
    not_as_it_stands: str
    """Prefixed, or of a code whose main region is told by leading digits."""
    long_enough: str
    """Has so many digits that a national prefix may have been taken off."""
    code_of_head: dict[str, str]
    """The calling code that each possible three first digits begin with."""
    rewriting: str
    """Starts with a code that has one of the `captures`."""
    captures: tuple[Capture, ...]
    main: Plan
    main_led: str
    """Starts with a shared code whose main region is told by leading digits."""
    main_leading: str
    """Has the leading digits of that main region."""
    others: tuple[Plan, ...]
    """The further regions of shared codes, one a code in each plan, without leading digits."""
    others_leading: str
    """Has the leading digits of a further region."""
    dialled_abroad: str
    """Over region and digits: starts with the prefix that dials abroad from there."""
    regions: dict[str, Region]
    """Regions whose national numbers have the form and prefix of their code's main region."""


@cache
def compiled() -> PhoneRules:
    """The rules of the installed phonenumbers; takes a third of a second, once."""
    codes = {str(code): _of_code(code) for code in sorted(COUNTRY_CODE_TO_REGION_CODE)}
    mains = {code: regions[0] for code, regions in codes.items()}
    shared = [code for code, regions in codes.items() if len(regions) > 1]
    further = [(code, region) for code in shared for region in codes[code][1:]]
    unled = {code: [region for region in codes[code][1:] if not region.leading] for code in shared}
    depth = max(map(len, unled.values()), default=0)
    regions = {name: _of_region(name) for name in sorted(SUPPORTED_REGIONS)}
    return PhoneRules(
        calling_code=f"^({'|'.join(codes)})",
        prefixed=_starts((code, main.prefix) for code, main in mains.items()),
        not_as_it_stands=_starts(
            (code, "" if main.leading and code in shared else main.prefix)
            for code, main in mains.items()
        ),
        long_enough=_whole((code, _lengths(main)) for code, main in mains.items()),
        code_of_head=dict(_heads(codes)),
        rewriting=_starts((code, "") for code, main in mains.items() if main.rewrite),
        captures=tuple(_captures(mains)),
        main=_plan(mains),
        main_led=_starts((code, "") for code in shared if mains[code].leading),
        main_leading=_starts((code, mains[code].leading) for code in shared),
        others=tuple(
            _plan({code: rest[at] for code, rest in unled.items() if at < len(rest)})
            for at in range(depth)
        ),
        others_leading=_starts((code, region.leading) for code, region in further),
        dialled_abroad=_starts((name, region.abroad) for name, region in regions.items()),
        regions={
            name: Region(
                calling_code=region.calling_code,
                longest=max(region.lengths),
                has_main_lengths=region.all_lengths == mains[region.calling_code].all_lengths,
                abroad=tuple(map(_head, _ways(region.abroad or ""))),
                prefix=_digit_in_front(region, mains[region.calling_code]),
            )
            for name, region in regions.items()
            if region.reading == mains[region.calling_code].reading
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Numbering:
    """What we need of one region's metadata."""

    calling_code: str
    types: tuple[str, ...]
    general: str
    lengths: tuple[int, ...]
    local_lengths: tuple[int, ...]
    prefix: str | None
    rewrite: str | None
    leading: str | None
    abroad: str | None

    @property
    def reading(self) -> tuple[object, ...]:
        """What `parse` asks a plan for, but the lengths and the prefix that dials abroad."""
        return self.general, self.prefix, self.rewrite

    @property
    def all_lengths(self) -> tuple[object, ...]:
        """What `parse` asks before it takes off a national prefix."""
        return self.lengths, self.local_lengths


def _of_code(code: int) -> list[_Numbering]:
    """The numberings of a calling code's regions, the main one first."""
    names = COUNTRY_CODE_TO_REGION_CODE[code]
    if names == (_WORLD,):
        return [_numbering(PhoneMetadata.metadata_for_nongeo_region(code))]
    return [_of_region(name) for name in names]


def _of_region(name: str) -> _Numbering:
    return _numbering(PhoneMetadata.metadata_for_region(name))


def _numbering(plan: PhoneMetadata | None) -> _Numbering:
    assert plan is not None
    assert plan.general_desc is not None
    assert plan.general_desc.national_number_pattern is not None
    descriptions: list[PhoneNumberDesc | None] = [getattr(plan, name) for name in _TYPES]
    patterns = [
        description.national_number_pattern
        for description in descriptions
        if description is not None and description.possible_length != _NO_NUMBERS
    ]
    return _Numbering(
        calling_code=str(plan.country_code),
        types=tuple(dict.fromkeys(pattern for pattern in patterns if pattern)),
        general=plan.general_desc.national_number_pattern,
        lengths=tuple(plan.general_desc.possible_length),
        local_lengths=tuple(plan.general_desc.possible_length_local_only),
        prefix=plan.national_prefix_for_parsing,
        rewrite=plan.national_prefix_transform_rule,
        leading=plan.leading_digits,
        abroad=plan.international_prefix,
    )


def _plan(regions: dict[str, _Numbering]) -> Plan:
    return Plan(
        types=_whole((code, region.types) for code, region in regions.items()),
        general=_whole((code, (region.general,)) for code, region in regions.items()),
    )


def _digit_in_front(region: _Numbering, main: _Numbering) -> tuple[str, str]:
    """The one digit that a region's national prefix is, and the digits behind which it is not.

    Empty where a number is told by leading digits, where `parse` asks the region for other lengths,
    and where the pattern is too intricate to tell. Where the digit alone matches, no group of the
    pattern takes part, so that `parse` rewrites nothing.
    """
    ways = _ways(main.prefix or "")
    digits = [way for way in ways if way in _DIGITS]
    heads = [_head(way) for way in ways if way not in _DIGITS]
    is_plain = len(digits) == 1 and all(head not in ("", digits[0]) for head in heads)
    if not is_plain or region.all_lengths != main.all_lengths or main.leading:
        return "", ""
    return digits[0], "".join(head[1] for head in heads if head[0] == digits[0])


def _ways(pattern: str) -> list[str]:
    """The alternatives of a pattern."""
    depth, ways = 0, [""]
    for sign in pattern:
        depth += (sign == "(") - (sign == ")")
        if sign == "|" and not depth:
            ways.append("")
        else:
            ways[-1] += sign
    return ways


def _head(way: str) -> str:
    """Digits with which all that an alternative matches begins, so far as easily told."""
    if not _INTRICATE.search(way):
        way = _GROUP.sub("", way)
    head = _LITERAL_HEAD.match(way)
    assert head is not None, "no digit at all fits, too"
    return head[1]


def _heads(codes: Collection[str]) -> Iterator[tuple[str, str]]:
    """No calling code begins with 0 or begins another one."""
    for head in map(str, range(100, 1000)):
        for code in (head[:1], head[:2], head):
            if code in codes:
                yield head, code


def _lengths(region: _Numbering) -> tuple[str, ...]:
    """Possible lengths, and all that are longer still: `parse` objects to neither."""
    exact = (f"[0-9]{{{length}}}" for length in region.lengths)
    return (*exact, f"[0-9]{{{max(region.lengths) + 1},}}")


def _captures(mains: dict[str, _Numbering]) -> Iterator[Capture]:
    for code, main in mains.items():
        if main.rewrite and main.prefix:
            yield Capture(
                pattern=f"^{code}(?:{_in_ascii(main.prefix)})",
                last_group=re.compile(main.prefix).groups,
            )


def _starts(codes_and_patterns: Iterable[tuple[str, str | None]]) -> str:
    """Matches a code with the start of a number that fits its pattern behind it."""
    parts = [f"{code}(?:{_light(rest)})" for code, rest in codes_and_patterns if rest is not None]
    return f"^(?:{'|'.join(parts)})" if parts else _NEVER


def _whole(codes_and_patterns: Iterable[tuple[str, tuple[str, ...]]]) -> str:
    """Matches a code with a whole number that fits one of its patterns behind it."""
    parts = [
        f"{code}(?:{'|'.join(map(_light, patterns))})"
        for code, patterns in codes_and_patterns
        if patterns
    ]
    return f"^(?:{'|'.join(parts)})$" if parts else _NEVER


def _light(pattern: str) -> str:
    """Without groups to capture, which would make the expression many times slower."""
    return re.sub(r"\((?!\?)", "(?:", _in_ascii(pattern))


def _in_ascii(pattern: str) -> str:
    return pattern.replace(r"\d", "[0-9]")
