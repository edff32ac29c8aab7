"""A configuration in a folder of its own, read with an environment of its own."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from audsync.config.load import load_config
from audsync.config.model import Config
from audsync.errors import ConfigError

Load = Callable[..., Config]
Refuse = Callable[..., ConfigError]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Write the text to audsync.yaml and read it; keywords are environment variables."""

    def read(text: str, *, dotenv: str | None = None, **environ: str) -> Config:
        path = tmp_path / "audsync.yaml"
        path.write_text(text, encoding="utf-8")
        if dotenv is not None:
            (tmp_path / ".env").write_text(dotenv, encoding="utf-8")
        variables: Mapping[str, str] = environ
        return load_config(path, variables)

    return read


@pytest.fixture
def refuse(load: Load, tmp_path: Path) -> Refuse:
    """Read a text that cannot be used; the error with the folder cut out of its message."""

    def read(text: str, *, dotenv: str | None = None, **environ: str) -> ConfigError:
        with pytest.raises(ConfigError) as caught:
            load(text, dotenv=dotenv, **environ)
        caught.value.message = caught.value.message.replace(f"{tmp_path}/", "")
        return caught.value

    return read
