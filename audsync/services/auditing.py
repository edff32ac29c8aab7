"""`audit list`, `verify` and `export`: reading the trail, and seeing that it is whole."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, BinaryIO

from audsync.errors import UsageError
from audsync.services.exports import export_files, export_places
from audsync.services.wiring.runtime import Runtime
from audsync.store import audit, chain
from audsync.store.chain import Link, Tail, Verdict
from audsync.store.glance import is_surely_missing

Json = dict[str, Any]
_HASH_CHARS = 64


def listed(runtime: Runtime, *, since: datetime | None, limit: int) -> list[Json]:
    """The latest entries, newest first.

    Args:
        runtime: the program's.
        since: aware; None for no such bound.
        limit: at most so many.
    """
    if is_surely_missing(runtime.config.store.url):
        return []
    with runtime.database.reading() as session:
        found = audit.latest(session, runtime.config.tenant, since=since, limit=limit)
    return [_told(link) for link in found]


def every(runtime: Runtime) -> Iterator[Json]:
    """The whole trail, from its first entry on."""
    if is_surely_missing(runtime.config.store.url):
        return
    with runtime.database.reading() as session:
        for link in audit.entries(session, runtime.config.tenant):
            runtime.stop.check()
            yield _told(link)


def verify(runtime: Runtime, *, expected: str | None = None) -> Json:
    """Whether the trail is what was written, as far as it can tell by itself.

    Args:
        runtime: the program's.
        expected: the head that an earlier look told, noted elsewhere; it must still be in the
            trail.

    Raises:
        UsageError: that is no hash.
    """
    asked = (expected or "").strip().lower()
    if expected is not None and not _is_hash(asked):
        raise UsageError(
            "--expect takes the hash that `audsync audit verify` told: 64 hex digits.",
            details={"option": "--expect"},
        )
    found = _verdict(runtime, asked)
    problem = found.problem
    if problem is None and asked and asked not in found.found:
        problem = (
            "The expected entry is not in the trail: it was written anew since that was noted."
        )
    return {
        "ok": problem is None,
        "entries": found.count,
        "head": found.head,
        "bad_entry": found.bad_number,
        "problem": problem,
    }


def export(runtime: Runtime, out: str, *, stdout: BinaryIO) -> Json:
    """Write the whole trail as JSON Lines; the file is there whole or not at all.

    Args:
        runtime: the program's.
        out: a path; `-` for stdout.
        stdout: where that leads.

    Raises:
        UsageError: nothing can be written there.
        StateError: the disk is full or refuses.
    """
    destination = export_places.destination(runtime, out, stdout)
    if destination.ending.endswith(export_files.PACKED):
        raise UsageError(
            "The trail is written as plain JSON Lines: name a file that ends with .jsonl.",
            details={"option": "--out"},
        )
    count = 0
    with destination:
        file = destination.open()
        for entry in every(runtime):
            file.write(json.dumps(entry, sort_keys=True, separators=(",", ":")).encode() + b"\n")
            count += 1
        (published,) = destination.publish([""])
    return {"download_url": published.url, "entries": count}


def _verdict(runtime: Runtime, asked: str) -> Verdict:
    tenant = runtime.config.tenant
    if is_surely_missing(runtime.config.store.url):
        return chain.verify((), Tail(), tenant_id=tenant)
    with runtime.database.reading() as session:
        end = audit.tail(session, tenant)
        return chain.verify(audit.entries(session, tenant), end, tenant_id=tenant, asked=asked)


def _told(link: Link) -> Json:
    try:
        told: Json = json.loads(link.body)
    except ValueError:
        told = {"number": link.number, "at": link.at, "act": None}  # `verify` says more
    return {**told, "hash": link.hash}


def _is_hash(text: str) -> bool:
    return len(text) == _HASH_CHARS and not set(text) - set("0123456789abcdef")
