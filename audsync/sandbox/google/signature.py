"""RS256 signatures, checked with nothing but integers: the sandbox needs no library for it.

Source: RFC 8017 section 8.2.2 (PKCS #1 v1.5) and RFC 5280 (SubjectPublicKeyInfo).
"""

import base64
import binascii
import hashlib
import hmac

_SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")
_SEQUENCE, _INTEGER, _BIT_STRING = 0x30, 0x02, 0x03
_LONG_FORM = 0x80


def is_signed_by(public_key: str, *, message: bytes, signature: bytes) -> bool:
    """Whether the private half of `public_key` (PEM) signed `message`.

    Raises:
        ValueError: the PEM does not hold an RSA key.
    """
    modulus, exponent = _numbers(public_key)
    width = (modulus.bit_length() + 7) // 8
    if len(signature) != width:
        return False
    opened = pow(int.from_bytes(signature), exponent, modulus).to_bytes(width)
    ending = b"\x00" + _SHA256_PREFIX + hashlib.sha256(message).digest()
    padding = b"\x00\x01" + b"\xff" * (width - len(ending) - 2)
    return hmac.compare_digest(opened, padding + ending)


def _numbers(public_key: str) -> tuple[int, int]:
    """Modulus and exponent."""
    lines = [line for line in public_key.strip().splitlines() if not line.startswith("-----")]
    try:
        outer, _ = _part(base64.b64decode("".join(lines), validate=True), _SEQUENCE)
        _algorithm, rest = _part(outer, _SEQUENCE)
        bits, _ = _part(rest, _BIT_STRING)
        numbers, _ = _part(bits[1:], _SEQUENCE)
        modulus, rest = _part(numbers, _INTEGER)
        exponent, _ = _part(rest, _INTEGER)
    except (binascii.Error, IndexError) as broken:
        raise ValueError("not a PEM with an RSA public key") from broken
    return int.from_bytes(modulus), int.from_bytes(exponent)


def _part(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """The content of the DER value at the start, and what follows it."""
    if data[0] != tag:
        raise ValueError("not a PEM with an RSA public key")
    length, start = data[1], 2
    if length & _LONG_FORM:
        start += length - _LONG_FORM
        length = int.from_bytes(data[2:start])
    return data[start : start + length], data[start + length :]
