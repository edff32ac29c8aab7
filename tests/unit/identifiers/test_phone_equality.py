"""Our vectorised phone rules say what phonenumbers says: on every input, for the same reason.

The corpus is drawn from the metadata of whatever phonenumbers is installed. A mismatch prints the
generated number (nobody's) and the seed; AUDSYNC_TEST_SEED and AUDSYNC_TEST_PHONES widen the
search by hand.
"""

import os
import random
from collections.abc import Iterator

import phonenumbers
import polars as pl
import pyarrow as pa
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType
from phonenumbers.phonemetadata import PhoneMetadata
from phonenumbers.re_util import enable_pattern_cache

from audsync.identifiers import phone, phone_oracle, phone_ordinary
from audsync.identifiers.place import Regions
from audsync.identifiers.reasons import Reason

SEED = int(os.environ.get("AUDSYNC_TEST_SEED", "20261122"))
GENERATED = int(os.environ.get("AUDSYNC_TEST_PHONES", "320000"))
SHARDS = 8
"""Parts of the generated numbers, for processes side by side."""

Case = tuple[str, str | None]

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
WORLD_CODES = (800, 808, 870, 878, 881, 882, 883, 888, 979)
TYPES = (
    "fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "personal_number", "voip",
    "pager", "uan", "voicemail",
)  # fmt: skip
FULL_WIDTH = "+4915112345678".translate({ord(sign): ord(sign) + 0xFEE0 for sign in "+0123456789"})
ODDITIES = (
    "+", "-", "n/a", "1", "12", "123", "00", "000", "0000000000", "+0", "+00491512345678",
    "+999123", "١٢٣٤٥٦٧٨", FULL_WIDTH, "+49151\u00a01234567", "1-800-FLOWERS",
    "(+49)15112345678", "((((((", "+(((((", "٠١٢٣", "+1/(650) 253-0000", "650-253-0000 / x12",
    "tel:+1-650-253-0000;ext=3", "253-0000;phone-context=+1-650", "+1 650 253 0000,,3",
    "++16502530000", "+-16502530000", "6502530000#12", "650\x00253\x000000", "+1 6502530000*",
    "+44 (0) 20 7183 8750", "(020) 7183 8750", "0044 20 7183 8750", "011 44 20 7183 8750",
)  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def _patterns_stay_compiled() -> None:
    """The world has more patterns than `re` keeps: most of the time went into compiling them."""
    enable_pattern_cache()


def said_by_phonenumbers(text: str, region: str | None, *, lenient: bool) -> str | None:
    """E.164 without "+"; "00" stands for "+" only where no country is known."""
    if region not in phonenumbers.SUPPORTED_REGIONS:
        region = None
        text = "+" + text[2:] if text.startswith("00") else text
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number) and not (
        lenient and phonenumbers.is_possible_number(number)
    ):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]


def mismatches(cases: list[Case], *, lenient: bool = False) -> list[tuple[Case, str | None]]:
    judged = phone.normalise(
        pl.Series([text for text, _ in cases], dtype=pl.String),
        pl.Series([region for _, region in cases], dtype=pl.String),
        is_lenient=lenient,
    )
    wrong = []
    glance = at_a_glance(cases)
    for case, normal, reason in zip(cases, judged.normal, judged.reason, strict=True):
        expected = said_by_phonenumbers(*case, lenient=lenient)
        is_consistent = (reason == Reason.ACCEPTED) is (normal is not None)
        if reason != Reason.PLACEHOLDER and (normal != expected or not is_consistent):
            wrong.append((case, normal))
        seen = glance.get(case, expected)
        is_refused = seen is None and case in glance
        if seen != expected and not (lenient and is_refused):
            wrong.append((case, seen))
        if is_refused and not lenient and reason != Reason.INVALID_PHONE:
            wrong.append((case, "refused for another reason"))
    return wrong


