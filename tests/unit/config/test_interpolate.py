"""`${NAME}` in every place where YAML text may stand."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audsync.config.interpolate import shield
from audsync.config.references import References
from tests.unit.config.conftest import Load, Refuse

AUDIENCE = (
    "connections: {m: {platform: meta, account: 1}}\n"
    "segments: {v: {source: {type: file, path: a}, columns: {profile_id: i, email: e}}}\n"
    "audiences:\n  a:\n    segment: v\n    connection: m\n    name: %s\n"
)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("${A}", "one"),
        ("x-${A}-${B}", "x-one-two words"),
        ("'${A}'", "one"),
        ('"${A}"', "one"),
        ("|-\n      ${A}\n      ${B}", "one\ntwo words"),
        ("${NONE:-default}", "default"),
        ("${EMPTY:-default}", "default"),
        ("${NONE:-with: colon # and hash}", "with: colon # and hash"),
        ("${A:-default}", "one"),
        ("$${A}", "${A}"),
        ("$A and $", "$A and $"),
        ("${NASTY}", "a: [b] # c ${A} 'd"),
        ("${NASTY} # ${NOT_SET} in a comment", "a: [b] # c ${A} 'd"),
        ("'${EMPTY:-}.'", "."),
    ],
)
def test_a_variable_is_filled_in(load: Load, written: str, read: str) -> None:
    environ = {"A": "one", "B": "two words", "EMPTY": "", "NASTY": "a: [b] # c ${A} 'd"}
    assert load(AUDIENCE % written, **environ).audiences["a"].name == read


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("${NONE}", "needs the variable NONE, which is not set; set it in the environment"),
        ("${NAMED_TOKN}", "which is not set (did you mean NAMED_TOKEN?)"),
        ("${EMPTY}", "needs the variable EMPTY, which is empty; ${EMPTY:-} allows that"),
        ("${1A}", "has a malformed variable; write ${NAME} or ${NAME:-default}"),
        ("${A-b}", "has a malformed variable"),
        ("${}", "has a malformed variable"),
        ("'${A'", "has ${ without } on the same line"),
    ],
)
def test_a_variable_that_cannot_be_filled_in_is_named(
    refuse: Refuse, written: str, message: str
) -> None:
    said = refuse(AUDIENCE % written, EMPTY="", NAMED_TOKEN="x").message
    assert said.startswith("audsync.yaml:7: audiences.a.name: ")
    assert message in said


def test_an_empty_variable_leaves_the_default_of_the_setting(load: Load) -> None:
    assert load("tenant: ${T:-}\nlimits: {max_wait: ${W:-}}").limits.max_wait == 60


@given(st.text())
def test_text_without_variables_comes_back_as_it_was(text: str) -> None:
    shielded = shield(text)
    assert shielded.restore(shielded.text) == text or "\ue000" in text
    assert shielded.text.count("\n") == text.count("\n")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_value_is_read_as_a_variable(value: str) -> None:
    shielded = shield("${A}${A:-x}")
    references = References(variables={"A": value or "x"}, folder=Path())
    assert shielded.fill(shielded.text, references.value_of) == (value or "x") * 2
