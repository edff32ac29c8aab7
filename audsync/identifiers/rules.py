"""What each platform takes and in which form: the rules as data, nothing that computes.

Every rule says where it comes from and the day it was read. Where a vendor's documents
contradict each other, `note` says which one we follow; docs/identifiers.md tells the story.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from types import MappingProxyType

from audsync.domain import STATEMENTS, Kind, Platform

REVISION = 1
"""Raised whenever any answer of the kernel changes, so that snapshots know they are old."""


class Form(StrEnum):
    """A normal form: the name of the function that makes it."""

    EMAIL = "email"
    EMAIL_SPACELESS = "email_spaceless"
    EMAIL_GMAIL = "email_gmail"
    PHONE_PLUS = "phone_plus"
    PHONE_DIGITS = "phone_digits"
    DEVICE = "device"
    DEVICE_LETTERS = "device_letters"
    DEVICE_AS_GIVEN = "device_as_given"
    EXTERNAL_ID = "external_id"
    NAME_LETTERS = "name_letters"
    NAME_WORDS = "name_words"
    CITY = "city"
    STATE = "state"
    ZIP_COMPACT = "zip_compact"
    ZIP_AS_GIVEN = "zip_as_given"
    COUNTRY_LOWER = "country_lower"
    COUNTRY_UPPER = "country_upper"
    GENDER = "gender"
    DATE_OF_BIRTH = "date_of_birth"
    CONSENT = "consent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How one platform takes one kind."""

    form: Form
    is_raw: bool = False
    """Sent as text; else as the SHA-256 of the text."""
    text: str
    example: tuple[str, str]
    """A value as people write it, and its normal form."""
    source: str
    read_on: str
    note: str = ""


_META = (
    "developers.facebook.com/documentation/ads-commerce/marketing-api/audiences/guides/"
    "custom-audiences"
)
_GOOGLE = "developers.google.com/data-manager/api/devguides/concepts/formatting"
_TIKTOK = "ads.tiktok.com/help/article/how-to-create-a-custom-audience-with-a-customer-file"
_SNAPCHAT = "developers.snap.com/api/marketing-api/Ads-API/customer-lists"
_READ_ON = "2026-11-22"


_meta = partial(Rule, source=_META, read_on=_READ_ON)
_google = partial(Rule, source=_GOOGLE, read_on=_READ_ON)
_tiktok = partial(Rule, source=_TIKTOK, read_on=_READ_ON)
_snapchat = partial(Rule, source=_SNAPCHAT, read_on=_READ_ON)

