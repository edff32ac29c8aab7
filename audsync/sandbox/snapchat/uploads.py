"""The members of a segment: add, remove, empty.

Source: developers.snap.com customer-lists page, read 2026-11-22.
"""

from collections.abc import Callable, Mapping

from audsync.sandbox.contract import Answer
from audsync.sandbox.snapchat import values
from audsync.sandbox.snapchat.errors import invalid
from audsync.sandbox.snapchat.request import Request
from audsync.sandbox.snapchat.segments import Flight, Segment
from audsync.sandbox.snapchat.values import Upload


def add(request: Request, segment: Segment) -> Answer:
    """`POST /segments/SEGMENT/users`."""
    upload = _upload(request, segment)
    if request.settings.one_schema_per_segment and segment.schemas - {upload.schema}:
        raise invalid("The segment holds another identifier type")
    if segment.emptying_at is not None:
        _note(request, segment, {"add_while_emptying": upload.received}, upload.schema)
    segment.schemas.add(upload.schema)

    def change() -> None:
        segment.members.add(upload.rows, request.now)

    return _taken(request, segment, upload, "add", change)


def remove(request: Request, segment: Segment) -> Answer:
    """`DELETE /segments/SEGMENT/users`, with the same body as an add."""
    upload = _upload(request, segment)

    def change() -> None:
        segment.members.remove(upload.rows)

    return _taken(request, segment, upload, "remove", change)


def empty(request: Request, segment: Segment) -> Answer:
    """`DELETE /segments/SEGMENT/all_users`."""
    settings, now = request.settings, request.now

    def effect() -> None:
        segment.emptying_at = now + settings.empties_after_s
        segment.touch(now)
        segment.catch_up(now, settings)

    told = {**segment.as_json(now, settings), "approximate_number_users": 0}
    return request.envelopes.elements("segment", [told], action="empty", effect=effect)


def _upload(request: Request, segment: Segment) -> Upload:
    """The body; what no client may send is noted, and in strict mode refused."""
    settings = request.settings
    try:
        upload = values.parse(request.document, settings)
    except values.MixedSchemasError:
        _note(request, segment, {"mixed_schemas": 1}, "")
        raise
    _note(request, segment, upload.notes, upload.schema)
    if upload.bad and settings.is_strict:
        raise invalid(
            f"{len(upload.bad)} values of users[0].data are not lower-case SHA-256 hashes,"
            f" the first one at index {upload.bad[0]}"
        )
    if upload.segment_id not in (None, segment.id):
        raise invalid("users[0].id is not the segment of the path")
    return upload


def _taken(
    request: Request, segment: Segment, upload: Upload, action: str, change: Callable[[], None]
) -> Answer:
    """The answer to a good upload: how many values came, not how many of them matched."""
    flight = _launch(request, segment, upload, action)

    def effect() -> None:
        if flight is not None:
            segment.flights.remove(flight)
        change()
        segment.touch(request.now)

    told = {"number_uploaded_users": upload.received}
    return request.envelopes.elements(
        "user", [told], action=action, rows=upload.received, effect=effect
    )


def _launch(request: Request, segment: Segment, upload: Upload, action: str) -> Flight | None:
    """Keep the upload as one that waits, and note how it races with others; None if not asked."""
    if not request.settings.notes_races:
        return None
    flight = Flight(action=action, keys=frozenset(upload.keys()))
    racing = segment.racing(flight)
    _note(request, segment, {"add_and_remove_in_flight": racing}, upload.schema)
    segment.flights.append(flight)
    return flight


def _note(request: Request, segment: Segment, counts: Mapping[str, int], schema: str) -> None:
    for kind, cells in counts.items():
        if cells:
            about = {
                "platform": "snapchat",
                "audience": segment.id,
                "column": schema,
                "cells": cells,
                "at": request.now,
            }
            request.report(kind, about)
