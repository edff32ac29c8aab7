"""The members edges: add, remove, replace, erase.

Source: Custom Audiences guide, custom-audience/users and usersreplace references, read 2026-11-22.
"""

from typing import Any

from audsync.sandbox.contract import Answer
from audsync.sandbox.members import Members
from audsync.sandbox.meta import errors, rows, sessions
from audsync.sandbox.meta.audiences import Audience, Replace
from audsync.sandbox.meta.request import Request, reply
from audsync.sandbox.meta.rows import Upload
from audsync.sandbox.meta.sessions import Batch, Session


def add(request: Request, audience: Audience) -> Answer:
    """`POST /AUDIENCE/users`."""
    upload = _upload(request, audience)
    _refuse_while_replacing(audience)
    session = _continue(request, audience, upload, kind="add")
    audience.is_list = upload.is_list

    def effect() -> None:
        audience.members.add(upload.rows, request.now)
        _touch(audience, request)

    value = _counted(audience, upload, session)
    return reply(value, action="add", rows=upload.received, effect=effect)


def remove(request: Request, audience: Audience) -> Answer:
    """`DELETE /AUDIENCE/users`."""
    upload = _upload(request, audience)
    _refuse_while_replacing(audience)
    floor = request.settings.smallest_audience
    if floor and audience.members.matched_without(upload.rows) < floor:
        raise errors.too_small()
    session = _continue(request, audience, upload, kind="remove")

    def effect() -> None:
        audience.members.remove(upload.rows)
        _touch(audience, request)

    value = _counted(audience, upload, session)
    return reply(value, action="remove", rows=upload.received, effect=effect)


def replace(request: Request, audience: Audience) -> Answer:
    """`POST /AUDIENCE/usersreplace`."""
    upload = _upload(request, audience)
    batch = sessions.parse(request.params.get("session"))
    running = _running(request, audience, upload, batch)
    session = running.session
    _check_schema(session, upload)
    if batch.number not in session.seen:
        # A repeated batch is taken and changes nothing, so it is not counted twice.
        _count(session, batch, upload)
    audience.is_list = upload.is_list
    if batch.is_last:
        session.closed_at = request.now

    def effect() -> None:
        running.staged.add(upload.rows, request.now)
        if batch.is_last:
            audience.end_replace(running, request.now, request.settings)

    value = {"account_id": request.account.id, **_counted(audience, upload, session)}
    return reply(value, action="replace", rows=upload.received, effect=effect)


def erase(request: Request) -> Answer:
    """`DELETE /act_N/usersofanyaudience`: out of every audience of the account."""
    upload = _parsed(request, None)

    def effect() -> None:
        for audience in request.book.audiences.values():
            audience.members.remove(upload.rows)
            _touch(audience, request)

    value = {"account_id": request.account.id, **_counts(upload, None)}
    return reply(value, action="erase", rows=upload.received, effect=effect)


def list_sessions(request: Request, audience: Audience) -> Answer:
    """`GET /AUDIENCE/sessions?session_id=`."""
    wanted = request.params.get("session_id")
    shown = [
        each.as_json(request.now)
        for each in request.book.sessions.of_audience(audience.id)
        if wanted in (None, str(each.id))
    ]
    return reply({"data": shown}, action="sessions")


def _upload(request: Request, audience: Audience) -> Upload:
    if audience.is_flagged(request.settings):
        raise errors.flagged()
    upload = _parsed(request, audience)
    if audience.is_list is not None and audience.is_list != upload.is_list:
        raise errors.other_schema_family(was_list=audience.is_list)
    return upload


