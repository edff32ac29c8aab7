"""What is out of order, and who is yet to hear of it: an outbox. Functions never commit.

Rows are written in the transaction that records what they tell of, so that no crash loses one.
Whoever is about to send takes the row first, by putting its next attempt off: two processes never
send one row, and one whose sender died is sent again.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func
from sqlmodel import Session, col, select, update

from audsync.store.missing import insert_missing
from audsync.store.tables import Incident, Notification

WAITS_S = (60, 300, 900, 3600)
"""Between the attempts to deliver one notification; the one after the last wait is the last."""
MAX_ATTEMPTS = len(WAITS_S) + 1


def open_incident(
    session: Session, tenant_id: int, *, subject: str, event: str, detail: str = "", now: datetime
) -> Incident | None:
    """The one open incident of that event on the subject, opened now where there was none.

    `detail` tells episodes apart: one that is open with another is closed first, unsaid. None
    where another process closed it at this very moment.
    """
    for other in open_incidents(session, tenant_id, subject):
        if other.event == event and other.detail != detail:
            close_incident(session, other, now=now)
    values = {
        "id": uuid4(),
        "tenant_id": tenant_id,
        "subject": subject,
        "event": event,
        "detail": detail,
        "opened_at": now,
    }
    insert_missing(session, Incident, values)
    found = open_incidents(session, tenant_id, subject)
    return next((one for one in found if one.event == event), None)


def add_moment(
    session: Session, tenant_id: int, *, subject: str, event: str, now: datetime
) -> Incident:
    """An incident that is over as it begins, such as a change of name."""
    incident = Incident(
        tenant_id=tenant_id, subject=subject, event=event, opened_at=now, closed_at=now
    )
    session.add(incident)
    session.flush()
    return incident


def open_incidents(session: Session, tenant_id: int, subject: str) -> Sequence[Incident]:
    """What is out of order with the subject, oldest first."""
    statement = (
        select(Incident)
        .where(
            col(Incident.tenant_id) == tenant_id,
            col(Incident.subject) == subject,
            col(Incident.closed_at).is_(None),
        )
        .order_by(col(Incident.opened_at), col(Incident.id))
    )
    return session.exec(statement).all()


def close_incident(session: Session, incident: Incident, *, now: datetime) -> bool:
    """Note that it is over; False where another process was quicker."""
    statement = (
        update(Incident)
        .where(col(Incident.id) == incident.id, col(Incident.closed_at).is_(None))
        .values(closed_at=now)
    )
    closed: int = session.exec(statement).rowcount
    return closed == 1


def told(session: Session, incidents: Sequence[Incident], *, receiver: int) -> set[UUID]:
    """Those of the incidents of which the receiver was told, or is about to be."""
    statement = select(col(Notification.incident_id)).where(
        col(Notification.incident_id).in_([one.id for one in incidents]),
        col(Notification.receiver) == receiver,
    )
    return set(session.exec(statement).all())


def add(
    session: Session,
    incident: Incident,
    *,
    receiver: int,
    event: str,
    message: dict[str, Any],
    now: datetime,
) -> None:
    """Let the receiver hear of the incident, once, however often this is said.

    Args:
        session: the transaction that records what is told.
        incident: what it belongs to.
        receiver: position in `notify` of the configuration, from 1 on.
        event: what the receiver hears.
        message: what it is told, without the id, which it gets here.
        now: aware UTC.
    """
    made = uuid4()
    values = {
        "id": made,
        "tenant_id": incident.tenant_id,
        "incident_id": incident.id,
        "receiver": receiver,
        "event": event,
        "message": {"id": str(made), **message},
        "created_at": now,
        "attempts": 0,
        "next_attempt_at": now,
    }
    insert_missing(session, Notification, values)


def due(session: Session, tenant_id: int, *, now: datetime) -> Sequence[Notification]:
    """What waits to be sent and may be sent now, oldest first."""
    statement = (
        select(Notification)
        .where(
            col(Notification.tenant_id) == tenant_id,
            col(Notification.next_attempt_at) <= now,
        )
        .order_by(col(Notification.created_at), col(Notification.id))
    )
    return session.exec(statement).all()


def resting(session: Session, tenant_id: int, *, since: datetime) -> set[int]:
    """Receivers that failed since then: nothing is sent to them for a while."""
    statement = select(col(Notification.receiver)).where(
        col(Notification.tenant_id) == tenant_id,
        col(Notification.problem).is_not(None),
        col(Notification.tried_at) > since,
    )
    return set(session.exec(statement).all())


def take(session: Session, notification_id: UUID, *, now: datetime) -> bool:
    """Make an attempt ours by putting the next one off; False where another was quicker."""
    found = session.get(Notification, notification_id)
    if found is None or found.next_attempt_at is None or found.next_attempt_at > now:
        return False
    wait = timedelta(seconds=WAITS_S[min(found.attempts, len(WAITS_S) - 1)])
    statement = (
        update(Notification)
        .where(
            col(Notification.id) == notification_id,
            col(Notification.attempts) == found.attempts,
            col(Notification.next_attempt_at) == found.next_attempt_at,
        )
        .values(attempts=found.attempts + 1, next_attempt_at=now + wait, tried_at=now)
    )
    taken: int = session.exec(statement).rowcount
    return taken == 1


def record(session: Session, notification_id: UUID, *, problem: str, now: datetime) -> Notification:
    """What came of an attempt: `problem` is "" where it was taken.

    After the last attempt, it is given up.
    """
    found = session.get_one(Notification, notification_id)
    session.refresh(found)
    found.problem = problem or None
    if not problem:
        found.delivered_at = now
    elif found.attempts >= MAX_ATTEMPTS:
        found.given_up_at = now
    if not problem or found.given_up_at is not None:
        found.next_attempt_at = None
    session.add(found)
    session.flush()
    return found


def give_up(session: Session, notification_id: UUID, *, problem: str, now: datetime) -> None:
    """Note that it can never be sent."""
    found = session.get_one(Notification, notification_id)
    found.problem, found.given_up_at, found.next_attempt_at = problem, now, None
    session.add(found)
    session.flush()


def listed(
    session: Session, tenant_id: int, *, is_pending: bool = False, limit: int = 50
) -> Sequence[Notification]:
    """The latest notifications, newest first; or only those that wait to be sent."""
    statement = select(Notification).where(col(Notification.tenant_id) == tenant_id)
    if is_pending:
        statement = statement.where(col(Notification.next_attempt_at).is_not(None))
    newest_first = (col(Notification.created_at).desc(), col(Notification.id).desc())
    return session.exec(statement.order_by(*newest_first).limit(limit)).all()


def first_lost(session: Session, tenant_id: int, *, since: datetime) -> datetime | None:
    """When the first of those that were given up since then was."""
    return session.exec(
        select(func.min(Notification.given_up_at)).where(
            col(Notification.tenant_id) == tenant_id, col(Notification.given_up_at) >= since
        )
    ).one()


def counts(session: Session, tenant_id: int, *, since: datetime) -> tuple[int, int]:
    """How many wait to be sent, and how many were given up since then."""
    of_tenant = col(Notification.tenant_id) == tenant_id
    waiting = select(func.count()).where(of_tenant, col(Notification.next_attempt_at).is_not(None))
    lost = select(func.count()).where(of_tenant, col(Notification.given_up_at) >= since)
    return session.exec(waiting).one(), session.exec(lost).one()
