"""Access tokens that all processes share, and which of them asks for the next one.

One row a connection. Whoever finds no token that is good takes the row for the time of one call;
all others wait for what it brings. What a row holds is sealed before it comes here. All times are
the database's, each change is a transaction of its own that locks one row.
"""

import os
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, bindparam, delete, select, update
from sqlmodel import Session

from audsync.store import processes
from audsync.store.breakers import Which
from audsync.store.database import Database, execute, now
from audsync.store.missing import insert_missing
from audsync.store.token_table import TOKEN

_OF_ONE = (
    TOKEN.c.tenant_id == bindparam("tenant"),
    TOKEN.c.connection == bindparam("name"),
)
_LOCKED = select(TOKEN).where(*_OF_ONE).with_for_update()
_ONE = select(TOKEN).where(*_OF_ONE)
_CHANGE = update(TOKEN).where(*_OF_ONE)
_FREE = {"renewer": None, "renewer_pid": None, "renewer_started": None, "renewing_until": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedToken:
    """What is kept of a token; seconds count from now."""

    credentials: str
    """A hash of the credentials that it was given for."""
    ciphertext: bytes = field(repr=False)
    key_id: str
    renew_in_s: float
    lasts_s: float


def look(database: Database, which: Which) -> SealedToken | None:
    """What is kept for a connection; None where nothing is."""
    with database.reading() as session:
        row = execute(session, _ONE, _key(which)).first()
        return None if row is None or row.ciphertext is None else _token(session, row)


def claim(
    database: Database, which: Which, *, seen: SealedToken | None, lasts_s: float
) -> str | None:
    """Take over asking for a new token.

    Args:
        database: the store.
        which: the connection.
        seen: what was found there, and is not good: anything else means that somebody was faster.
        lasts_s: by when the call has ended; should it never end, somebody else asks then.

    Returns:
        the name of this claim; None where somebody else asks, or has asked meanwhile.
    """
    with database.transaction() as session:
        row = execute(session, _LOCKED, _key(which)).first()
        if row is None:
            empty = {"tenant_id": which.tenant_id, "connection": which.connection}
            insert_missing(session, TOKEN, {**empty, "credentials": ""})
            row = execute(session, _LOCKED, _key(which)).one()
        if _is_renewed(session, row) or row.ciphertext != (seen.ciphertext if seen else None):
            return None
        name, pid = secrets.token_hex(16), os.getpid()
        change = {
            "renewer": name,
            "renewer_pid": pid,
            "renewer_started": processes.started_mark(pid),
            "renewing_until": now(session) + timedelta(seconds=lasts_s),
        }
        execute(session, _CHANGE, {**_key(which), **change})
    return name


def put(database: Database, which: Which, claimed: str, token: SealedToken) -> None:
    """Keep what the call of a claim brought, unless somebody else has asked meanwhile."""
    with database.transaction() as session:
        row = execute(session, _LOCKED, _key(which)).first()
        if row is None or row.renewer != claimed:
            return
        moment = now(session)
        change = {
            "credentials": token.credentials,
            "ciphertext": token.ciphertext,
            "key_id": token.key_id,
            "renew_at": moment + timedelta(seconds=token.renew_in_s),
            "expires_at": moment + timedelta(seconds=token.lasts_s),
            **_FREE,
        }
        execute(session, _CHANGE, {**_key(which), **change})


def leave(database: Database, which: Which, claimed: str) -> None:
    """Give a claim back: its call brought nothing."""
    with database.transaction() as session:
        row = execute(session, _LOCKED, _key(which)).first()
        if row is not None and row.renewer == claimed:
            execute(session, _CHANGE, {**_key(which), **_FREE})


def sealed(session: Session) -> list[Row[Any]]:
    """Every row that holds a token, of all tenants, locked."""
    statement = select(TOKEN).where(TOKEN.c.ciphertext.is_not(None)).with_for_update()
    return list(execute(session, statement, {}).all())


def reseal(session: Session, which: Which, *, ciphertext: bytes, key_id: str) -> None:
    """The same token under another key."""
    change = {"ciphertext": ciphertext, "key_id": key_id}
    execute(session, _CHANGE, {**_key(which), **change})


def forget(session: Session, which: Which) -> None:
    """Drop what is kept for a connection, in the caller's transaction."""
    execute(session, delete(TOKEN).where(*_OF_ONE), _key(which))


def _key(which: Which) -> dict[str, Any]:
    return {"tenant": which.tenant_id, "name": which.connection}


def _token(session: Session, row: Row[Any]) -> SealedToken:
    moment = now(session)
    return SealedToken(
        credentials=row.credentials,
        ciphertext=row.ciphertext,
        key_id=row.key_id,
        renew_in_s=(row.renew_at - moment).total_seconds(),
        lasts_s=(row.expires_at - moment).total_seconds(),
    )


def _is_renewed(session: Session, row: Row[Any]) -> bool:
    """Whether the claim on a row stands: its time is not over, its process not known to be dead."""
    if row.renewer is None or row.renewing_until <= now(session):
        return False
    return not processes.is_gone(row.renewer_pid, row.renewer_started)