def at_a_glance(cases: list[Case]) -> dict[Case, str | None]:
    """What the quick look accepts, and as what, or refuses: None. It may pass over any case."""
    countries = pa.array([region for _, region in cases], pa.string())
    where, normal, refused = phone_ordinary.ordinary(
        pa.array([text for text, _ in cases], pa.string()),
        Regions(countries, default=None, rows=len(cases)),
    )
    assert refused is not None
    accepted = [case for case, is_accepted in zip(cases, where, strict=True) if is_accepted]
    settled: dict[Case, str | None] = dict(zip(accepted, normal, strict=True))
    return settled | {case: None for case, is_bad in zip(cases, refused, strict=True) if is_bad}


def spellings(nsn: str, code: int, region: str) -> Iterator[str]:
    plan = PhoneMetadata.metadata_for_region(region)
    assert plan is not None
    abroad: str = plan.international_prefix or "00"
    abroad = abroad if abroad.isdigit() else "00"
    prefix: str = plan.national_prefix or "0"
    head, tail = nsn[:3], nsn[3:]
    yield from (f"+{code}{nsn}", nsn, f"+{code} (0) {nsn}", f"+{code} {head}-{tail}")
    yield from (f"({head}) {tail[:3]}-{tail[3:]}", f"{code}{nsn}", f"00{code}{nsn}")
    yield from (f"{abroad}{code}{nsn}", f"{abroad}0{code}{nsn}", f"011{code}{nsn}", f"0{nsn}")
    yield from (f"1{nsn}", f"8{nsn}", f"{prefix}{nsn}", f"{prefix} {head} {tail}")
    yield from (f"+{code}{prefix}{nsn}", f"{code}{prefix}{nsn}", f"{prefix}{prefix}{nsn}")
    yield from (nsn[:-1], nsn + "5", f"+{code}{nsn[:-1]}", f"+{code}{nsn}7", f"+{nsn}", nsn[1:])
    yield from (f"0{code}{nsn}", f"000{code}{nsn}", f"+{code}{nsn} x12", f"+{code}/{nsn}.")
    yield from (
        f"tel:+{code}{nsn}",
        f"+{code}{code}{nsn}",
        f"{code}{code}{nsn}",
        f"(+{code}) {nsn}",
    )
    yield from (f"+{code}\u00a0{head}\u2011{tail}", f"+{code}9{nsn}", f"+{code}1{nsn}", f"15{nsn}")


def example_numbers(region: str) -> set[str]:
    plan = PhoneMetadata.metadata_for_region(region)
    descriptions = [getattr(plan, name) for name in TYPES]
    return {each.example_number for each in descriptions if each and each.example_number}


def digits(dice: random.Random, count: int) -> str:
    return "".join(dice.choices("0123456789", k=max(count, 1)))


def near(dice: random.Random, number: str) -> str:
    at = dice.randrange(len(number))
    return number[:at] + dice.choice("0123456789") + number[at + 1 :]


def drawn(dice: random.Random, count: int) -> Iterator[Case]:
    """Numbers near the truth, then ever further from it."""
    examples = {region: sorted(example_numbers(region)) for region in REGIONS}
    lengths = {}
    for region in REGIONS:
        plan = PhoneMetadata.metadata_for_region(region)
        assert plan is not None
        assert plan.general_desc is not None
        lengths[region] = plan.general_desc.possible_length
    for _ in range(count):
        region = dice.choice(REGIONS)
        code = phonenumbers.country_code_for_region(region)
        kind = dice.randrange(10)
        if kind < 5 and examples[region]:
            number = near(dice, dice.choice(examples[region]))
        else:
            number = digits(dice, dice.choice(lengths[region]) + dice.choice((-1, 0, 0, 0, 0, 1)))
        if kind == 8:
            yield dice.choice(("+", "", "00")) + digits(dice, dice.randrange(1, 19)), region
        elif kind == 9:
            signs = dice.choices("0123456789+ ()-./xA#\u00a0\u2013*,;", k=dice.randrange(1, 19))
            yield "".join(signs), dice.choice((region, None))
        else:
            spelling = dice.choice(list(spellings(number, code, region)))
            yield spelling, dice.choice((region, region, region, None, dice.choice(REGIONS)))


