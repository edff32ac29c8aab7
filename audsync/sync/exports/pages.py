"""What the upload pages of the platforms want in a file: facts as data, nothing that computes.

Each page says where that is written and the day it was read. docs/export.md tells the same to
people, and what could not be established.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from audsync.domain import Kind, Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A column of a page's file."""

    hashed: str
    """Its name over hashes, or over what the platform takes raw."""
    plain: str
    """Its name over normal forms in plain text."""
    repeats: int = 1
    """How often it may stand in one file: that many values of a person in one row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The page of one platform where a person uploads a file."""

    columns: Mapping[Kind, Header]
    """What it takes, in the order in which it is written."""
    apart: tuple[frozenset[Kind], ...]
    """Identifiers that may stand in one file; those of another set need a file of their own."""
    has_header: bool = True
    together: frozenset[Kind] = frozenset()
    """Match fields of which a file has all or none."""
    full_at_bytes: int | None = None
    """A file that has grown so large is not written on; None: no limit is known."""
    fewest_rows: int = 0
    """A file with fewer is refused, or advised against."""
    source: str
    read_on: str = "2026-11-22"
    note: str = ""


def _both(name: str, repeats: int = 1) -> Header:
    return Header(hashed=name, plain=name, repeats=repeats)


def _or_sha256(name: str, repeats: int) -> Header:
    return Header(hashed=f"{name}_SHA256", plain=name, repeats=repeats)


PAGES: Mapping[Platform, Page] = MappingProxyType(
    {
        Platform.META: Page(
            columns={
                Kind.EMAIL: _both("email", 3),
                Kind.PHONE: _both("phone", 3),
                Kind.MOBILE_ID: _both("madid"),
                Kind.FIRST_NAME: _both("fn"),
                Kind.LAST_NAME: _both("ln"),
                Kind.ZIP_CODE: _both("zip"),
                Kind.CITY: _both("ct"),
                Kind.STATE: _both("st"),
                Kind.COUNTRY: _both("country"),
                Kind.DATE_OF_BIRTH: Header(hashed="doby", plain="dob"),
                Kind.GENDER: _both("gen"),
            },
            apart=(frozenset({Kind.EMAIL, Kind.PHONE, Kind.MOBILE_ID}),),
            fewest_rows=100,
            source="https://www.facebook.com/business/help/2082575038703844",
            note="a whole date of birth can be written in many ways, so hashed it is the year only",
        ),
        Platform.GOOGLE: Page(
            columns={
                Kind.EMAIL: _both("Email", 3),
                Kind.PHONE: _both("Phone", 3),
                Kind.FIRST_NAME: _both("First Name"),
                Kind.LAST_NAME: _both("Last Name"),
                Kind.COUNTRY: _both("Country"),
                Kind.ZIP_CODE: _both("Zip"),
                Kind.MOBILE_ID: _both("Mobile Device ID"),
                Kind.EXTERNAL_ID: _both("User ID"),
            },
            apart=(
                frozenset({Kind.EMAIL, Kind.PHONE}),
                frozenset({Kind.MOBILE_ID}),
                frozenset({Kind.EXTERNAL_ID}),
            ),
            together=frozenset({Kind.FIRST_NAME, Kind.LAST_NAME, Kind.COUNTRY, Kind.ZIP_CODE}),
            source="https://support.google.com/google-ads/answer/7659867",
            note="Email and Phone may stand there any number of times: three are enough for us",
        ),
        Platform.TIKTOK: Page(
            columns={
                Kind.EMAIL: _or_sha256("Email", 3),
                Kind.PHONE: _or_sha256("Phone", 3),
                Kind.MOBILE_ID: _or_sha256("MAID", 3),
            },
            apart=(frozenset({Kind.EMAIL, Kind.PHONE, Kind.MOBILE_ID}),),
            # Less than 1 GB: what one more batch of rows adds stays well below the rest.
            full_at_bytes=900_000_000,
            fewest_rows=1_000,
            source="https://ads.tiktok.com/help/article/"
            "how-to-create-a-custom-audience-with-a-customer-file",
        ),
        Platform.SNAPCHAT: Page(
            columns={
                Kind.EMAIL: _both("email"),
                Kind.PHONE: _both("phone"),
                Kind.MOBILE_ID: _both("mobile_id"),
            },
            apart=(
                frozenset({Kind.EMAIL}),
                frozenset({Kind.PHONE}),
                frozenset({Kind.MOBILE_ID}),
            ),
            has_header=False,
            source="https://developers.snap.com/api/marketing-api/Ads-API/customer-lists",
            note="the page itself could not be read: one type a list, as the API takes them",
        ),
    }
)
