"""What is a variable in the user's SQL, and what only looks like one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audsync.errors import ConfigError
from audsync.segments.sql_statement import number_or_text, rewritten

UNTOUCHED = (
    "select 'it''s :a' from t",
    "select E'it\\'s :a' from t",
    'select ":a" from t',
    "select `:a` from t",
    "select $$ :a ' ( $$, $x$ :a $$ $x$ from t",
    "select 1 -- :a ' (",
    "select 1 /* :a ' ( */",
    "select a::int, b ::text, x[1:n], v:path, f(x):y from t",
    "select '12:30', '{\"k\": \"v\"}' from t",
    "select @x := 1",
)


@pytest.mark.parametrize("written", UNTOUCHED)
def test_what_is_no_variable_stays(written: str) -> None:
    assert rewritten(written, "query", lambda _: "!") == written


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("a = :a", "a = !a"),
        ("a=:a and b>:b_2::int", "a=!a and b>!b_2::int"),
        ("(:a,:b)", "(!a,!b)"),
        ("select 1 ; ", "select 1  "),
        ("select 1; -- :a", "select 1 -- :a"),
    ],
)
def test_a_variable_is_replaced_and_a_last_semicolon_dropped(written: str, sent: str) -> None:
    assert rewritten(written, "query", lambda name: f"!{name}") == sent


@given(st.text("ab :;'\"()-/*$`\\\n1", max_size=40))
def test_nothing_gets_out_of_its_brackets(written: str) -> None:
    """What is accepted has no bracket, quote or semicolon that acts on what stands around it."""
    try:
        sent = rewritten(written, "where", lambda _: "1")
    except ConfigError:
        return
    parts = r"""
        [eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*`
        | \$\w*\$.*?\$\w*\$ | --[^\n]* | /\*.*?\*/
    """
    bare = re.sub(parts, " ", sent, flags=re.DOTALL | re.VERBOSE)
    assert ";" not in bare
    depth = 0
    for sign in bare:
        depth += (sign == "(") - (sign == ")")
        assert depth >= 0
    assert depth == 0


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("5", 5),
        ("-7", -7),
        ("0.8", 0.8),
        ("true", True),
        ("false", False),
        ("0042", "0042"),
        ("+49", "+49"),
        ("1e5", "1e5"),
        ("9" * 30, "9" * 30),
        ("", ""),
        ("True", "True"),
        ("2026-11-22", "2026-11-22"),
    ],
)
def test_a_value_is_a_number_only_if_it_is_written_as_one(written: str, value: object) -> None:
    found = number_or_text(written)
    assert (found, type(found)) == (value, type(value))
