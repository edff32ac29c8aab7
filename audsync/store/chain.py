"""Entries of the audit trail as texts that are bound to each other by their hashes. Pure.

An entry's text is JSON in one way only (keys sorted, no spaces, ASCII), and holds the hash of the
entry before; its own hash is the SHA-256 of that text. So no entry can be changed, taken out, put
in or moved without every later hash becoming another.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

BEGINNING = "0" * 64
"""What the first entry names as the hash before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One entry as it is stored."""

    number: int
    """From 1 on, without gaps."""
    at: str
    """When: ISO 8601 in UTC, with microseconds."""
    body: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """What is kept beside the entries, so that a trail that was cut short shows."""

    count: int = 0
    hash: str = BEGINNING


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A trail that was looked at."""

    count: int
    """Entries that are there."""
    head: str
    """The hash of the last one."""
    bad_number: int | None = None
    """The first entry that is not as it was written; one after the last where the end is gone."""
    problem: str | None = None
    """What is wrong with it; None where the whole trail is in order."""
    found: frozenset[str] = field(default=frozenset(), repr=False)
    """Of the hashes that were asked for, those in the trail up to its first flaw."""


def link(*, tenant_id: int, tail: Tail, at: str, content: dict[str, Any]) -> Link:
    """The entry that comes after `tail`.

    Args:
        tenant_id: whose trail.
        tail: where it ends now.
        at: the moment.
        content: what happened; texts, whole numbers, lists and mappings of these, and None.
    """
    number = tail.count + 1
    told = {**content, "at": at, "number": number, "previous": tail.hash, "tenant": tenant_id}
    body = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return Link(number=number, at=at, body=body, hash=_hash(body))


def verify(links: Iterable[Link], tail: Tail, *, tenant_id: int, asked: str = "") -> Verdict:
    """Whether a trail is what was written, as far as that can be told from itself.

    Args:
        links: all its entries, by number.
        tail: what is kept beside them.
        tenant_id: whose trail.
        asked: a hash that was noted elsewhere, or "".
    """
    last = Tail()
    found: set[str] = set()
    for one in links:
        problem = _flaw(one, last, tenant_id)
        if problem is not None:
            return Verdict(
                count=last.count,
                head=last.hash,
                bad_number=last.count + 1,
                problem=problem,
                found=frozenset(found),
            )
        last = Tail(count=one.number, hash=one.hash)
        found |= {one.hash} & {asked}
    problem = _end(last, tail)
    return Verdict(
        count=last.count,
        head=last.hash,
        bad_number=last.count + 1 if problem else None,
        problem=problem,
        found=frozenset(found),
    )


def _flaw(one: Link, last: Tail, tenant_id: int) -> str | None:
    if one.number != last.count + 1:
        return f"Entry {last.count + 1} is missing: the next one there is {one.number}."
    try:
        told = json.loads(one.body)
        is_same = (told["number"], told["at"], told["tenant"]) == (one.number, one.at, tenant_id)
        previous = told["previous"]
    except (ValueError, KeyError, TypeError):
        is_same, previous = False, None
    if _hash(one.body) != one.hash or not is_same:
        return f"Entry {one.number} was changed after it was written."
    if previous != last.hash:
        return f"Entry {one.number} does not follow entry {last.count}: one of them was replaced."
    return None


def _end(last: Tail, tail: Tail) -> str | None:
    if last == tail:
        return None
    if last.count < tail.count:
        return f"The end is cut off: there were {tail.count} entries, and {last.count} are left."
    return (
        "What is kept beside the entries does not fit the last of them: one was added or changed."
    )


def _hash(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()
