"""Keys of 32 bytes: how they are written, made, and told apart without being shown."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

KEY_BYTES = 32
_ID_CHARS = 16
_ID_CONTEXT = b"audsync key id\x00"


@dataclass(frozen=True, slots=True)
class Key:
    """One key. Its bytes are in no repr; its id says nothing about them."""

    material: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """16 hex digits that tell this key from others, kept beside whatever it has sealed."""
        return hashlib.sha256(_ID_CONTEXT + self.material).hexdigest()[:_ID_CHARS]

    @property
    def text(self) -> str:
        """The key as it is written down: urlsafe base64."""
        return base64.urlsafe_b64encode(self.material).decode("ascii")

    def derived(self, purpose: bytes) -> bytes:
        """32 bytes of their own for one purpose, which tell nothing of this key.

        HKDF-Expand with SHA-256 (RFC 5869, 2.3); a key is random, so there is nothing to extract.
        """
        return hmac.digest(self.material, purpose + b"\x01", "sha256")


def parse(text: str) -> Key:
    """The key that a text holds, with or without the padding of base64.

    Raises:
        ValueError: it is not 32 bytes in urlsafe base64; the message never repeats it.
    """
    bare = text.strip().rstrip("=")
    try:
        material = base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        material = b""
    if len(material) != KEY_BYTES:
        raise ValueError(f"must be {KEY_BYTES} bytes in urlsafe base64")
    return Key(material)


def generate() -> Key:
    """A new random key."""
    return Key(secrets.token_bytes(KEY_BYTES))


class KeyRing:
    """The keys at hand: the first one seals, each opens what it has sealed."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys = {key.id: key for key in keys}

    @property
    def first(self) -> Key | None:
        """The key that seals; None on an empty ring."""
        return next(iter(self._keys.values()), None)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all keys, that of the sealing one first."""
        return tuple(self._keys)

    def by_id(self, key_id: str) -> Key | None:
        """The key of that id, if it is on the ring."""
        return self._keys.get(key_id)
