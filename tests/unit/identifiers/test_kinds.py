"""Case by case: what each kind accepts, mends and rejects, beyond what vendors publish."""

import pyarrow as pa
import pytest

from audsync.domain import Platform
from audsync.identifiers.kernel import PrepareSpec, examine

META, GOOGLE, TIKTOK, SNAPCHAT = Platform.META, Platform.GOOGLE, Platform.TIKTOK, Platform.SNAPCHAT


def answer(
    platform: Platform, kind: str, value: str, *, region: str | None = None, country: str = ""
) -> str | None:
    """The normal form, or the reason in brackets; None for a blank cell."""
    name = f"{kind}.1"
    cells = {"country.0": pa.array([country]), name: pa.array([value])}
    shown = examine(pa.record_batch(cells), PrepareSpec(platform=platform, region=region))
    rejected = shown.column(f"{name}.rejected")[0].as_py()
    normal: str | None = shown.column(f"{name}.normalized")[0].as_py()
    return f"({rejected})" if rejected else normal


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a@b.co", "a@b.co"),
        ("\u00a0 jane@example.com\u200b", "jane@example.com"),
        ("ja\u200bne@example.com", "jane@example.com"),
        ("o'hara+x_y=z@sub.example.museum", "o'hara+x_y=z@sub.example.museum"),
        ("用户@例子.广告", "用户@例子.广告"),
        ("jane@example", "(invalid_format)"),
        ("jane@.example.com", "(invalid_format)"),
        ("jane@example..com", "(invalid_format)"),
        ("jane@-example.com", "(invalid_format)"),
        ("jane@example.c", "(invalid_format)"),
        ("jane@192.168.0.1", "(invalid_format)"),
        ("@example.com", "(invalid_format)"),
        ("jane@@example.com", "(invalid_format)"),
        ("jane@exa mple.com", "(invalid_format)"),
        ("ja\x00ne@example.com", "(invalid_format)"),
        ("<jane@example.com>", "(invalid_format)"),
        ("jane@example.com,joe@example.com", "(invalid_format)"),
        (f"{'a' * 64}@example.com", f"{'a' * 64}@example.com"),
        (f"{'a' * 65}@example.com", "(too_long)"),
        (f"a@{'b' * 63}.com", f"a@{'b' * 63}.com"),
        (f"a@{'b' * 64}.com", "(invalid_format)"),
        (f"a@{'b.' * 130}com", "(too_long)"),
        ("N/A", "(placeholder)"),
        ("NoEmail@NoEmail.com", "(placeholder)"),
        ("null", "(placeholder)"),
        (" \u200b\t", None),
    ],
)
def test_emails(value: str, expected: str | None) -> None:
    assert answer(META, "email", value) == expected
    assert answer(SNAPCHAT, "email", value) == expected


def test_google_alone_folds_the_addresses_of_its_own_domains() -> None:
    assert answer(GOOGLE, "email", "J.a.ne+x+y@GMail.com") == "jane@gmail.com"
    assert answer(GOOGLE, "email", "j.a.ne+x@mygmail.com") == "j.a.ne+x@mygmail.com"
    assert answer(GOOGLE, "email", "...@gmail.com") == "(invalid_format)"
    assert answer(META, "email", "J.a.ne+x@GMail.com") == "j.a.ne+x@gmail.com"


def test_tiktok_alone_removes_spaces_inside_an_address() -> None:
    assert answer(TIKTOK, "email", "ja ne @ example . com") == "jane@example.com"
    assert answer(TIKTOK, "email", "none @none.com") == "(placeholder)"
    assert answer(META, "email", "ja ne@example.com") == "(invalid_format)"


@pytest.mark.parametrize("country", ["GB", "gb", " UK ", "GBR", "United Kingdom"])
def test_the_country_of_the_row_goes_before_the_region_of_the_segment(country: str) -> None:
    number = "020 7183 8750"
    assert answer(META, "phone", number, region="US", country=country) == "442071838750"


