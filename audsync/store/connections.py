"""The saved connections of a tenant, and notes on those of the file. None of these commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlmodel import Session, col, select

from audsync.domain import ConnectionStatus, Platform
from audsync.store.missing import insert_missing
from audsync.store.tables import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How a connection was found, by a test or by a job. `expires_at` None: never, or unknown."""

    status: ConnectionStatus
    error: dict[str, Any] | None = None
    expires_at: datetime | None = None
    is_test: bool = True
    """Whether somebody asked the platform about the connection itself."""


def by_name(
    session: Session, tenant_id: int, name: str, *, for_update: bool = False
) -> Connection | None:
    """The record of that name; `for_update` keeps others from changing it meanwhile."""
    statement = select(Connection).where(
        col(Connection.tenant_id) == tenant_id, col(Connection.name) == name
    )
    return session.exec(statement.with_for_update() if for_update else statement).first()


def listed(session: Session, tenant_id: int) -> Sequence[Connection]:
    """Every record of the tenant, by name."""
    statement = (
        select(Connection)
        .where(col(Connection.tenant_id) == tenant_id)
        .order_by(col(Connection.name))
    )
    return session.exec(statement).all()


def sealed(session: Session, *, for_update: bool = False) -> Sequence[Connection]:
    """Every record with sealed credentials, of all tenants, by tenant and name."""
    statement = (
        select(Connection)
        .where(col(Connection.credentials_ciphertext).is_not(None))
        .order_by(col(Connection.tenant_id), col(Connection.name))
    )
    return session.exec(statement.with_for_update() if for_update else statement).all()


def save(session: Session, connection: Connection, *, now: datetime) -> None:
    """Write a new or changed record."""
    connection.updated_at = now
    session.add(connection)
    session.flush()


def remove(session: Session, connection: Connection) -> None:
    """Forget a record, with its sealed credentials."""
    session.delete(connection)
    session.flush()


def note(
    session: Session, connection: Connection, finding: Finding, *, now: datetime
) -> Connection:
    """Write down how a connection was found; only a test knows when its token ends."""
    connection.status = finding.status
    connection.error = finding.error
    if finding.is_test:
        connection.tested_at = now
        if finding.status is ConnectionStatus.OK:
            connection.expires_at = finding.expires_at
    save(session, connection, now=now)
    return connection


def ensure(
    session: Session, tenant_id: int, name: str, *, platform: Platform, account: str, now: datetime
) -> Connection:
    """The record of that name; where there is none, one without credentials."""
    found = by_name(session, tenant_id, name, for_update=True)
    if found is not None:
        return found
    values = {
        "id": uuid4(),
        "tenant_id": tenant_id,
        "name": name,
        "platform": platform,
        "account": account,
        "options": {},
        "status": ConnectionStatus.UNTESTED,
        "created_at": now,
        "updated_at": now,
    }
    insert_missing(session, Connection, values)
    made = by_name(session, tenant_id, name, for_update=True)
    assert made is not None  # it is there, whoever made it
    return made
