"""One writer per audience, over threads, processes and hosts.

A lease is a row with an owner, an end and an epoch that only grows. Whoever claims it gets a new
epoch, and every later write checks that its epoch still rules, in the same transaction: a process
that was frozen and taken over can change nothing any more. All times are the database's.
"""

import os
import secrets
import socket
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, select, update
from sqlmodel import Session

from audsync.errors import BusyError, LeaseLostError
from audsync.store import audit, tables
from audsync.store.audit import Act
from audsync.store.database import Database, execute, now
from audsync.store.missing import insert_missing
from audsync.store.processes import is_gone, started_mark

TTL_S = 120.0
"""How long a claim holds without a sign of life."""

# Plain statements, built once, without records: every write of a sync begins with one of them.
_LEASE = tables.METADATA.tables["lease"]
_LOCKED = select(_LEASE).where(_LEASE.c.audience_id == bindparam("audience")).with_for_update()
_RULING = (
    select(_LEASE.c.epoch, _LEASE.c.owner, _LEASE.c.expires_at)
    .where(_LEASE.c.audience_id == bindparam("audience"))
    .with_for_update(read=True)
)
_CHANGE = update(_LEASE).where(_LEASE.c.audience_id == bindparam("audience"))
_Held = tables.Lease | Row[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A process that claims leases."""

    token: str = field(repr=False)
    host: str
    pid: int
    pid_started: str
    """What tells it from a later process of the same pid; "" where the system does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to write to one audience until `expires_at`, unless renewed."""

    audience_id: UUID
    epoch: int
    token: str = field(repr=False)
    expires_at: datetime


def this_process() -> Owner:
    """This process under a new random token; make one a program, not one a claim."""
    pid = os.getpid()
    return Owner(
        token=secrets.token_hex(16),
        host=socket.gethostname(),
        pid=pid,
        pid_started=started_mark(pid),
    )


def claim(database: Database, audience_id: UUID, *, owner: Owner, ttl_s: float = TTL_S) -> Lease:
    """Take the audience's lease when it is free, has expired, or its holder is dead.

    Raises:
        BusyError: somebody alive holds it.
    """
    with database.transaction() as session:
        row = _locked(session, audience_id) or _made(session, audience_id)
        moment = now(session)
        if _is_live(row, moment):
            raise _busy(session, audience_id, row)
        epoch, expires_at = row.epoch + 1, moment + timedelta(seconds=ttl_s)
        change = {
            "audience": audience_id,
            "epoch": epoch,
            "owner": owner.token,
            "host": owner.host,
            "pid": owner.pid,
            "pid_started": owner.pid_started,
            "acquired_at": moment,
            "heartbeat_at": moment,
            "expires_at": expires_at,
        }
        execute(session, _CHANGE, change)
    return Lease(audience_id=audience_id, epoch=epoch, token=owner.token, expires_at=expires_at)


def renew(database: Database, lease: Lease, *, ttl_s: float = TTL_S) -> Lease:
    """The same lease with its end moved to `ttl_s` from now.

    Raises:
        LeaseLostError: it has expired or was taken over; stop at once.
    """
    with database.transaction() as session:
        row = _locked(session, lease.audience_id)
        moment = now(session)
        if row is None or not _rules(row, lease, moment):
            raise _lost(lease)
        expires_at = moment + timedelta(seconds=ttl_s)
        change = {
            "audience": lease.audience_id,
            "heartbeat_at": moment,
            "expires_at": expires_at,
        }
        execute(session, _CHANGE, change)
    return Lease(
        audience_id=lease.audience_id,
        epoch=lease.epoch,
        token=lease.token,
        expires_at=expires_at,
    )


def check(session: Session, lease: Lease, *, must_last_s: float = 0.0) -> None:
    """Make sure that the lease rules until the caller's transaction has ended.

    On PostgreSQL the row is share-locked, so nobody takes it over before the commit; on SQLite
    the writer's transaction keeps everybody out anyway.

    Args:
        session: the transaction that is about to write.
        lease: what the caller was given.
        must_last_s: how much longer it has to hold, such as a request's time-out.

    Raises:
        LeaseLostError: it was taken over, or does not hold that long.
    """
    row = execute(session, _RULING, {"audience": lease.audience_id}).first()
    if row is None or not _rules(row, lease, now(session) + timedelta(seconds=must_last_s)):
        raise _lost(lease)


def release(database: Database, lease: Lease) -> None:
    """Give the lease back; one that was lost meanwhile is left to its new owner."""
    with database.transaction() as session:
        row = _locked(session, lease.audience_id)
        if row is not None and row.epoch == lease.epoch and row.owner == lease.token:
            _free(session, lease.audience_id)


def force_release(database: Database, audience_id: UUID) -> tables.Lease | None:
    """Take the lease from whoever has it; their next write fails with LeaseLostError.

    Returns:
        the row as it was while held; None when nobody held it.
    """
    with database.transaction() as session:
        row = _locked(session, audience_id)
        if row is None or row.owner is None:
            return None
        _free(session, audience_id)
        audience = session.get(tables.PlatformAudience, audience_id)
        if audience is not None:
            told = {"holder_host": row.host, "holder_pid": row.pid}
            subject = {"audience": audience.slug}
            audit.note(session, audience.tenant_id, Act.AUDIENCE_UNLOCKED, subject, told)
    return tables.Lease(**row._mapping)  # noqa: SLF001 - the public name of a row's columns


def holder(session: Session, audience_id: UUID) -> tables.Lease | None:
    """The row of whoever holds the lease or let it expire; None while it is free."""
    row = session.get(tables.Lease, audience_id, populate_existing=True)
    return row if row is not None and row.owner is not None else None


def is_live(session: Session, row: tables.Lease) -> bool:
    """Whether the holder still counts: not expired, and not known to be dead."""
    return _is_live(row, now(session))


def _locked(session: Session, audience_id: UUID) -> Row[Any] | None:
    return execute(session, _LOCKED, {"audience": audience_id}).first()


def _made(session: Session, audience_id: UUID) -> Row[Any]:
    """The row of an audience that nobody claimed before, made by us or at this very moment."""
    empty = {"audience_id": audience_id, "epoch": 0, "host": "", "pid": 0, "pid_started": ""}
    insert_missing(session, tables.Lease, empty)
    return execute(session, _LOCKED, {"audience": audience_id}).one()


def _is_live(row: _Held, moment: datetime) -> bool:
    if row.owner is None or row.expires_at is None or row.expires_at <= moment:
        return False
    return row.host != socket.gethostname() or not is_gone(row.pid, row.pid_started)


def _rules(row: _Held, lease: Lease, moment: datetime) -> bool:
    is_ours: bool = row.epoch == lease.epoch and row.owner == lease.token
    return is_ours and row.expires_at is not None and row.expires_at > moment


def _free(session: Session, audience_id: UUID) -> None:
    freed = {"audience": audience_id, "owner": None, "expires_at": now(session)}
    execute(session, _CHANGE, freed)


def _busy(session: Session, audience_id: UUID, row: _Held) -> BusyError:
    audience = session.get(tables.PlatformAudience, audience_id)
    name = audience.slug if audience is not None else str(audience_id)
    since, heartbeat = _iso(row.acquired_at), _iso(row.heartbeat_at)
    return BusyError(
        f"Process {row.pid} on {row.host} has been working on `{name}` since {since} "
        f"(last sign of life {heartbeat}): wait for it, or if it hangs, end it and run "
        f"`audsync unlock {name} --force`.",
        details={
            "audience": name,
            "audience_id": str(audience_id),
            "host": row.host,
            "pid": row.pid,
            "since": since,
            "heartbeat_at": heartbeat,
        },
    )


def _lost(lease: Lease) -> LeaseLostError:
    return LeaseLostError(
        "Another process took this audience over, or this one stood still for too long: it stopped "
        "before its next step. `audsync sync` settles what is open.",
        details={"audience_id": str(lease.audience_id), "epoch": lease.epoch},
    )


def _iso(moment: datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment is not None else None
