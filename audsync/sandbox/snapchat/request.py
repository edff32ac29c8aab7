"""What a handler gets: one call that has passed the checks of access, and what it is about."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import orjson

from audsync.sandbox.contract import Call, Report
from audsync.sandbox.people import People
from audsync.sandbox.snapchat.envelope import Envelopes
from audsync.sandbox.snapchat.errors import invalid
from audsync.sandbox.snapchat.segments import Segment
from audsync.sandbox.snapchat.settings import AdAccount, Settings


@dataclass(slots=True)
class Book:
    """What Snapchat keeps for one ad account."""

    segments: dict[str, Segment] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A call that may go on."""

    call: Call
    document: Mapping[str, Any] = field(repr=False)
    """The JSON body; empty for calls without one."""
    settings: Settings
    account: AdAccount
    book: Book
    people: People = field(repr=False)
    now: float
    ids: Iterator[int]
    """The numbers of future segments."""
    envelopes: Envelopes
    report: Report


def segment_ids() -> Iterator[int]:
    """Numbers as long as the real ones."""
    return count(5_000_000_000_000_001)


def document(call: Call, settings: Settings) -> dict[str, Any]:
    """The JSON body of a call.

    Raises:
        RefusedError: it is compressed, too large, or no JSON object.
    """
    if call.headers.get("content-encoding", "identity") != "identity":
        # Snapchat documents no compressed requests (2026-11-22), so nobody may count on them.
        raise invalid("Compressed request bodies are not supported")
    if settings.max_body_bytes is not None and len(call.body) > settings.max_body_bytes:
        raise invalid("The request body is too large", status=413)
    if call.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise invalid("The content type of the request body must be application/json")
    try:
        value = orjson.loads(call.body)
    except orjson.JSONDecodeError as broken:
        raise invalid("The request body is not valid JSON") from broken
    if not isinstance(value, dict):
        raise invalid("The request body must be a JSON object")
    return value
