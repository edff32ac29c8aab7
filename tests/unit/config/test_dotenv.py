"""The dialect of `.env`."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audsync.config.dotenv import parse

CASES = [
    ("", {}),
    ("# comment\n\n   \n", {}),
    ("A=1", {"A": "1"}),
    ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
    ("  export A = one two  ", {"A": "one two"}),
    ("A=", {"A": ""}),
    ("A=\nB=2", {"A": "", "B": "2"}),
    ("A=a#b # comment", {"A": "a#b"}),
    ("A=# comment", {"A": "# comment"}),
    ("A= # comment", {"A": ""}),
    ("A='it is $B # \\n' # comment", {"A": "it is $B # \\n"}),
    ('A="a\\n\\"b\\" \\\\ \\$B \\x" # comment', {"A": 'a\n"b" \\ $B \\x'}),
    ('A="two\nlines"\nB=2', {"A": "two\nlines", "B": "2"}),
    ("A=1\nA=2", {"A": "2"}),
    ("A=https://x/?a=b&c='d'", {"A": "https://x/?a=b&c='d'"}),
    ("A=''", {"A": ""}),
]


@pytest.mark.parametrize(("text", "variables"), CASES)
def test_it_reads(text: str, variables: dict[str, str]) -> None:
    assert parse(text) == variables


@pytest.mark.parametrize(
    ("text", "line"),
    [("A=1\nsecret", 2), ("1A=x", 1), ("\n\n=x", 3), ("A='x", 1), ('A="x\n', 1), ("A='x' y", 1)],
)
def test_it_names_the_line_that_it_cannot_read(text: str, line: int) -> None:
    with pytest.raises(ValueError, match=f"^{line}: must be KEY=VALUE"):
        parse(text)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ValueError):
        assert all(parse(text))


@given(st.text(st.characters(exclude_characters="'", exclude_categories=["Cs", "Cc"])))
def test_single_quotes_keep_any_text(value: str) -> None:
    assert parse(f"A='{value}'\nB=2") == {"A": value, "B": "2"}
