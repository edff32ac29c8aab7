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
from uuid import UUID

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from audsync.errors import BusyError, LeaseLostError
from audsync.store import tables
from audsync.store.database import Database, now
from audsync.store.missing import insert_missing
from audsync.store.processes import is_gone, started_mark

TTL_S = 120.0
"""How long a claim holds without a sign of life."""

_SHARED = (
    select(tables.Lease)
    .where(col(tables.Lease.audience_id) == bindparam("audience"))
    .with_for_update(read=True)
    .execution_options(populate_existing=True)
)
"""Built once: every write of a sync begins with it."""


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
        insert_missing(
            session,
            tables.Lease,
            {"audience_id": audience_id, "epoch": 0, "host": "", "pid": 0, "pid_started": ""},
        )
        row = _locked(session, audience_id)
        moment = now(session)
        if row is None or _is_live(row, moment):
            raise _busy(session, audience_id, row)
        row.epoch += 1
        row.owner = owner.token
        row.host, row.pid, row.pid_started = owner.host, owner.pid, owner.pid_started
        row.acquired_at = row.heartbeat_at = moment
        expires_at = row.expires_at = moment + timedelta(seconds=ttl_s)
        epoch = row.epoch
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
        row.heartbeat_at = moment
        expires_at = row.expires_at = moment + timedelta(seconds=ttl_s)
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
    row = session.exec(_SHARED, params={"audience": lease.audience_id}).first()
    if row is None or not _rules(row, lease, now(session) + timedelta(seconds=must_last_s)):
        raise _lost(lease)


def release(database: Database, lease: Lease) -> None:
    """Give the lease back; one that was lost meanwhile is left to its new owner."""
    with database.transaction() as session:
        row = _locked(session, lease.audience_id)
        if row is not None and row.epoch == lease.epoch and row.owner == lease.token:
            _free(row, now(session))


def force_release(database: Database, audience_id: UUID) -> tables.Lease | None:
    """Take the lease from whoever has it; their next write fails with LeaseLostError.

    Returns:
        the row as it was while held; None when nobody held it.
    """
    with database.transaction() as session:
        row = _locked(session, audience_id)
        if row is None or row.owner is None:
            return None
        held = tables.Lease(**row.model_dump())
        _free(row, now(session))
    return held


def holder(session: Session, audience_id: UUID) -> tables.Lease | None:
    """The row of whoever holds the lease or let it expire; None while it is free."""
    row = session.get(tables.Lease, audience_id, populate_existing=True)
    return row if row is not None and row.owner is not None else None


def is_live(session: Session, row: tables.Lease) -> bool:
    """Whether the holder still counts: not expired, and not known to be dead."""
    return _is_live(row, now(session))


def _locked(session: Session, audience_id: UUID) -> tables.Lease | None:
    statement = (
        select(tables.Lease).where(col(tables.Lease.audience_id) == audience_id).with_for_update()
    )
    return session.exec(statement).first()


def _is_live(row: tables.Lease, moment: datetime) -> bool:
    if row.owner is None or row.expires_at is None or row.expires_at <= moment:
        return False
    return row.host != socket.gethostname() or not is_gone(row.pid, row.pid_started)


def _rules(row: tables.Lease, lease: Lease, moment: datetime) -> bool:
    is_ours = row.epoch == lease.epoch and row.owner == lease.token
    return is_ours and row.expires_at is not None and row.expires_at > moment


def _free(row: tables.Lease, moment: datetime) -> None:
    row.owner = None
    row.expires_at = moment


def _busy(session: Session, audience_id: UUID, row: tables.Lease | None) -> BusyError:
    audience = session.get(tables.PlatformAudience, audience_id)
    name = audience.slug if audience is not None else str(audience_id)
    if row is None:
        return BusyError(f"Another process works on `{name}`: try again in a moment.")
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