def _parsed(request: Request, audience: Audience | None) -> Upload:
    """The payload; a leak in it is noted, and in strict mode refused."""
    settings = request.settings
    payload = request.params.get("payload")
    upload = rows.parse(payload, too_many_rows_code=settings.too_many_rows_code)
    for (kind, column), cells in upload.leaks.items():
        about = {
            "platform": "meta",
            "audience": "" if audience is None else audience.id,
            "column": column,
            "cells": cells,
            "at": request.now,
        }
        request.report(kind, about)
    if upload.leaks and settings.is_strict:
        kind, column = next(iter(upload.leaks))
        raise errors.invalid(f"Sandbox strict mode: {kind} in column {column}", field="payload")
    return upload


def _refuse_while_replacing(audience: Audience) -> None:
    if audience.replace is not None:
        raise errors.update_in_progress()


def _continue(request: Request, audience: Audience, upload: Upload, *, kind: str) -> Session | None:
    """The session of a members call, with this batch counted; None for a call without one."""
    given = request.params.get("session")
    if given is None:
        return None
    batch = sessions.parse(given)
    session = request.book.sessions.find(batch.session_id)
    if session is None:
        if batch.number != 1:
            raise errors.invalid("Param session[batch_seq] is out of order", field="session")
        session = request.book.sessions.open(_new_session(request, audience, upload, batch, kind))
    elif session.audience_id != audience.id or session.kind != kind:
        raise errors.invalid("The session_id is used by another upload", field="session")
    else:
        tolerates = request.settings.tolerates_repeated_batches
        sessions.check_order(session, batch, now=request.now, tolerates_repeats=tolerates)
        _check_schema(session, upload)
    _count(session, batch, upload)
    if batch.is_last:
        session.closed_at = request.now
    return session


def _running(request: Request, audience: Audience, upload: Upload, batch: Batch) -> Replace:
    """The replace that a batch belongs to; batch 1 begins one."""
    running = audience.replace
    if running is not None and running.session.id == batch.session_id:
        if running.session.closed_at is not None:
            raise errors.replace_finished()
        return running
    known = request.book.sessions.find(batch.session_id)
    if known is not None:
        _refuse_known(known, audience, request.now)
    if audience.status(request.now, request.settings) != 200:  # noqa: PLR2004 - Meta's own code
        raise errors.update_in_progress()
    if batch.number != 1:
        raise errors.first_batch_missing()
    session = request.book.sessions.open(_new_session(request, audience, upload, batch, "replace"))
    audience.replace = Replace(session=session, staged=Members(request.book.people))
    return audience.replace


def _refuse_known(session: Session, audience: Audience, now: float) -> None:
    """A session that is no longer running cannot go on."""
    if session.audience_id != audience.id or session.kind != "replace":
        raise errors.invalid("The session_id is used by another upload", field="session")
    if session.is_timed_out(now):
        raise errors.replace_timed_out()
    raise errors.replace_finished()


def _new_session(
    request: Request, audience: Audience, upload: Upload, batch: Batch, kind: str
) -> Session:
    return Session(
        id=batch.session_id,
        audience_id=audience.id,
        kind=kind,
        schema=upload.schema,
        opened_at=request.now,
    )


def _check_schema(session: Session, upload: Upload) -> None:
    if session.schema != upload.schema:
        message = "Every batch of a session must have the same schema"
        raise errors.invalid(message, field="payload")


def _count(session: Session, batch: Batch, upload: Upload) -> None:
    session.seen.add(batch.number)
    session.received += upload.received
    session.invalid += len(upload.bad)


def _touch(audience: Audience, request: Request) -> None:
    audience.content_at = request.now
    audience.updated_at = request.now


def _counted(audience: Audience, upload: Upload, session: Session | None) -> dict[str, Any]:
    return {"audience_id": audience.id, **_counts(upload, session)}


def _counts(upload: Upload, session: Session | None) -> dict[str, Any]:
    """Rows received in this session so far; without a session, in this call."""
    return {
        "session_id": "0" if session is None else str(session.id),
        "num_received": upload.received if session is None else session.received,
        "num_invalid_entries": len(upload.bad) if session is None else session.invalid,
        "invalid_entry_samples": upload.samples(),
    }
