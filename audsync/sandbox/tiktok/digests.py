"""The kinds of id that TikTok takes, and the check of a column of them.

Rules: file upload, streaming mapping and help pages, read 2026-11-22. Hash text may be in either
case; nothing may be sent raw, but for one kind of device column in files.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

EMPTY_DIGESTS = frozenset(
    {
        bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        bytes.fromhex("d41d8cd98f00b204e9800998ecf8427e"),
    }
)
"""SHA-256 and MD5 of the empty text: what a careless client sends for an id it does not know."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of id."""

    name: str
    """As `/_sandbox/audiences` shows it; GAID is called AAID, as on the streaming path."""
    code: bytes
    """The byte that stands for it in a key."""
    digits: int
    """Hex digits of its hash; 0 for a raw device id."""


_EMAIL = Kind("EMAIL_SHA256", b"\x01", 64)
_PHONE = Kind("PHONE_SHA256", b"\x02", 64)
_IDFA_SHA256 = Kind("IDFA_SHA256", b"\x03", 64)
_AAID_SHA256 = Kind("AAID_SHA256", b"\x04", 64)
_MAID_SHA256 = Kind("MAID_SHA256", b"\x05", 64)
_IDFA_MD5 = Kind("IDFA_MD5", b"\x06", 32)
_AAID_MD5 = Kind("AAID_MD5", b"\x07", 32)
_MAID_MD5 = Kind("MAID_MD5", b"\x08", 32)
_MAID = Kind("MAID", b"\x09", 0)

STREAMED = {
    kind.name: kind for kind in (_EMAIL, _PHONE, _IDFA_SHA256, _AAID_SHA256, _IDFA_MD5, _AAID_MD5)
}
"""Entries of `id_schema`."""

FILED = {
    "EMAIL_SHA256": _EMAIL,
    "PHONE_SHA256": _PHONE,
    "IDFA_SHA256": _IDFA_SHA256,
    "IDFA_MD5": _IDFA_MD5,
    "GAID_SHA256": _AAID_SHA256,
    "GAID_MD5": _AAID_MD5,
    "FIRST_SHA256": _MAID_SHA256,
    "FIRST_MD5": _MAID_MD5,
    "MAID_SHA256": _MAID_SHA256,
    "MAID_MD5": _MAID_MD5,
}
"""`calculate_type` of a file of one column."""

HEADERS = {
    "maid": _MAID,
    "maid_sha256": _MAID_SHA256,
    "maid_md5": _MAID_MD5,
    "phone_sha256": _PHONE,
    "email_sha256": _EMAIL,
}
"""Columns of a file of `MULTIPLE_TYPES`, in lower case."""

_KINDS = {kind.code[0]: kind for kind in (*STREAMED.values(), _MAID_SHA256, _MAID_MD5, _MAID)}
MATCHING = frozenset(_KINDS)
"""By each of them TikTok finds its users."""

_DEVICE_HASHES = {
    _IDFA_SHA256: "SHA256",
    _AAID_SHA256: "SHA256",
    _MAID_SHA256: "SHA256",
    _IDFA_MD5: "MD5",
    _AAID_MD5: "MD5",
    _MAID_MD5: "MD5",
}
_HEX = re.compile("[0-9A-Fa-f]*")
_DEVICE = re.compile("[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_PHONE_LIKE = re.compile(r"\+?[0-9][0-9 ()./-]{5,24}")


@dataclass(slots=True)
class Column:
    """One checked column: a key for each row, b"" where it has none."""

    keys: Sequence[bytes]
    bad: list[int] = field(default_factory=list)
    """Numbers, from 0, of rows whose cell is neither blank nor an id of that kind."""
    leaks: Counter[str] = field(default_factory=Counter)
    """What must never leave a client, counted."""


def check(kind: Kind, cells: Sequence[str]) -> Column:
    """Check one column; blanks are allowed."""
    column = _clean(kind, cells) or _each(kind, cells)
    empty = sum(column.keys.count(kind.code + digest) for digest in EMPTY_DIGESTS)
    if empty:
        column.leaks["hash_of_nothing"] = empty
    return column


def device_hashes(kinds: Sequence[Kind]) -> frozenset[str]:
    """By which functions device ids are hashed: one audience should see one only."""
    return frozenset(_DEVICE_HASHES[kind] for kind in kinds if kind in _DEVICE_HASHES)


def readable(key: bytes) -> tuple[str, str]:
    """The (name, value) pair that a key stands for; digests as lower-case hex."""
    kind = _KINDS[key[0]]
    return kind.name, key[1:].hex() if kind.digits else key[1:].decode()


def _clean(kind: Kind, cells: Sequence[str]) -> Column | None:
    """The quick way, for columns of hashes without a flaw; None for all others."""
    if not kind.digits or not set(map(len, cells)) <= {0, kind.digits}:
        return None
    if not _HEX.fullmatch("".join(cells)):
        return None
    code, unhex = kind.code, bytes.fromhex
    return Column(keys=[code + unhex(cell) if cell else b"" for cell in cells])


def _each(kind: Kind, cells: Sequence[str]) -> Column:
    column = Column(keys=())
    keys = []
    for number, cell in enumerate(cells):
        value = _value(kind, cell)
        keys.append(kind.code + value if value else b"")
        if cell and not value:
            column.bad.append(number)
            column.leaks.update(_leak(cell))
    column.keys = keys
    return column


def _value(kind: Kind, cell: str) -> bytes:
    if not kind.digits:
        return cell.lower().encode() if _DEVICE.fullmatch(cell) else b""
    is_hash = len(cell) == kind.digits and _HEX.fullmatch(cell)
    return bytes.fromhex(cell) if is_hash else b""


def _leak(cell: str) -> tuple[str, ...]:
    if "@" in cell:
        return ("raw_email",)
    if _DEVICE.fullmatch(cell):
        return ("raw_device_id",)
    return ("raw_phone",) if _PHONE_LIKE.fullmatch(cell) else ()