def all_examples() -> Iterator[Case]:
    dice = random.Random(SEED)
    for region in REGIONS:
        code = phonenumbers.country_code_for_region(region)
        for number in sorted(example_numbers(region)):
            for spelling in spellings(number, code, region):
                yield spelling, region
                yield spelling, dice.choice([*REGIONS, None])
    for code in WORLD_CODES:
        for _ in range(100):
            yield f"+{code}{digits(dice, dice.randrange(5, 13))}", "US"
    for oddity in ODDITIES:
        for reader in (
            "US",
            "DE",
            "IN",
            "IT",
            "AR",
            "BR",
            "JP",
            "AU",
            "MX",
            "RU",
            "CA",
            None,
            "ZZ",
        ):
            yield oddity, reader


def test_every_example_number_in_every_spelling_has_the_answer_of_phonenumbers() -> None:
    assert mismatches(list(dict.fromkeys(all_examples())))[:20] == []


@pytest.mark.parametrize("shard", range(SHARDS))
def test_generated_numbers_have_the_answer_of_phonenumbers(shard: int) -> None:
    seed = SEED + 100 * shard
    cases = list(dict.fromkeys(drawn(random.Random(seed), GENERATED // SHARDS)))
    assert mismatches(cases)[:20] == [], f"seed {seed}"


def test_possible_numbers_are_kept_when_the_policy_says_so() -> None:
    cases = list(dict.fromkeys(drawn(random.Random(SEED + 1), GENERATED // 20)))
    assert mismatches(cases, lenient=True)[:20] == [], f"seed {SEED + 1}"


@pytest.mark.parametrize("region", [None, "US", "IT", "DE"])
def test_a_number_of_zeros_is_never_valid_so_calling_it_a_placeholder_hides_nothing(
    region: str | None,
) -> None:
    for sign in ("", "+"):
        for count in range(1, 18):
            assert said_by_phonenumbers(sign + "0" * count, region, lenient=False) is None


def test_the_reason_is_the_same_whether_the_rules_or_phonenumbers_decide() -> None:
    cases = list(dict.fromkeys(drawn(random.Random(SEED + 2), GENERATED // 20)))
    texts = pl.Series([text for text, _ in cases], dtype=pl.String)
    regions = pl.Series([region for _, region in cases], dtype=pl.String)
    judged = phone.normalise(texts, regions, is_lenient=False)
    asked = [phone_oracle.ask(text, region, is_lenient=False)[1] for text, region in cases]
    differing = [
        (case, reason, expected)
        for case, reason, expected in zip(cases, judged.reason, asked, strict=True)
        if reason not in (expected, Reason.PLACEHOLDER)
    ]
    assert differing[:20] == []


def test_the_quick_look_takes_the_usual_spellings_of_many_countries() -> None:
    for region in ("US", "CA", "DE", "FR", "GB", "IN", "JP", "AU", "ES", "NL", "SE", "TR", "ZA"):
        number = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
        assert number is not None
        cases: list[Case] = [
            (phonenumbers.format_number(number, PhoneNumberFormat.E164), region),
            (phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL), None),
            (phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL), region),
            (phonenumbers.format_out_of_country_calling_number(number, "CH"), "CH"),
        ]
        assert len(at_a_glance(cases)) == len(cases), region
    assert at_a_glance([("1 (650) 253-0000", "US"), ("011 44 7400 123456", "US")])


def test_the_quick_look_is_not_led_astray_by_texts_without_digits() -> None:
    cases: list[Case] = [("(((((", "DE"), ("0 151 12345678", "DE"), ("(((((", "GB")]
    cases += [("07400 123456", "GB"), ("+(((", None), ("+4915112345678", None)]
    assert mismatches(cases) == []
    assert len(at_a_glance(cases)) == 3