_META_RULES = {
    Kind.EMAIL: _meta(
        form=Form.EMAIL,
        text="trim, lower-case; dots and +tags stay",
        example=(" Jane.Doe+promo@Gmail.com ", "jane.doe+promo@gmail.com"),
    ),
    Kind.PHONE: _meta(
        form=Form.PHONE_DIGITS,
        text="country code and number, digits only, no '+', no leading zeros",
        example=("+44 (0)20 7183 8750", "442071838750"),
    ),
    Kind.MOBILE_ID: _meta(
        form=Form.DEVICE_LETTERS,
        is_raw=True,
        text="lower-case, hyphens kept, not hashed",
        example=("AEBE52E7-03EE-455A-B3C4-E57283966239", "aebe52e7-03ee-455a-b3c4-e57283966239"),
        note="the vendor's own example has letters beyond f, so any letter is let through",
    ),
    Kind.EXTERNAL_ID: _meta(
        form=Form.EXTERNAL_ID,
        is_raw=True,
        text="your own id, the same text each time; only trimmed, case kept, not hashed",
        example=(" CRM-0042A. ", "CRM-0042A."),
    ),
    Kind.FIRST_NAME: _meta(
        form=Form.NAME_LETTERS,
        text="lower-case, no punctuation; any script, marks kept",
        example=("Ann-Marie", "annmarie"),
        note="spaces go too, as in the vendor's library; the page does not say",
    ),
    Kind.LAST_NAME: _meta(
        form=Form.NAME_LETTERS,
        text="lower-case, no punctuation; any script, marks kept",
        example=("O'Connor", "oconnor"),
        note="spaces go too, as in the vendor's library; the page does not say",
    ),
    Kind.CITY: _meta(
        form=Form.CITY,
        text="lower-case a-z; no punctuation, digits or spaces",
        example=("São Paulo", "saopaulo"),
        note="marks are folded (the vendor's library drops the whole letter)",
    ),
    Kind.STATE: _meta(
        form=Form.STATE,
        text="United States: 2-letter code; elsewhere lower-case, no punctuation or spaces",
        example=("New South Wales", "newsouthwales"),
    ),
    Kind.ZIP_CODE: _meta(
        form=Form.ZIP_COMPACT,
        text="lower-case, no white space; United States: the first 5 digits",
        example=("SW1A 1AA", "sw1a1aa"),
        note="the page may want the United Kingdom without its last two letters; we send all",
    ),
    Kind.COUNTRY: _meta(
        form=Form.COUNTRY_LOWER,
        text="ISO 3166-1 alpha-2, lower-case",
        example=("USA", "us"),
    ),
    Kind.GENDER: _meta(form=Form.GENDER, text="m or f", example=("Female", "f")),
    Kind.BIRTH_YEAR: _meta(
        form=Form.DATE_OF_BIRTH, text="YYYY, from 1900", example=("1984-07-09", "1984")
    ),
    Kind.BIRTH_MONTH: _meta(
        form=Form.DATE_OF_BIRTH, text="MM, 01 to 12", example=("1984-07-09", "07")
    ),
    Kind.BIRTH_DAY: _meta(
        form=Form.DATE_OF_BIRTH, text="DD, 01 to 31", example=("1984-07-09", "09")
    ),
}

_GOOGLE_RULES = {
    Kind.EMAIL: _google(
        form=Form.EMAIL_GMAIL,
        text="trim, lower-case; gmail.com and googlemail.com: no dots and no +tag before the @",
        example=("Jane.Doe+promo@gmail.com", "janedoe@gmail.com"),
        note="the page removes inner spaces, the vendor's library refuses them; we refuse them",
    ),
    Kind.PHONE: _google(
        form=Form.PHONE_PLUS,
        text="E.164 with '+'",
        example=("+1 (800) 555-0100", "+18005550100"),
    ),
    Kind.MOBILE_ID: _google(
        form=Form.DEVICE_AS_GIVEN,
        is_raw=True,
        text="the advertising id as exported, not hashed",
        example=("AEBE52E7-03EE-455A-B3C4-E57283966239", "AEBE52E7-03EE-455A-B3C4-E57283966239"),
        note="the case is not stated: it stays as it is",
    ),
    Kind.EXTERNAL_ID: _google(
        form=Form.EXTERNAL_ID,
        is_raw=True,
        text="your own id as sent by the Google tag; only trimmed, not hashed",
        example=(" CRM-0042A ", "CRM-0042A"),
    ),
    Kind.FIRST_NAME: _google(
        form=Form.NAME_WORDS,
        text="trim, lower-case, no titles",
        example=("Mrs. Ann", "ann"),
        note="one page wants no punctuation, the vendor's library keeps it; we keep it",
    ),
    Kind.LAST_NAME: _google(
        form=Form.NAME_WORDS,
        text="trim, lower-case, no suffixes",
        example=("Smith Jr.", "smith"),
        note="one page wants no punctuation, the vendor's library keeps it; we keep it",
    ),
    Kind.ZIP_CODE: _google(
        form=Form.ZIP_AS_GIVEN,
        is_raw=True,
        text="trimmed, not hashed; United States: 5 or 5+4 digits",
        example=(" 94045-1234 ", "94045-1234"),
    ),
    Kind.COUNTRY: _google(
        form=Form.COUNTRY_UPPER,
        is_raw=True,
        text="ISO 3166-1 alpha-2, upper-case, not hashed",
        example=("usa", "US"),
    ),
    Kind.AD_USER_DATA: _google(
        form=Form.CONSENT,
        is_raw=True,
        text="GRANTED for a yes, DENIED for anything else that is not blank",
        example=("yes", "GRANTED"),
        note="a statement beside a member's identifiers, not a value to match",
    ),
    Kind.AD_PERSONALIZATION: _google(
        form=Form.CONSENT,
        is_raw=True,
        text="GRANTED for a yes, DENIED for anything else that is not blank",
        example=("no", "DENIED"),
        note="a statement beside a member's identifiers, not a value to match",
    ),
}

