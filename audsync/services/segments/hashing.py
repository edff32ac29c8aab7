"""What `hash` means: a value's normal form, its hash and what is sent, or why it is rejected.

Needs neither configuration nor store. Lines are worked off in pieces, so memory is bounded by a
piece, whatever the length of the input.
"""

import json
import re
import select
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, BinaryIO

import orjson

from audsync.domain import Kind, Platform
from audsync.errors import UsageError
from audsync.identifiers.answers import EMPTY, Answer, Question, answer
from audsync.identifiers.kernel import PhonePolicy
from audsync.identifiers.rules import COLUMN_KINDS

Json = dict[str, Any]

_PIECE_LINES = 20_000
_READ_BYTES = 1 << 20
_PAUSE_S = 0.05
"""A writer that is silent for so long may be waiting for its answers."""

_PLATFORMS = {platform.value: platform for platform in Platform}
_KINDS = {kind.label: kind for kind in COLUMN_KINDS}
_POLICIES = {policy.value: policy for policy in PhonePolicy}
_WHOLE_FLOAT = re.compile(r"^(-?\d+)\.0+$")
_UUID = re.compile(r"^\{?[0-9A-Za-z]{8}(-[0-9A-Za-z]{4}){3}-[0-9A-Za-z]{12}\}?$")
_PHONE = re.compile(r"^\+?[\d\s().\-/]{6,}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What holds for a line that does not say."""

    platform: Platform = Platform.META
    kind: str | None = None
    region: str | None = None


def hash_values(
    values: Sequence[str],
    *,
    platforms: Sequence[Platform],
    kind: str | None = None,
    region: str | None = None,
) -> list[Json]:
    """One answer for each value and platform: `platform`, `type`, `value`, `region`, the four.

    Without `kind`, e-mail addresses, mobile ids and phone numbers are told by their looks.

    Raises:
        UsageError: the kind is unknown, or cannot be told, or a value is no text.
    """
    try:
        "".join(values).encode()
    except UnicodeEncodeError:
        raise UsageError("A value is not UTF-8: check the terminal's encoding.") from None
    kinds = [_kind_of(kind, value) for value in values]
    asked = [
        Question(platform, of, value, region)
        for value, of in zip(values, kinds, strict=True)
        for platform in platforms
    ]
    return [
        {
            "platform": question.platform.value,
            "type": question.kind.label,
            "value": question.text,
            "region": region,
            **found._asdict(),
        }
        for question, found in zip(asked, answer(asked), strict=True)
    ]


def hash_lines(stream: BinaryIO, defaults: Defaults) -> Iterator[bytes]:
    """JSON lines in, JSON lines out: pieces of whole lines, one answer a line, in order.

    Each line is an object with `value`, and `platform`, `type`, `region` and `phone_policy` where
    the defaults do not fit. Its answer holds all that it held, and `normalized`, `hash`, `sent`,
    `rejected`. A value may be a number, which counts as its text; null and blank are `empty`.
    What cannot be asked is `invalid_json` (no JSON object), `unknown_platform`, `unknown_type`,
    `unknown_phone_policy` or `invalid_value` (a list, an object, true or false).

    Raises:
        UsageError: the kind of the defaults is unknown.
    """
    if defaults.kind is not None:
        _kind_of(defaults.kind, "")
    for lines in _pieces(stream):
        read = [_read(line, defaults) for line in lines]
        found = iter(answer([line.question for line in read if line.question]))
        yield b"".join(_written(line, next(found) if line.question else None) for line in read)


@dataclass(slots=True)
class _Line:
    """One input line: the object to answer with, and what to ask or why not."""

    fields: Json
    question: Question | None = None
    fault: str | None = None


def _pieces(stream: BinaryIO) -> Iterator[list[bytes]]:
    """Lines as they come: many at once while they flow, those there are when the writer pauses."""
    pending: list[bytes] = []
    rest = b""
    while block := _read_some(stream):
        *lines, rest = (rest + block).split(b"\n")
        pending += lines
        if len(pending) >= _PIECE_LINES or (pending and not _has_more(stream)):
            yield pending
            pending = []
    if rest:
        pending.append(rest)
    if pending:
        yield pending


def _read_some(stream: BinaryIO) -> bytes:
    # read1 leaves nothing in the stream's own buffer, so `select` tells the truth about the rest.
    read1 = getattr(stream, "read1", None)
    block: bytes = read1(_READ_BYTES) if read1 else stream.read(_READ_BYTES)
    return block


def _has_more(stream: BinaryIO) -> bool:
    try:
        return bool(select.select([stream], [], [], _PAUSE_S)[0])
    except (OSError, ValueError):
        return True  # no file to wait for: what is read next ends the piece


def _read(line: bytes, defaults: Defaults) -> _Line:
    try:
        given = orjson.loads(line)
    except orjson.JSONDecodeError:
        given = None
    if not isinstance(given, dict):
        nothing = dict.fromkeys(("platform", "type", "value", "region"))
        return _Line(nothing, fault="invalid_json")
    fields = {
        "platform": defaults.platform.value,
        "type": defaults.kind,
        "value": None,
        "region": defaults.region,
        **given,
    }
    value = fields["value"]
    if isinstance(value, float):
        value = _number_text(line)
    return _asked(fields, value)


def _asked(fields: Json, value: object) -> _Line:
    names = (fields["platform"], fields["type"], fields.get("phone_policy"))
    try:
        known = _known(*names)
    except TypeError:  # a list or an object, which no cache can keep
        known = _known.__wrapped__(*names)
    if isinstance(known, str):
        return _Line(fields, fault=known)
    if value is None:
        return _Line(fields, fault=EMPTY)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return _Line(fields, fault="invalid_value")
    platform, kind, policy = known
    region = fields["region"] if isinstance(fields["region"], str) else None
    return _Line(fields, Question(platform, kind, str(value), region, policy))


@lru_cache(maxsize=1024)
def _known(
    platform: object, kind: object, policy: object
) -> tuple[Platform, Kind, PhonePolicy] | str:
    """What the names of a line stand for, or what is wrong with them."""
    if not isinstance(platform, str) or platform not in _PLATFORMS:
        return "unknown_platform"
    if not isinstance(kind, str) or kind not in _KINDS:
        return "unknown_type"
    if policy is None:
        policy = PhonePolicy.VALID.value
    if not isinstance(policy, str) or policy not in _POLICIES:
        return "unknown_phone_policy"
    return _PLATFORMS[platform], _KINDS[kind], _POLICIES[policy]


def _written(line: _Line, found: Answer | None) -> bytes:
    four = found or Answer(rejected=line.fault)
    return orjson.dumps({**line.fields, **four._asdict()}, option=orjson.OPT_APPEND_NEWLINE)


def _number_text(line: bytes) -> str | int:
    """A number as it stands in the line: as a float it would lose the last digits of an id."""
    value = json.loads(line, parse_float=str)["value"]
    if isinstance(value, int):
        return value
    whole = _WHOLE_FLOAT.match(value)
    return whole[1] if whole else str(value)


def _kind_of(name: str | None, value: str) -> Kind:
    name = name or _guess(value)
    if name is None:
        raise UsageError("The type of a value cannot be told by its looks: say --type.")
    if name not in _KINDS:
        raise UsageError(
            f"There is no type of that name. Say one of: {', '.join(_KINDS)}.",
            details={"option": "--type"},
        )
    return _KINDS[name]


def _guess(value: str) -> str | None:
    text = value.strip()
    if "@" in text:
        return Kind.EMAIL.label
    if _UUID.match(text):
        return Kind.MOBILE_ID.label
    if _PHONE.match(text):
        return Kind.PHONE.label
    return None
