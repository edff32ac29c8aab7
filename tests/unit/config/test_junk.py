"""Whatever the file holds, it loads or is refused: nothing else ever comes out."""

from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audsync.config.load import load_config
from audsync.config.schema import json_schema
from audsync.errors import ConfigError


def _words(schema: object) -> set[str]:
    """Keys and choices of the real file, so that junk gets past the first check."""
    if isinstance(schema, list):
        return set[str]().union(*map(_words, schema))
    if not isinstance(schema, dict):
        return set()
    own = {str(word) for word in [*schema.get("properties", {}), *schema.get("enum", [])]}
    own |= {schema["const"]} if "const" in schema else set()
    return own.union(*map(_words, schema.values()))


WORDS = st.sampled_from(sorted(_words(json_schema())))
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.dates()
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
    | st.sampled_from(["${A}", "${B:-x}", "${", "$${A}", "24h", "1GB", "a.csv", "https://x", "<<"])
)  # fmt: skip
KEYS = WORDS | st.sampled_from(["m", "meta", "google", "a/b", "<<"]) | st.text(max_size=3)
JUNK = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)
CONNECTIONS = st.fixed_dictionaries(
    {"platform": st.sampled_from(["meta", "google", "tiktok", "snapchat", "${A}"])},
    optional={"account": SCALARS, "credentials": JUNK, "options": JUNK, "base_url": SCALARS},
)
SEGMENTS = st.fixed_dictionaries(
    {"source": st.fixed_dictionaries({"type": st.sampled_from(["file", "sql"])}) | JUNK},
    optional={"columns": JUNK, "where": SCALARS, "region": SCALARS, "traits": JUNK},
)
FILES = st.fixed_dictionaries(
    {},
    optional={
        "tenant": SCALARS,
        "store": JUNK,
        "connections": st.dictionaries(KEYS, CONNECTIONS | JUNK, max_size=3),
        "segments": st.dictionaries(KEYS, SEGMENTS | JUNK, max_size=3),
        "audiences": st.dictionaries(KEYS, JUNK, max_size=3),
        "suppress": JUNK,
        "notify": JUNK,
        "limits": JUNK,
    },
)
MANY = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _read(folder: Path, text: str) -> None:
    path = folder / "audsync.yaml"
    path.write_text(text, encoding="utf-8")
    with suppress(ConfigError):
        load_config(path, {"A": "meta"})


@MANY
@given(JUNK | FILES)
def test_any_yaml_loads_or_is_refused(tmp_path: Path, junk: object) -> None:
    _read(tmp_path, yaml.safe_dump(junk, allow_unicode=True))


@MANY
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_loads_or_is_refused(tmp_path: Path, text: str) -> None:
    _read(tmp_path, text)


@MANY
@given(st.text(st.sampled_from("ab:- \n#&*!?|>{}[]'\"$,<~%@`")))
def test_any_yaml_punctuation_loads_or_is_refused(tmp_path: Path, text: str) -> None:
    _read(tmp_path, text)


@pytest.mark.parametrize("variable", ["AUDSYNC_TENANT", "AUDSYNC_STORE_URL", "AUDSYNC_STATE_URL"])
@MANY
@given(value=st.text())
def test_any_variable_loads_or_is_refused(tmp_path: Path, variable: str, value: str) -> None:
    path = tmp_path / "audsync.yaml"
    path.write_text("tenant: 1")
    with suppress(ConfigError):
        load_config(path, {variable: value})
