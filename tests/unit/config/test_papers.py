"""What people read is complete and true: the example, the starter, docs/configuration.md."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import jsonschema
import pytest
import yaml

from audsync.config import dotenv
from audsync.config.interpolate import shield
from audsync.config.load import OVERRIDES, load_config
from audsync.config.schema import json_schema
from audsync.config.template import DOTENV_EXAMPLE, STARTER
from audsync.domain import Platform
from tests.unit.config.conftest import Load
from tests.unit.config.reference import Page, pages, sections

ROOT = Path(__file__).parents[3]
EXAMPLE = (ROOT / "config.example.yaml").read_text(encoding="utf-8")
DOCS = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
VARIABLES = set(re.findall(r"\$\{([A-Z_]+)", EXAMPLE)) - {"NAME"}


def _keys(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from map(str, value)
        for child in value.values():
            yield from _keys(child)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for child in value:
            yield from _keys(child)


def _plain(text: str) -> object:
    """The YAML without variables, as an editor would see it with them filled in."""
    shielded = shield(text)
    return yaml.load(shielded.text, Loader=yaml.BaseLoader)


def test_the_example_loads_once_its_variables_are_set() -> None:
    addresses = dict.fromkeys(("SLACK_URL", "HEARTBEAT_URL"), "https://x.test")
    values = dict.fromkeys(VARIABLES, "x") | addresses
    config = load_config(ROOT / "config.example.yaml", values)
    assert {connection.platform.value for connection in config.connections.values()} == {
        "meta",
        "google",
        "tiktok",
        "snapchat",
    }


def test_the_example_shows_every_key() -> None:
    shown = set(_keys(_plain(EXAMPLE)))
    sections = [json_schema(), *json_schema()["$defs"].values()]
    missing = {key for section in sections for key in section.get("properties", {})} - shown
    assert not missing


def test_the_example_has_a_comment_on_every_key() -> None:
    lines = EXAMPLE.splitlines()
    bare = [
        line
        for before, line in zip(["", *lines], lines, strict=False)
        if re.match(r"[\s-]*\w+: \S", line) and "#" not in line and "#" not in before
    ]
    explained = {line.split("#")[0].split(":")[0].strip(" -") for line in lines if "#" in line}
    assert {line.split(":")[0].strip(" -") for line in bare} <= explained


def test_editors_accept_the_example() -> None:
    seen = yaml.safe_load(re.sub(r"\$\{\w+(:-[^}]*)?\}", "filled-in", EXAMPLE))
    seen["notify"][0]["on"] = seen["notify"][0].pop(True)  # YAML 1.1; editors speak 1.2
    jsonschema.Draft202012Validator(json_schema()).validate(seen)


def test_the_starter_loads_as_it_stands(load: Load) -> None:
    assert "meta-main" in load(STARTER).connections


def test_what_is_commented_out_in_the_starter_loads_too(load: Load) -> None:
    text = re.sub(r"(?m)^( *)# (?!yaml-)( *[\w-]+:(?: |$)| +- )", r"\1\2", STARTER)
    assert text != STARTER
    names = set(re.findall(r"(?m)^# ([A-Z_]+)=", DOTENV_EXAMPLE)) - set(OVERRIDES)
    config = load(text, **dict.fromkeys(names, "x") | {"SLACK_URL": "https://x.test"})
    mains = {f"{platform.value}-main" for platform in Platform}
    assert {"meta-sandbox"} | mains <= config.connections.keys()
    assert config.audiences["customers-meta"].connection == "meta-main"
    assert config.suppress
    assert config.notify


def test_the_environment_of_the_starter_is_readable_and_names_every_variable(load: Load) -> None:
    assert dotenv.parse(DOTENV_EXAMPLE) == {}
    text = re.sub(r"(?m)^# ([A-Z_]+=)", r"\1", DOTENV_EXAMPLE)
    assert set(OVERRIDES) <= dotenv.parse(text).keys()
    assert load(STARTER, dotenv=text).limits.max_batch_size == 10_000


def test_the_reference_has_every_section() -> None:
    named = {name for name, each in json_schema()["$defs"].items() if "properties" in each}
    assert named == {section.__name__ for section in sections()} - {"Config"}


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.title)
def test_the_reference_tells_every_key_with_type_default_and_meaning(page: Page) -> None:
    assert page.text in DOCS, f"put this into docs/configuration.md:\n\n{page.text}"


def test_the_reference_tells_every_variable() -> None:
    others = {"AUDSYNC_CONFIG", "AUDSYNC_ENCRYPTION_KEY", "AUDSYNC_ENCRYPTION_KEY_FILE"}
    for variable in {*OVERRIDES, *others}:
        assert f"`{variable}`" in DOCS
