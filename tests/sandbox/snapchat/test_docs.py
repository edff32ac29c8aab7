"""The section on Snapchat in docs/sandbox.md keeps up with the code."""

from pathlib import Path

import pytest

from audsync.sandbox.snapchat import settings

TEXT = (Path(__file__).parents[3] / "docs" / "sandbox.md").read_text()
SECTION = TEXT.split("\n## Snapchat\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("name", settings.Settings.model_fields)
def test_every_setting_is_told(name: str) -> None:
    assert f"`{name}`" in SECTION


@pytest.mark.parametrize(
    "value",
    [
        settings.DEFAULT_ACCOUNT,
        settings.DEFAULT_CLIENT_SECRET,
        settings.DEFAULT_REFRESH_TOKEN,
        settings.SCOPE,
    ],
)
def test_the_names_of_the_demo_are_told(value: str) -> None:
    assert f"`{value}`" in SECTION
