"""Which key a state file is encrypted with, and the keys at hand.

A file's name says it, or that of the work folder in which it is made: what an old run wrote is
read as it is, whatever the setting is by now. The keys are held for the whole process, as the
environment is that they come from: a path is all that a reader needs.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from audsync.errors import StateError
from audsync.vault.keys import KeyRing

_PURPOSE = b"audsync state files 1"
_KEY_ID = r"\.([0-9a-f]{16})"
_FILE = re.compile(rf"{_KEY_ID}\.parquet$")
_FOLDER = re.compile(rf"{_KEY_ID}$")


@dataclass(slots=True)
class _Held:
    ring: Callable[[], KeyRing] = field(default=lambda: KeyRing([]), repr=False)


_held = _Held()


def hold(ring: Callable[[], KeyRing]) -> None:
    """Open files with these keys from now on; they are asked for when the first one is needed."""
    _held.ring = ring


def key_id_of(path: Path) -> str | None:
    """The id of the key of a file, finished or in a work folder; None where it is not encrypted."""
    found = _FILE.search(path.name) or _FOLDER.search(path.parent.name)
    return found[1] if found else None


def key_of(path: Path) -> bytes | None:
    """The 32 bytes that a file is encrypted with; None where it is not.

    They are derived from the key of the vault, so that no key does two things.

    Raises:
        ConfigError: a place that is named holds no usable key.
        StateError: the file's key is not at hand.
    """
    key_id = key_id_of(path)
    if key_id is None:
        return None
    ring = _held.ring()
    key = ring.by_id(key_id)
    if key is None:
        have = f"the key here is {ring.ids[0]}" if ring.ids else "there is no key here"
        raise StateError(
            f"The state file {path} is encrypted with key {key_id}, and {have}. Set"
            " AUDSYNC_ENCRYPTION_KEY or AUDSYNC_ENCRYPTION_KEY_FILE to the key that encrypted it;"
            " if it is lost, `audsync reconcile` on this audience does without the file.",
            details={"file": str(path), "key_id": key_id, "key_ids": list(ring.ids)},
        )
    return key.derived(_PURPOSE)
