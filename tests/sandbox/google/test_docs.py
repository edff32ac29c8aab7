"""The Google section of docs/sandbox.md keeps up with the code."""

from pathlib import Path

import orjson
import pytest
from pydantic import BaseModel

from audsync.errors import ConfigError
from audsync.sandbox.google.settings import (
    AdsAccount,
    Client,
    Outcome,
    Quota,
    Quotas,
    RefreshToken,
    ServiceAccount,
    Settings,
)

DOCS = Path(__file__).parents[3] / "docs" / "sandbox.md"
SECTION = DOCS.read_text().partition("\n## Google\n")[2].partition("\n## ")[0]
MODELS = [Settings, RefreshToken, ServiceAccount, Client, AdsAccount, Quota, Quotas, Outcome]


@pytest.mark.parametrize("model", MODELS)
def test_every_setting_is_told(model: type[BaseModel]) -> None:
    told = {name for name in model.model_fields if f"`{name}`" in SECTION or f"`{name}:" in SECTION}
    assert told == set(model.model_fields)


def test_what_opens_it_is_told() -> None:
    settings = Settings()
    for name in (
        settings.clients[0].id,
        settings.clients[0].secret,
        settings.refresh_tokens[0].value,
        settings.service_accounts[0].email,
        settings.accounts[0].id,
        settings.accounts[1].id,
    ):
        assert f"`{name}`" in SECTION


def test_the_example_can_be_set() -> None:
    example = SECTION.partition("```json\n")[2].partition("```")[0]
    changes = orjson.loads(example)["google"]
    assert len(Settings().changed(changes).outcomes) == 2


def test_secrets_stay_out_of_reprs() -> None:
    assert "sandbox-google-refresh" not in repr(Settings())
    assert "sandbox-client-secret" not in repr(Settings())


def test_a_setting_that_does_not_exist_is_named() -> None:
    with pytest.raises(ConfigError, match="settle_after_h"):
        Settings().changed({"settle_after_h": 1})
