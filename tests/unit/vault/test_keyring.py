"""The key in the system's keyring."""

import sys
from collections.abc import Iterator

import keyring
import pytest
from keyring.backends.fail import Keyring as NoKeyring

from audsync.errors import ConfigError
from audsync.vault import keyring as ours
from audsync.vault.keys import Key
from tests.memory_keyring import Memory

KEY = Key(bytes(range(32)))


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


def test_a_key_is_kept_in_the_systems_keyring(system: Memory) -> None:
    assert ours.read() == []
    ours.write(KEY)
    assert ours.read() == [KEY]
    assert system.kept == {("audsync", "encryption-key"): KEY.text}


def test_a_key_in_the_keyring_is_not_overwritten(system: Memory) -> None:
    ours.write(KEY)
    with pytest.raises(ConfigError, match="has a key already"):
        ours.write(Key(bytes(32)))
    assert ours.read() == [KEY]
    assert system.kept


def test_while_a_key_is_replaced_both_open(system: Memory) -> None:
    ours.write(KEY)
    new = ours.prepare_next()
    assert ours.read() == [KEY, new]
    assert ours.prepare_next() == new  # a rotation that broke goes on with the same key
    ours.promote_next()
    assert ours.read() == [new]
    ours.promote_next()
    assert ours.read() == [new]
    assert len(system.kept) == 1


def test_a_key_that_is_not_there_is_not_replaced(system: Memory) -> None:
    with pytest.raises(ConfigError, match="has no key"):
        ours.prepare_next()
    assert system.kept == {}


def test_a_keyring_that_is_locked_has_nothing(system: Memory) -> None:
    system.is_locked = True
    assert ours.read() == []
    with pytest.raises(ConfigError, match="refused the key"):
        ours.write(KEY)


def test_what_is_no_key_in_the_keyring_is_told(system: Memory) -> None:
    system.kept["audsync", "encryption-key"] = "canary"
    with pytest.raises(ConfigError, match="holds no key") as caught:
        ours.read()
    assert "canary" not in str(caught.value)


def test_without_a_keyring_there_is_nothing_to_read_and_nowhere_to_write(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert ours.read() == []
    with pytest.raises(ConfigError, match="no system keyring"):
        ours.write(KEY)
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert ours.read() == []
    with pytest.raises(ConfigError, match="no system keyring"):
        ours.write(KEY)