_TIKTOK_RULES = {
    Kind.EMAIL: _tiktok(
        form=Form.EMAIL_SPACELESS,
        text="no white space anywhere, lower-case",
        example=("JANE DOE@example.com", "janedoe@example.com"),
        note="older pages strip +tags, and dots, too; the newest (September 2025) does not",
    ),
    Kind.PHONE: _tiktok(
        form=Form.PHONE_PLUS,
        text="E.164 with '+'",
        example=("0044 20 7183 8750", "+442071838750"),
        note="an older page wants no '+'; the newest recommends it and takes both",
    ),
    Kind.MOBILE_ID: _tiktok(
        form=Form.DEVICE,
        text="all lower-case, hyphens kept",
        example=("AEBE52E7-03EE-455A-B3C4-E57283966239", "aebe52e7-03ee-455a-b3c4-e57283966239"),
        note="all upper-case is allowed too; lower-case is our fixed choice",
    ),
}

_SNAPCHAT_RULES = {
    Kind.EMAIL: _snapchat(
        form=Form.EMAIL,
        text="trim, lower-case",
        example=("J.A.N.E@gmail.com", "j.a.n.e@gmail.com"),
    ),
    Kind.PHONE: _snapchat(
        form=Form.PHONE_DIGITS,
        text="country code and number, digits only",
        example=("+39 06 6982 0000", "390669820000"),
        note="the page drops a leading 0; in Italy it is part of the number, so it stays there",
    ),
    Kind.MOBILE_ID: _snapchat(
        form=Form.DEVICE,
        text="lower-case, hyphens kept",
        example=("AEBE52E7-03EE-455A-B3C4-E57283966239", "aebe52e7-03ee-455a-b3c4-e57283966239"),
    ),
}

RULES: Mapping[Platform, Mapping[Kind, Rule]] = MappingProxyType(
    {
        Platform.META: MappingProxyType(_META_RULES),
        Platform.GOOGLE: MappingProxyType(_GOOGLE_RULES),
        Platform.TIKTOK: MappingProxyType(_TIKTOK_RULES),
        Platform.SNAPCHAT: MappingProxyType(_SNAPCHAT_RULES),
    }
)
"""By platform and by kind as it goes over the wire (a date of birth is three kinds)."""

BIRTH_PARTS = (Kind.BIRTH_YEAR, Kind.BIRTH_MONTH, Kind.BIRTH_DAY)
BIRTH_SLICES = MappingProxyType(dict(zip(BIRTH_PARTS, ((0, 4), (4, 2), (6, 2)), strict=True)))
"""Where in a YYYYMMDD the parts begin, and how long they are."""

COLUMN_KINDS = tuple(kind for kind in Kind if kind not in {*BIRTH_PARTS, *STATEMENTS})
"""Kinds of value that a segment's columns may have: what can be looked at, hashed and matched."""


def takes(platform: Platform) -> tuple[Kind, ...]:
    """The kinds that go over the wire to a platform, in the order of their codes."""
    return tuple(sorted(RULES[platform]))


def is_raw(platform: Platform, kind: Kind) -> bool:
    """Whether the platform takes this kind as text, not as a hash.

    Raises:
        KeyError: the platform does not take the kind.
    """
    return RULES[platform][kind].is_raw


def column_rule(platform: Platform, kind: Kind) -> Rule | None:
    """The rule for a column of this kind; None where the platform does not take it."""
    return RULES[platform].get(Kind.BIRTH_YEAR if kind is Kind.DATE_OF_BIRTH else kind)


def shown_form(platform: Platform, kind: Kind) -> Form:
    """The form in which to show a value, also of a kind that the platform does not take."""
    rule = column_rule(platform, kind) or column_rule(Platform.META, kind)
    assert rule is not None, "Meta takes every kind of column"
    return rule.form
