"""The key in the system's keyring, through the library of that name, an optional extra.

While one key takes the place of another both are kept, so that a crash at any moment leaves the
key that opens what is stored.
"""

from typing import TYPE_CHECKING

from audsync.errors import ConfigError
from audsync.vault.keys import Key, generate, parse

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SERVICE = "audsync"
_CURRENT, _NEXT = "encryption-key", "next-encryption-key"


def read() -> list[Key]:
    """The keys in the keyring, the sealing one first; none where there is no keyring.

    Raises:
        ConfigError: it holds something that is no key.
    """
    backend = _backend()
    if backend is None:
        return []
    kept = (_key(backend, name) for name in (_CURRENT, _NEXT))
    return [key for key in kept if key is not None]


def write(key: Key) -> None:
    """Put the first key into the keyring.

    Raises:
        ConfigError: there is no keyring, it refuses, or it has a key already.
    """
    backend = _required()
    if _key(backend, _CURRENT) is not None:
        raise ConfigError(
            "The system's keyring has a key already: `audsync key rotate --keyring` puts another in"
            " its place and keeps what it sealed readable."
        )
    _put(backend, _CURRENT, key)


def prepare_next() -> Key:
    """A new key, kept beside the current one until `promote_next`; the same if asked again.

    Raises:
        ConfigError: there is no keyring, it refuses, or it has no key yet.
    """
    backend = _required()
    if _key(backend, _CURRENT) is None:
        raise ConfigError("The system's keyring has no key: `audsync key generate --keyring`.")
    key = _key(backend, _NEXT) or generate()
    _put(backend, _NEXT, key)
    return key


def promote_next() -> None:
    """Let the next key take the place of the current one.

    Raises:
        ConfigError: the keyring refuses; both keys stay.
    """
    backend = _required()
    key = _key(backend, _NEXT)
    if key is not None:
        _put(backend, _CURRENT, key)
        backend.delete_password(SERVICE, _NEXT)


def _backend() -> "KeyringBackend | None":
    """The system's keyring, if the library is installed and finds one."""
    try:
        import keyring  # noqa: PLC0415 - an extra that may not be there
        from keyring.backends.fail import Keyring as NoKeyring  # noqa: PLC0415 - the same
    except ModuleNotFoundError:
        return None
    backend = keyring.get_keyring()
    return None if isinstance(backend, NoKeyring) else backend


def _required() -> "KeyringBackend":
    backend = _backend()
    if backend is None:
        raise ConfigError(
            "There is no system keyring to be used: run `pip install 'audsync[keyring]'` in a"
            " session that has one, or keep the key in a file with --out."
        )
    return backend


def _key(backend: "KeyringBackend", name: str) -> Key | None:
    """What is kept under a name; a keyring that is locked or gone has nothing."""
    from keyring.errors import KeyringError  # noqa: PLC0415 - an extra that may not be there

    try:
        text = backend.get_password(SERVICE, name)
        return None if text is None else parse(text)
    except KeyringError:
        return None
    except ValueError:
        raise ConfigError(
            f"The system's keyring holds no key under {SERVICE}/{name}: remove that entry, then"
            " run the command again."
        ) from None


def _put(backend: "KeyringBackend", name: str, key: Key) -> None:
    from keyring.errors import KeyringError  # noqa: PLC0415 - an extra that may not be there

    try:
        backend.set_password(SERVICE, name, key.text)
    except KeyringError:
        raise ConfigError(
            "The system's keyring refused the key: unlock it, or keep the key in a file."
        ) from None
