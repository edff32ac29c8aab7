"""The JSON Schema takes what the reader takes, as an editor sees the file."""

from typing import Any

import jsonschema
import pytest
import yaml

from audsync.config.schema import json_schema
from audsync.config.template import STARTER

CHECK = jsonschema.Draft202012Validator(json_schema())
SEGMENT = {"source": {"type": "file", "path": "a"}, "columns": {"profile_id": "i", "email": "e"}}


def test_it_is_a_schema_and_every_key_is_described() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    sections = [json_schema(), *json_schema()["$defs"].values()]
    for section in sections:
        for name, key in section.get("properties", {}).items():
            assert key["description"].endswith("."), name


@pytest.mark.parametrize(
    "written",
    [
        {},
        {"connections": None},
        {"tenant": "${TENANT}"},
        {"defaults": {"every": "24h", "minimum_every": 1, "region": "gb"}},
        {"defaults": {"every": 24, "region": "${REGION:-GB}"}},
        {"state": {"memory_limit": "1GB", "encrypt": "${ENCRYPT}"}},
        {"state": {"memory_limit": 10**9}},
        {"connections": {"m": {"platform": "meta", "account": 123, "options": {}}}},
        {"connections": {"m": {"platform": "meta", "account": "${ACCOUNT}"}}},
        {"segments": {"v": SEGMENT}},
        {"segments": {"v": {**SEGMENT, "columns": {"profile_id": ["i"], "email": ["e", "f"]}}}},
        {"notify": [{"url": "${SLACK_URL}", "on": ["failed", "${EVENT}"]}]},
    ],
)
def test_it_takes_what_people_write(written: dict[str, Any]) -> None:
    CHECK.validate(written)


@pytest.mark.parametrize(
    "written",
    [
        {"tenantt": 1},
        {"tenant": "x"},
        {"tenant": 0},
        {"defaults": {"every": "5h"}},
        {"state": {"memory_limit": "much"}},
        {"connections": {"m": {"account": "1"}}},
        {"connections": {"m": {"platform": "metaa", "account": "1"}}},
        {"connections": {"m": {"platform": "meta", "account": "1", "options": {"upload": "file"}}}},
        {"connections": {"a/b": {"platform": "meta", "account": "1"}}},
        {"segments": {"v": {**SEGMENT, "columns": {"email": "e"}}}},
        {"segments": {"v": {**SEGMENT, "columns": {"profile_id": ["i", "j"], "email": "e"}}}},
        {"segments": {"v": {**SEGMENT, "source": {"path": "a"}}}},
        {"notify": [{"url": "https://x", "on": ["fail"]}]},
    ],
)
def test_it_refuses_what_the_reader_refuses(written: dict[str, Any]) -> None:
    assert not CHECK.is_valid(written)


def test_it_takes_the_starter() -> None:
    CHECK.validate(yaml.safe_load(STARTER))
