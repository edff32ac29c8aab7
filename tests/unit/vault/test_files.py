"""Keys in files."""

import stat
from pathlib import Path

import pytest

from audsync.errors import ConfigError
from audsync.vault import files
from audsync.vault.keys import Key

KEY = Key(bytes(range(32)))


def test_a_key_file_is_for_its_owner_only_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "key"
    files.write(path, KEY)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert files.read(path) == KEY


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key"
    files.write(path, KEY)
    with pytest.raises(ConfigError, match="is there already"):
        files.write(path, Key(bytes(32)))
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="is there already"):
        files.write(tmp_path / "link", KEY)
    assert files.read(path) == KEY
    with pytest.raises(ConfigError, match="cannot be written: No such file"):
        files.write(tmp_path / "no" / "key", KEY)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    files.write(path, KEY)
    path.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        files.read(path)


@pytest.mark.parametrize("content", [b"", b"canary words", b"\xff" * 44, KEY.text.encode() * 100])
def test_a_file_without_a_key_is_refused_and_not_repeated(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="holds no key") as caught:
        files.read(path)
    assert "canary" not in str(caught.value)
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        files.read(tmp_path / "absent")
