"""Keys in files that only their owner reads. Nothing here repeats a key."""

import os
from pathlib import Path

from audsync.errors import ConfigError
from audsync.vault.keys import Key, parse

_OTHERS = 0o077
_MAX_FILE_BYTES = 4096


def read(path: Path) -> Key:
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


def write(path: Path, key: Key) -> None:
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


def _refused(path: Path, text: str) -> ConfigError:
    return ConfigError(f"The key file {path} {text}", details={"file": str(path)})
