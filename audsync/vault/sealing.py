"""Credentials as sealed bytes: AES-256-GCM, bound to the record that they belong to.

A sealed value is one byte of format, 12 random bytes of nonce, then ciphertext and tag. What it
belongs to is authenticated with it: moved to another record, or left under a changed address,
it does not open. Source: NIST SP 800-38D, 8.2.2 (random nonces), read 2026-11-22; a key seals a
few records, far below its limit of 2^32.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from audsync.vault.keys import Key

_FORMAT = b"\x01"
_NONCE_BYTES = 12
_TAG_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What is stored: the sealed bytes and the id of the key that opens them."""

    ciphertext: bytes = field(repr=False)
    key_id: str


class TamperedError(Exception):
    """The bytes are not what this key sealed for this record."""


def seal(secret: Mapping[str, str], key: Key, binding: Mapping[str, str | None]) -> Sealed:
    """`secret` as bytes that only `key` opens, and only beside `binding`.

    Args:
        secret: names and values.
        key: what seals it.
        binding: what it belongs to; the very same must be told to open it.
    """
    nonce = secrets.token_bytes(_NONCE_BYTES)
    plain = json.dumps(dict(secret)).encode()
    sealed = AESGCM(key.material).encrypt(nonce, plain, _bound(key, binding))
    return Sealed(ciphertext=_FORMAT + nonce + sealed, key_id=key.id)


def unseal(ciphertext: bytes, key: Key, binding: Mapping[str, str | None]) -> dict[str, str]:
    """What was sealed.

    Raises:
        TamperedError: the bytes, the key or the binding is another one.
    """
    nonce = ciphertext[len(_FORMAT) : len(_FORMAT) + _NONCE_BYTES]
    rest = ciphertext[len(_FORMAT) + _NONCE_BYTES :]
    if not ciphertext.startswith(_FORMAT) or len(rest) < _TAG_BYTES:
        raise TamperedError
    try:
        plain = AESGCM(key.material).decrypt(nonce, rest, _bound(key, binding))
    except InvalidTag:
        raise TamperedError from None
    secret: dict[str, str] = json.loads(plain)
    return secret


def _bound(key: Key, binding: Mapping[str, str | None]) -> bytes:
    """Format, key and binding as bytes that no other binding has."""
    return _FORMAT + json.dumps([key.id, sorted(binding.items())]).encode()
