"""What one column of an upload may hold, and which of its cells can identify a person.

Rules: Custom Audiences guide, hashing and normalisation table, read 2026-11-22.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

EMPTY_HASH = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"""SHA-256 of the empty text: what a careless client sends for a cell it does not know."""

IDENTIFYING = {
    "EMAIL": b"\x01",
    "PHONE": b"\x02",
    "EXTERN_ID": b"\x03",
    "MADID": b"\x04",
    "UID": b"\x05",
    "APPUID": b"\x06",
    "PAGEUID": b"\x07",
}
"""Keys that can name a person alone, and the byte that stands for each."""

SINGLE = {
    "EMAIL_SHA256": "EMAIL",
    "PHONE_SHA256": "PHONE",
    "MOBILE_ADVERTISER_ID": "MADID",
    "UID": "UID",
}
"""Schemas that are only given as one string, and the key that each means."""

_FIELDS = ("GEN", "DOBY", "DOBM", "DOBD", "LN", "FN", "FI", "CT", "ST", "ZIP", "COUNTRY")
HASHED = frozenset(("EMAIL", "PHONE", *_FIELDS))
CONTROL = frozenset(
    [
        "LOOKALIKE_VALUE",
        "DATA_PROCESSING_OPTIONS",
        "DATA_PROCESSING_OPTIONS_COUNTRY",
        "DATA_PROCESSING_OPTIONS_STATE",
    ]
)
"""Columns that say how to treat a row; they do not describe a person."""

MULTI = frozenset(IDENTIFYING) - {"UID"} | HASHED | CONTROL
"""Keys that a list schema may have."""

_NAMES = {code[0]: key for key, code in IDENTIFYING.items()}
_DIGEST_KINDS = frozenset({IDENTIFYING["EMAIL"][0], IDENTIFYING["PHONE"][0]})
_HEX_TEXT = re.compile("[0-9a-f]*")
_HASH = re.compile("[0-9a-f]{64}")
_ANY_CASE_HASH = re.compile("[0-9A-Fa-f]{64}")
_MADID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ZERO_MADID = "00000000-0000-0000-0000-000000000000"
_PHONE_LIKE = re.compile(r"\+?[0-9][0-9 ()./-]{5,24}")


@dataclass(slots=True)
class Column:
    """One checked column: a key (or b"") for each row, and what is wrong with the others."""

    keys: Sequence[bytes]
    bad: dict[int, Any] = field(default_factory=dict, repr=False)
    """Row number -> cell."""
    leaks: Counter[str] = field(default_factory=Counter)
    """What must never leave a client, counted."""


def check(name: str, cells: Sequence[Any]) -> Column:
    """Check one column of cells as JSON gave them."""
    if name in CONTROL:
        return Column(keys=())
    if not any(cells) and set(map(type, cells)) == {str}:
        return Column(keys=[b""] * len(cells) if name in IDENTIFYING else ())
    if name in HASHED:
        return _clean_hashes(name, cells) or _each(name, cells, _hashed)
    return _each(name, cells, _CHECKS.get(name, _plain))


def readable(key: bytes) -> tuple[str, str]:
    """The (name, value) pair that a key stands for; digests as lower-case hex."""
    value = key[1:].hex() if key[0] in _DIGEST_KINDS else key[1:].decode()
    return _NAMES[key[0]], value


def _clean_hashes(name: str, cells: Sequence[Any]) -> Column | None:
    """The quick way, for columns without a single flaw; None for all others."""
    if set(map(type, cells)) != {str} or not set(map(len, cells)) <= {0, 64}:
        return None
    if EMPTY_HASH in cells or not _HEX_TEXT.fullmatch("".join(cells)):
        return None
    code = IDENTIFYING.get(name)
    if code is None:
        return Column(keys=())
    unhex = bytes.fromhex
    return Column(keys=[code + unhex(cell) if cell else b"" for cell in cells])


def _each(name: str, cells: Sequence[Any], checked: Callable[[str, Column], bytes]) -> Column:
    code = IDENTIFYING.get(name, b"")
    column = Column(keys=())
    keys = []
    for number, cell in enumerate(cells):
        value = checked(cell, column) if isinstance(cell, str) and cell else b""
        if cell != "" and not value:
            column.bad[number] = cell
        keys.append(code + value if value else b"")
    column.keys = keys if code else ()
    return column


def _hashed(cell: str, column: Column) -> bytes:
    if _HASH.fullmatch(cell):
        return b"" if cell == EMPTY_HASH else bytes.fromhex(cell)
    if _ANY_CASE_HASH.fullmatch(cell):
        column.leaks["upper_case_hash"] += 1
    elif "@" in cell:
        column.leaks["raw_email"] += 1
    elif _PHONE_LIKE.fullmatch(cell):
        column.leaks["raw_phone"] += 1
    return b""


def _madid(cell: str, column: Column) -> bytes:
    if _ANY_CASE_HASH.fullmatch(cell):
        column.leaks["hashed_madid"] += 1
    lower = cell.lower()
    if lower == _ZERO_MADID or not _MADID.fullmatch(lower):
        return b""
    return lower.encode()


def _plain(cell: str, _column: Column) -> bytes:
    return cell.encode()


_CHECKS: dict[str, Callable[[str, Column], bytes]] = {"MADID": _madid}