def test_a_row_of_an_unknown_country_is_not_read_with_the_region_of_the_segment() -> None:
    assert answer(META, "phone", "657-777-0000", region="US", country="Atlantis") == "(no_region)"
    assert answer(META, "phone", "657-777-0000", region="us", country=" ") == "16577770000"
    assert answer(META, "phone", "+1 657-777-0000", country="Atlantis") == "16577770000"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("AEBE52E703EE455AB3C4E57283966239", "aebe52e7-03ee-455a-b3c4-e57283966239"),
        ("{AEBE52E7-03EE-455A-B3C4-E57283966239}", "aebe52e7-03ee-455a-b3c4-e57283966239"),
        ("00000000000000000000000000000000", "(zero_id)"),
        ("aebe52e7-03ee-455a-b3c4-e5728396623", "(invalid_format)"),
        ("n/a", "(placeholder)"),
    ],
)
def test_mobile_ids(value: str, expected: str) -> None:
    assert answer(TIKTOK, "mobile_id", value) == expected


def test_the_hash_of_nothing_is_rejected_in_every_kind_that_travels_hashed() -> None:
    nothing = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"
    for kind in ("email", "phone", "external_id", "first_name", "zip_code"):
        assert answer(META, kind, nothing) == "(empty_hash)"
    assert answer(META, "mobile_id", nothing) == "(already_hashed)"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1984-07-09", "19840709"),
        ("1984-7-9", "19840709"),
        ("1984/07/09", "19840709"),
        ("19840709", "19840709"),
        ("1984-07-09T00:00:00Z", "19840709"),
        ("1984-07-09 00:00:00", "19840709"),
        ("9.7.1984", "19840709"),
        ("31/12/1990", "19901231"),
        ("12/31/1990", "19901231"),
        ("05/05/1990", "19900505"),
        ("03/04/1990", "(ambiguous_date)"),
        ("1990-02-30", "(invalid_format)"),
        ("1899-12-31", "(invalid_format)"),
        ("84-07-09", "(invalid_format)"),
        ("unknown", "(placeholder)"),
    ],
)
def test_dates_of_birth(value: str, expected: str) -> None:
    assert answer(META, "date_of_birth", value) == expected


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("first_name", "Jean-Luc O\u2019Neil 3rd", "jeanluconeil3rd"),
        ("first_name", "null", "(placeholder)"),
        ("first_name", "Nil", "nil"),
        ("last_name", "---", "(invalid_format)"),
        ("city", "Łódź", "lodz"),
        ("city", "København K 1", "kobenhavnk"),
        ("state", "Bayern", "bayern"),
        ("zip_code", "01310-100", "01310-100"),
        ("gender", "MALE", "m"),
        ("gender", "diverse", "(invalid_format)"),
        ("country", "Deutschland", "de"),
        ("country", "NA", "na"),
        ("country", "Atlantis", "(invalid_format)"),
    ],
)
def test_match_fields_of_meta(kind: str, value: str, expected: str) -> None:
    assert answer(META, kind, value) == expected


def test_american_states_and_postal_codes_are_told_by_the_country() -> None:
    assert answer(META, "state", "New York", country="US") == "ny"
    assert answer(META, "state", "New York", country="MX") == "newyork"
    assert answer(META, "zip_code", "94045-1234", country="US") == "94045"
    assert answer(META, "zip_code", "940451234", region="US") == "94045"
    assert answer(META, "zip_code", "2138", country="US") == "(invalid_format)"
    assert answer(GOOGLE, "zip_code", "94045-1234", country="US") == "94045-1234"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Prof. Dr. Ada", "ada"),
        ("King, Jr., PhD", "king"),
        ("  María   José ", "maría josé"),
        ("Miss", "miss"),
        ("Drew", "drew"),
    ],
)
def test_names_for_google(value: str, expected: str) -> None:
    assert answer(GOOGLE, "first_name", value) == expected
