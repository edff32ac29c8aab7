"""Keys in files and in the system's keyring."""

import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import keyring
import keyring.errors
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring

from audsync.errors import ConfigError
from audsync.vault import places
from audsync.vault.keys import Key

KEY = Key(bytes(range(32)))


class Memory(KeyringBackend):
    """A system keyring as a person would have one."""

    priority = -1  # never the one that the library chooses by itself

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # the library's own
        self.kept: dict[tuple[str, str], str] = {}
        self.is_locked = False

    def get_password(self, service: str, username: str) -> str | None:
        self._open()
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._open()
        self.kept[service, username] = password

    def _open(self) -> None:
        if self.is_locked:
            raise keyring.errors.KeyringLocked


@pytest.fixture(autouse=True)
def _no_keyring() -> Iterator[None]:
    """Whatever this machine has, no test touches it."""
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeyring())  # type: ignore[no-untyped-call]  # the library's own
    yield
    keyring.set_keyring(before)


@pytest.fixture
def system() -> Memory:
    made = Memory()
    keyring.set_keyring(made)
    return made


def test_a_key_file_is_for_its_owner_only_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "key"
    places.write_file(path, KEY)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert places.read_file(path) == KEY


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key"
    places.write_file(path, KEY)
    with pytest.raises(ConfigError, match="is there already"):
        places.write_file(path, Key(bytes(32)))
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="is there already"):
        places.write_file(tmp_path / "link", KEY)
    assert places.read_file(path) == KEY
    with pytest.raises(ConfigError, match="cannot be written: No such file"):
        places.write_file(tmp_path / "no" / "key", KEY)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    places.write_file(path, KEY)
    path.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        places.read_file(path)


@pytest.mark.parametrize("content", [b"", b"canary words", b"\xff" * 44, KEY.text.encode() * 100])
def test_a_file_without_a_key_is_refused_and_not_repeated(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="holds no key") as caught:
        places.read_file(path)
    assert "canary" not in str(caught.value)
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        places.read_file(tmp_path / "absent")


def test_a_key_is_kept_in_the_systems_keyring(system: Memory) -> None:
    assert places.read_keyring() is None
    places.write_keyring(KEY)
    assert places.read_keyring() == KEY
    assert system.kept == {("audsync", "encryption-key"): KEY.text}


def test_a_key_in_the_keyring_is_replaced_only_when_said(system: Memory) -> None:
    places.write_keyring(KEY)
    with pytest.raises(ConfigError, match="has a key already"):
        places.write_keyring(Key(bytes(32)))
    assert places.read_keyring() == KEY
    places.write_keyring(Key(bytes(32)), replacing=True)
    assert places.read_keyring() == Key(bytes(32))
    assert system.kept


def test_a_keyring_that_is_locked_has_nothing(system: Memory) -> None:
    system.is_locked = True
    assert places.read_keyring() is None
    with pytest.raises(ConfigError, match="refused the key"):
        places.write_keyring(KEY)


def test_what_is_no_key_in_the_keyring_is_told(system: Memory) -> None:
    system.kept["audsync", "encryption-key"] = "canary"
    with pytest.raises(ConfigError, match="holds no key") as caught:
        places.read_keyring()
    assert "canary" not in str(caught.value)


def test_without_a_keyring_there_is_nothing_to_read_and_nowhere_to_write(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert places.read_keyring() is None
    with pytest.raises(ConfigError, match="no system keyring"):
        places.write_keyring(KEY)
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert places.read_keyring() is None
    with pytest.raises(ConfigError, match="no system keyring"):
        places.write_keyring(KEY)
