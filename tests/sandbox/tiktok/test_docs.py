"""The TikTok section of docs/sandbox.md keeps up with the code."""

from pathlib import Path

import pytest

from audsync.errors import ConfigError
from audsync.sandbox.tiktok.settings import Advertiser, Settings, Token

DOCS = Path(__file__).parents[3] / "docs" / "sandbox.md"
SECTION = DOCS.read_text().partition("\n## TikTok\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("model", [Settings, Token, Advertiser])
def test_every_setting_is_told(model: type[Settings | Token | Advertiser]) -> None:
    told = {name for name in model.model_fields if f"`{name}`" in SECTION or f"`{name}:" in SECTION}
    assert told == set(model.model_fields)


def test_what_opens_it_is_told() -> None:
    settings = Settings()
    for name in (
        settings.tokens[0].value,
        settings.advertisers[0].id,
        settings.app_id,
        settings.app_secret,
    ):
        assert f"`{name}`" in SECTION


def test_secrets_stay_out_of_reprs() -> None:
    assert "sandbox-tiktok-token" not in repr(Settings())
    assert "sandbox-secret" not in repr(Settings())


def test_a_setting_that_does_not_exist_is_named() -> None:
    with pytest.raises(ConfigError, match="calls_per_hour"):
        Settings().changed({"calls_per_hour": 1})
