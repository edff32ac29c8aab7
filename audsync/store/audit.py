"""The audit trail of a tenant: who did what, when, with which command. Entries are never changed.

An entry is noted while a transaction runs and written as it commits, with whatever it tells of.
The row that ends the trail is locked for that, as the last lock that any transaction takes: so
several processes write one chain, and never wait for each other in a circle.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import insert, select, update
from sqlmodel import Session

from audsync.store import chain
from audsync.store.audit_tables import ENTRY, TAIL
from audsync.store.chain import Link, Tail
from audsync.store.missing import insert_missing

ACTOR = "audsync_actor"
_NOTES = "audsync_notes"
_PAGE_ROWS = 1000


class Act(StrEnum):
    """What can be done to a thing; public words."""

    CONNECTION_SAVED = "connection.saved"
    CONNECTION_ROTATED = "connection.rotated"
    CONNECTION_PROLONGED = "connection.prolonged"
    CONNECTION_REMOVED = "connection.removed"
    KEY_GENERATED = "key.generated"
    KEY_ROTATED = "key.rotated"
    AUDIENCE_CREATED = "audience.created"
    AUDIENCE_CHANGED = "audience.changed"
    AUDIENCE_PAUSED = "audience.paused"
    AUDIENCE_RESUMED = "audience.resumed"
    AUDIENCE_UNLOCKED = "audience.unlocked"
    AUDIENCE_RECREATED = "audience.recreated"
    AUDIENCE_DELETED = "audience.deleted"
    AUDIENCE_UNLINKED = "audience.unlinked"
    JOB_BEGUN = "job.begun"
    JOB_ENDED = "job.ended"
    SEGMENT_EXPORTED = "segment.exported"
    FILE_APPLIED = "file.applied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who does what a program does: its user on its host, and the command that was typed."""

    user: str = ""
    host: str = ""
    pid: int = 0
    command: tuple[str, ...] = ()
    """Without anything secret in it."""

    def as_json(self) -> dict[str, Any]:
        """As an entry holds it."""
        return {
            "user": self.user,
            "host": self.host,
            "pid": self.pid,
            "command": list(self.command),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Note:
    tenant_id: int
    act: Act
    subject: dict[str, str]
    details: dict[str, Any] = field(default_factory=dict)


def note(
    session: Session,
    tenant_id: int,
    act: Act,
    subject: dict[str, str],
    details: dict[str, Any] | None = None,
) -> None:
    """Have the transaction write an entry when it commits; undone with it where it does not.

    Args:
        session: one of `Database.transaction`.
        tenant_id: whose trail.
        act: what is done.
        subject: to what: names and ids, such as `{"audience": "vip-meta"}`.
        details: what else is to be known, as JSON; neither secrets nor identifiers.
    """
    noted = _Note(tenant_id=tenant_id, act=act, subject=subject, details=details or {})
    session.info.setdefault(_NOTES, []).append(noted)


def has_notes(session: Session) -> bool:
    """Whether entries are to be written."""
    return bool(session.info.get(_NOTES))


def write(session: Session, *, at: datetime) -> None:
    """Append what was noted; the transaction does nothing more than to commit after it."""
    notes: list[_Note] = session.info.pop(_NOTES, [])
    session.flush()
    for tenant_id in sorted({noted.tenant_id for noted in notes}):
        mine = [noted for noted in notes if noted.tenant_id == tenant_id]
        _append(session, tenant_id, mine, at.astimezone(UTC).isoformat(timespec="microseconds"))


def tail(session: Session, tenant_id: int) -> Tail:
    """Where the trail ends, by what is kept beside it."""
    return _tail(session, tenant_id) or Tail()


def entries(session: Session, tenant_id: int) -> Iterator[Link]:
    """The whole trail, from its first entry on, in bounded memory."""
    after = 0
    while True:
        statement = (
            select(ENTRY)
            .where(ENTRY.c.tenant_id == tenant_id, ENTRY.c.number > after)
            .order_by(ENTRY.c.number)
            .limit(_PAGE_ROWS)
        )
        rows = session.execute(statement).all()
        for row in rows:
            yield Link(number=row.number, at=row.at, body=row.body, hash=row.hash)
            after = row.number
        if len(rows) < _PAGE_ROWS:
            return


def latest(
    session: Session, tenant_id: int, *, since: datetime | None = None, limit: int
) -> list[Link]:
    """At most so many entries, the newest first; `since` is aware."""
    statement = select(ENTRY).where(ENTRY.c.tenant_id == tenant_id)
    if since is not None:
        # All are in UTC and of one form, so texts are in the order of time.
        statement = statement.where(ENTRY.c.at >= since.astimezone(UTC).isoformat())
    rows = session.execute(statement.order_by(ENTRY.c.number.desc()).limit(limit))
    return [Link(number=row.number, at=row.at, body=row.body, hash=row.hash) for row in rows]


def _append(session: Session, tenant_id: int, notes: list[_Note], at: str) -> None:
    end = _locked_tail(session, tenant_id)
    actor: Actor = session.info.get(ACTOR) or Actor()
    rows = []
    for noted in notes:
        content = {
            "act": noted.act.value,
            "actor": actor.as_json(),
            "details": noted.details,
            "subject": noted.subject,
        }
        made = chain.link(tenant_id=tenant_id, tail=end, at=at, content=content)
        end = Tail(count=made.number, hash=made.hash)
        rows.append(
            {
                "tenant_id": tenant_id,
                "number": made.number,
                "at": made.at,
                "body": made.body,
                "hash": made.hash,
            }
        )
    session.execute(insert(ENTRY), rows)
    session.execute(
        update(TAIL).where(TAIL.c.tenant_id == tenant_id).values(entries=end.count, hash=end.hash)
    )


def _locked_tail(session: Session, tenant_id: int) -> Tail:
    found = _tail(session, tenant_id, is_locked=True)
    if found is None:
        first = {"tenant_id": tenant_id, "entries": 0, "hash": chain.BEGINNING}
        insert_missing(session, TAIL, first)
        found = _tail(session, tenant_id, is_locked=True)
    assert found is not None, "it was put in just now, by us or another"
    return found


def _tail(session: Session, tenant_id: int, *, is_locked: bool = False) -> Tail | None:
    statement = select(TAIL.c.entries, TAIL.c.hash).where(TAIL.c.tenant_id == tenant_id)
    row = session.execute(statement.with_for_update() if is_locked else statement).first()
    return Tail(count=row[0], hash=row[1]) if row is not None else None
