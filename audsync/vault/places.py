"""Where keys are kept: in files that only their owner reads, and in the system's keyring.

Nothing here repeats a key. What is wrong with a place is told as a `ConfigError`: a person mends
it outside audsync.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from audsync.errors import ConfigError
from audsync.vault.keys import Key, parse

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

_OTHERS = 0o077
_MAX_FILE_BYTES = 4096
_SERVICE, _USER = "audsync", "encryption-key"


def read_file(path: Path) -> Key:
    """The key in a file, which nobody but its owner may read.

    Raises:
        ConfigError: it cannot be read, is open to others, or holds no key.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_MAX_FILE_BYTES)
    except OSError as error:
        raise _refused(path, f"cannot be read: {error.strerror}. Name the right one.") from None
    if mode & _OTHERS and os.name == "posix":
        raise _refused(path, f"can be read by other users of this machine: chmod 600 {path}")
    try:
        return parse(content.decode("ascii"))
    except ValueError:
        raise _refused(path, "holds no key: `audsync key generate --out FILE` makes one.") from None


def write_file(path: Path, key: Key) -> None:
    """Put a key into a new file that only this user may read; nothing is ever overwritten.

    Raises:
        ConfigError: there is such a file already, or it cannot be written.
    """
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_CLOEXEC", 0)
    try:
        descriptor = os.open(path, flags, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(key.text + "\n")
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise _refused(path, "is there already: name a new one.") from None
    except OSError as error:
        raise _refused(path, f"cannot be written: {error.strerror}. Name another.") from None


def read_keyring() -> Key | None:
    """The key in the system's keyring; None where there is none, or no keyring.

    Raises:
        ConfigError: the keyring holds something that is no key.
    """
    backend = _backend()
    text = _asked(backend) if backend is not None else None
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError:
        raise ConfigError(
            f"The system's keyring holds no key under {_SERVICE}/{_USER}: remove that entry, then"
            " `audsync key generate --keyring`."
        ) from None


def write_keyring(key: Key, *, replacing: bool = False) -> None:
    """Put a key into the system's keyring.

    Raises:
        ConfigError: there is no keyring, it refuses, or it has a key and `replacing` is not said.
    """
    backend = _backend()
    if backend is None:
        raise ConfigError(
            "There is no system keyring to be used: run `pip install 'audsync[keyring]'` in a"
            " session that has one, or keep the key in a file with --out."
        )
    if not replacing and _asked(backend) is not None:
        raise ConfigError(
            "The system's keyring has a key already: `audsync key rotate --keyring` puts another in"
            " its place and keeps what it sealed readable."
        )
    from keyring.errors import KeyringError  # noqa: PLC0415 - an extra that may not be there

    try:
        backend.set_password(_SERVICE, _USER, key.text)
    except KeyringError:
        raise ConfigError(
            "The system's keyring refused the key: unlock it, or use --out FILE."
        ) from None


def _backend() -> "KeyringBackend | None":
    """The system's keyring, if the library is installed and finds one."""
    try:
        import keyring  # noqa: PLC0415 - an extra that may not be there
        from keyring.backends.fail import Keyring as NoKeyring  # noqa: PLC0415 - the same
    except ModuleNotFoundError:
        return None
    backend = keyring.get_keyring()
    return None if isinstance(backend, NoKeyring) else backend


def _asked(backend: "KeyringBackend") -> str | None:
    """What it keeps for us; a keyring that is locked or gone has nothing."""
    from keyring.errors import KeyringError  # noqa: PLC0415 - an extra that may not be there

    try:
        return backend.get_password(_SERVICE, _USER)
    except KeyringError:
        return None


def _refused(path: Path, text: str) -> ConfigError:
    return ConfigError(f"The key file {path} {text}", details={"file": str(path)})
