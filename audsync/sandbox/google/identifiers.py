"""Members of an upload turned into keys of persons; every member is checked, every fault listed.

Rules: "Format user data" and "Upload data" guides, read 2026-11-22. Google takes all of a request
or nothing: one bad member refuses ten thousand.
"""

import base64
import binascii
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from audsync.sandbox.google.errors import Violation
from audsync.sandbox.members import Row

MAX_IDENTIFIERS = 10
EMAIL, PHONE, ADDRESS, MOBILE_ID, USER_ID = (bytes([code]) for code in range(1, 6))
KINDS = frozenset(range(1, 6))
_NAMES = {1: "EMAIL", 2: "PHONE", 3: "ADDRESS", 4: "MOBILE_ID", 5: "USER_ID"}
_DIGEST_BYTES = 32
_EMPTY_DIGEST = hashlib.sha256(b"").digest()
_HEX = re.compile("(?:[0-9A-Fa-f]{2})*")
_HEX_DIGITS = 64
_ANY_HASH = re.compile("[0-9A-Fa-f]{64}")
_MOBILE = re.compile("[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_ZERO_MOBILE = "00000000-0000-0000-0000-000000000000"
_REGION = re.compile("[A-Z]{2}")
_POSTAL_CODE = re.compile("[0-9A-Za-z][0-9A-Za-z -]{0,11}")
_PHONE_LIKE = re.compile(r"\+?[0-9][0-9 ()./-]{5,24}")
_LIST_NAME = "audience_members.audience_members"


@dataclass(slots=True)
class Checked:
    """What the members of a request say."""

    rows: list[Row] = field(default_factory=list, repr=False)
    """The identifying keys of each member, in the order of the request."""
    violations: list[Violation] = field(default_factory=list)
    leaks: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(kind, field) of what must never leave a client, counted."""
    counts: Counter[str] = field(default_factory=Counter)
    """How many identifiers there are of each kind, and `IP_ADDRESS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How to read identifiers."""

    encoding: str
    """HEX, BASE64, or anything else when there are no hashes."""
    is_strict: bool
    mobile_ids_ignore_case: bool


def check(kind: str, members: Sequence[Mapping[str, Any]], rules: Rules) -> Checked:
    """Read members that all have data of that kind, such as `compositeData`."""
    reader = _Reader(rules)
    read = _READERS[kind]
    for at, member in enumerate(members):
        reader.at = at
        reader.checked.rows.append(read(reader, member[kind]))
    return reader.checked


def readable(key: bytes) -> tuple[str, str]:
    """The (name, value) pair that a key stands for; digests as lower-case hex.

    An address is `given name:family name:region:postal code`, the names as digests.
    """
    name, value = _NAMES[key[0]], key[1:]
    if key[0] in (EMAIL[0], PHONE[0]):
        return name, value.hex()
    if key[0] != ADDRESS[0]:
        return name, value.decode()
    given, family = value[:_DIGEST_BYTES].hex(), value[_DIGEST_BYTES : 2 * _DIGEST_BYTES].hex()
    return name, f"{given}:{family}:{value[2 * _DIGEST_BYTES :].decode()}"


class _Reader:
    def __init__(self, rules: Rules) -> None:
        self.checked = Checked()
        self.at = 0
        self._rules = rules
        self._decode = _DECODERS.get(rules.encoding, _from_hex)

    def user_data(self, data: Mapping[str, Any], prefix: str = "") -> Row:
        """The keys of `UserData`."""
        where = f"{prefix}user_data.user_identifiers"
        identifiers = data.get("userIdentifiers") or []
        if not 1 <= len(identifiers) <= MAX_IDENTIFIERS:
            self._count_wrong(len(identifiers), where)
            return ()
        keys = []
        for number, identifier in enumerate(identifiers):
            key = self._identifier(identifier, where, number)
            if key:
                keys.append(key)
        return tuple(keys)

    def composite(self, data: Mapping[str, Any]) -> Row:
        """The keys of `CompositeData`; addresses of the internet identify nobody."""
        addresses = data.get("ipData") or []
        for number, each in enumerate(addresses):
            self._ip_address(each.get("ipAddress", ""), number)
        if "userData" in data:
            return self.user_data(data["userData"], "composite_data.")
        if not addresses:
            self.violate("composite_data", "REQUIRED_FIELD_MISSING", "User data is missing.")
        return ()

    def mobile(self, data: Mapping[str, Any]) -> Row:
        """The keys of `MobileData`."""
        ids = data.get("mobileIds") or []
        if not 1 <= len(ids) <= MAX_IDENTIFIERS:
            self._count_wrong(len(ids), "mobile_data.mobile_ids")
            return ()
        self.checked.counts["MOBILE_ID"] += len(ids)
        return tuple(key for key in map(self._mobile_id, ids) if key)

    def user_id(self, data: Mapping[str, Any]) -> Row:
        """The key of `UserIdData`."""
        text = data.get("userId", "")
        if not text:
            self.violate("user_id_data.user_id", "REQUIRED_FIELD_MISSING", "User ID is missing.")
            return ()
        self.checked.counts["USER_ID"] += 1
        return (USER_ID + text.encode(),)

    def violate(self, where: str, reason: str, description: str) -> None:
        """Note that a field of the current member is wrong."""
        path = f"{_LIST_NAME}[{self.at}]"
        field = f"{path}.{where}" if where else path
        self.checked.violations.append(Violation(field, reason, description))

    def _count_wrong(self, count: int, where: str) -> None:
        if count:
            told = "Maximum number of user identifiers allowed per audience member is 10."
            self.violate(where, "TOO_MANY_USER_IDENTIFIERS", told)
        else:
            self.violate(where, "REQUIRED_FIELD_MISSING", "At least one identifier is required.")

    def _identifier(self, identifier: Mapping[str, Any], where: str, number: int) -> bytes:
        for name, value in identifier.items():
            if name == "address":
                return self._address(value, f"{where}.user_identifiers[{number}].address")
            code, label, kind = _HASHED[name]
            self.checked.counts[kind] += 1
            digest = self._digest(value, label, where)
            return code + digest if digest else b""
        self.violate(where, "REQUIRED_FIELD_MISSING", "The identifier is empty.")
        return b""

    def _digest(self, text: str, label: str, where: str) -> bytes:
        """The 32 bytes that a text stands for; nothing when it is no hash."""
        digest = self._decode(text)
        if isinstance(digest, bytes) and len(digest) == _DIGEST_BYTES:
            if digest == _EMPTY_DIGEST:
                return self._empty_hash(digest, label)
            return digest
        self._leak(text, label)
        if not text:
            self.violate(where, "REQUIRED_FIELD_MISSING", f"{label} is missing.")
        elif isinstance(digest, bytes):
            self.violate("", "INVALID_SHA256_FORMAT", f"{label} is not a SHA-256 hash.")
        else:
            coding = "base64" if self._rules.encoding == "BASE64" else "hex"
            self.violate(where, digest, f"{label} is not {coding} encoded.")
        return b""

    def _empty_hash(self, digest: bytes, label: str) -> bytes:
        self.checked.leaks["empty_hash", label] += 1
        if not self._rules.is_strict:
            return digest
        told = f"Sandbox strict mode: {label} is the hash of the empty text."
        self.violate("", "INVALID_SHA256_FORMAT", told)
        return b""

    def _leak(self, text: str, label: str) -> None:
        if "@" in text:
            self.checked.leaks["raw_email", label] += 1
        elif _PHONE_LIKE.fullmatch(text):
            self.checked.leaks["raw_phone", label] += 1
        elif text and "name" in label:
            self.checked.leaks["raw_name", label] += 1

    def _address(self, address: Mapping[str, str], where: str) -> bytes:
        self.checked.counts["ADDRESS"] += 1
        for name, path in _ADDRESS_PARTS.items():
            if not address.get(name, "").strip():
                told = "All of name, region and postal code are required."
                self.violate(f"{where}.{path}", "REQUIRED_FIELD_MISSING", told)
                return b""
        region, postal_code = address["regionCode"], address["postalCode"]
        if not _REGION.fullmatch(region):
            self.violate(f"{where}.region_code", "INVALID_REGION_CODE", "Region is not valid.")
        if not _POSTAL_CODE.fullmatch(postal_code):
            self._postal_code_wrong(postal_code, f"{where}.postal_code")
        given = self._digest(address["givenName"], "Given name", where)
        family = self._digest(address["familyName"], "Family name", where)
        return ADDRESS + given + family + f"{region}:{postal_code}".encode()

    def _postal_code_wrong(self, postal_code: str, where: str) -> None:
        if _ANY_HASH.fullmatch(postal_code):
            self.checked.leaks["hashed_postal_code", "Postal code"] += 1
        self.violate(where, "INVALID_POSTAL_CODE", "Postal code is not valid.")

    def _mobile_id(self, text: str) -> bytes:
        if _MOBILE.fullmatch(text) and text != _ZERO_MOBILE:
            shown = text.lower() if self._rules.mobile_ids_ignore_case else text
            return MOBILE_ID + shown.encode()
        if _ANY_HASH.fullmatch(text):
            self.checked.leaks["hashed_mobile_id", "Mobile ID"] += 1
        told = "Mobile ID format is not valid."
        self.violate("mobile_data.mobile_ids", "INVALID_MOBILE_ID_FORMAT", told)
        return b""

    def _ip_address(self, text: str, number: int) -> None:
        self.checked.counts["IP_ADDRESS"] += 1
        try:
            ip_address(text)
        except ValueError:
            where = f"composite_data.ip_data.ip_data[{number}].ip_address"
            self.violate(where, "INVALID_FORMAT", "IP address is not valid.")


def _from_hex(text: str) -> bytes | str:
    """The bytes, or the reason why there are none."""
    if len(text) == _HEX_DIGITS:
        try:
            digest = bytes.fromhex(text)
        except ValueError:
            return "INVALID_HEX_ENCODING"
        # fromhex skips blanks, which Google's decoder does not.
        return digest if len(digest) == _DIGEST_BYTES else "INVALID_HEX_ENCODING"
    return bytes.fromhex(text) if _HEX.fullmatch(text) else "INVALID_HEX_ENCODING"


def _from_base64(text: str) -> bytes | str:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return "INVALID_BASE64_ENCODING"


_DECODERS: dict[str, Callable[[str], bytes | str]] = {"HEX": _from_hex, "BASE64": _from_base64}
_HASHED = {
    "emailAddress": (EMAIL, "Email", "EMAIL"),
    "phoneNumber": (PHONE, "Phone number", "PHONE_NUMBER"),
}
_ADDRESS_PARTS = {
    "givenName": "given_name",
    "familyName": "family_name",
    "regionCode": "region_code",
    "postalCode": "postal_code",
}
_READERS: dict[str, Callable[[_Reader, Mapping[str, Any]], Row]] = {
    "userData": _Reader.user_data,
    "compositeData": _Reader.composite,
    "mobileData": _Reader.mobile,
    "userIdData": _Reader.user_id,
}
