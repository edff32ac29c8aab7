"""The `users` body of an upload: parsed, checked, and turned into keys of members.

Rules: developers.snap.com customer-lists page, read 2026-11-22: one element, one schema, up to
100,000 rows of one lower-case SHA-256 each.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from audsync.sandbox.members import Row
from audsync.sandbox.snapchat.errors import RefusedError, invalid
from audsync.sandbox.snapchat.settings import Settings

SCHEMAS = {"EMAIL_SHA256": b"\x01", "PHONE_SHA256": b"\x02", "MOBILE_AD_ID_SHA256": b"\x03"}
"""Kinds of identifier, and the byte that stands for each in a key."""

CODES = frozenset(b"".join(SCHEMAS.values()))
EMPTY_HASH = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"""SHA-256 of the empty text: what a careless client sends for a value it does not know."""

_NAMES = {code[0]: schema for schema, code in SCHEMAS.items()}
_FIELDS = frozenset({"schema", "data", "id"})
_HEX_CHARS = 64
_HEX_TEXT = re.compile("[0-9a-f]*")
_HASH = re.compile("[0-9a-f]{64}")
_ANY_CASE_HASH = re.compile("[0-9A-Fa-f]{64}")
_MOBILE_ID = re.compile("[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_PHONE_LIKE = re.compile(r"\+?[0-9][0-9 ()./-]{5,24}")


@dataclass(slots=True, kw_only=True)
class Upload:
    """What a body says."""

    schema: str
    received: int
    segment_id: Any
    """The optional `id`; None when it is not there."""
    rows: list[Row] = field(default_factory=list, repr=False)
    """The key of each good value."""
    bad: list[int] = field(default_factory=list)
    """Numbers of the rows, from 0, that hold something else."""
    notes: Counter[str] = field(default_factory=Counter)
    """What a well-behaved client never sends, counted by kind."""

    def keys(self) -> Iterable[bytes]:
        """The keys without the rows around them."""
        return (key for (key,) in self.rows)


class MixedSchemasError(RefusedError):
    """Several kinds of identifier in one request."""


def parse(document: Mapping[str, Any], settings: Settings) -> Upload:
    """Read a body.

    Raises:
        RefusedError: it has another shape. Values are not judged here: see `Upload.bad`.
    """
    if set(document) != {"users"}:
        raise invalid("The request body must hold users and nothing else")
    users = document["users"]
    if not isinstance(users, list) or len(users) != 1 or not isinstance(users[0], dict):
        raise invalid("users must be a list of exactly one object")
    (user,) = users
    if not _FIELDS.issuperset(user):
        raise invalid("users[0] has a field that is not known")
    schema = _schema(user.get("schema"))
    cells = _cells(user.get("data"), settings.max_rows)
    upload = Upload(schema=schema, received=len(cells), segment_id=user.get("id"))
    _judge(upload, cells, settings)
    return upload


def readable(key: bytes) -> tuple[str, str]:
    """The (schema, digest) pair that a key stands for."""
    return _NAMES[key[0]], key[1:].hex()


def key_of(schema: str, digest: str) -> bytes:
    """The key of a digest in hex."""
    return SCHEMAS[schema] + bytes.fromhex(digest)


def _schema(given: Any) -> str:  # noqa: ANN401 - any JSON
    if (
        not isinstance(given, list)
        or not given
        or not all(each in _NAMES.values() for each in given)
    ):
        raise invalid("users[0].schema must be a list of one known identifier type")
    if len(given) > 1:
        raise MixedSchemasError("users[0].schema must hold exactly one identifier type")
    return str(given[0])


def _cells(data: Any, max_rows: int) -> list[str]:  # noqa: ANN401 - any JSON
    if not isinstance(data, list) or not data:
        raise invalid("users[0].data must be a non-empty list")
    if len(data) > max_rows:
        raise invalid(f"users[0].data must not hold more than {max_rows} rows")
    if set(map(type, data)) != {list} or set(map(len, data)) != {1}:
        raise invalid("Every row of users[0].data must be a list of one value")
    cells = [cell for (cell,) in data]
    if set(map(type, cells)) != {str}:
        raise invalid("Every value of users[0].data must be a string")
    return cells


def _judge(upload: Upload, cells: list[str], settings: Settings) -> None:
    code = SCHEMAS[upload.schema]
    joined = "".join(cells)
    if set(map(len, cells)) == {_HEX_CHARS} and _HEX_TEXT.fullmatch(joined):
        digests = bytes.fromhex(joined)
        upload.rows = [(code + digests[at : at + 32],) for at in range(0, len(digests), 32)]
    else:
        for number, cell in enumerate(cells):
            _judge_one(upload, number, cell, settings)
    upload.notes["repeated_value"] = len(cells) - len(set(cells))
    upload.notes["empty_hash"] = cells.count(EMPTY_HASH)


def _judge_one(upload: Upload, number: int, cell: str, settings: Settings) -> None:
    is_good = bool(_HASH.fullmatch(cell))
    is_upper = not is_good and bool(_ANY_CASE_HASH.fullmatch(cell))
    if is_good or (is_upper and settings.upper_case_matches):
        upload.rows.append((key_of(upload.schema, cell),))
    if is_good:
        return
    upload.bad.append(number)
    if is_upper:
        upload.notes["upper_case_hash"] += 1
    elif "@" in cell:
        upload.notes["raw_email"] += 1
    elif _MOBILE_ID.fullmatch(cell):
        upload.notes["raw_mobile_id"] += 1
    elif _PHONE_LIKE.fullmatch(cell):
        upload.notes["raw_phone"] += 1
