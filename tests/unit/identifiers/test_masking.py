"""Samples are safe to print."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audsync.identifiers.masking import mask


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("jane.doe@example.com", "j***@e***.com"),
        (" Jane@Example.co.uk ", "J***@E***.uk"),
        ("+447700900123", "+44********23"),
        ("020 7183 8750", "***********50"),
        ("CRM-0042", "C***"),
        ("x", "***"),
        ("", "***"),
        ("12345", "1***"),
    ],
)
def test_known_shapes(text: str, shown: str) -> None:
    assert mask(text) == shown


@given(st.text(min_size=8, max_size=60))
def test_a_masked_text_never_holds_half_of_it(text: str) -> None:
    assert text not in mask(text)
    assert len(set(mask(text)) - {"*", "@", ".", "+"}) <= 8
