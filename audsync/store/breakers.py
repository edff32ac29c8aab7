"""Circuit breakers: after failures in a row a connection rests, for all processes.

It opens at the fifth failure and rests for a minute. Then single requests are let through, one at
a time: three that succeed close it, one that fails lets it rest again. All times are the
database's; each change is a transaction of its own that locks one row.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, select, update
from sqlmodel import Session

from audsync.domain import CircuitState
from audsync.store import tables
from audsync.store.database import Database, execute, now
from audsync.store.missing import insert_missing

FAILURES = 5
"""In a row, that open it."""
REST_S = 60.0
PROBES = 3
"""Successes in a row that close it."""
HOUR = timedelta(hours=1)

_BREAKER = tables.METADATA.tables["breaker"]
_OF_ONE = (
    _BREAKER.c.tenant_id == bindparam("tenant"),
    _BREAKER.c.connection == bindparam("name"),
)
_ONE = select(_BREAKER).where(*_OF_ONE)
_LOCKED = _ONE.with_for_update()
_CHANGE = update(_BREAKER).where(*_OF_ONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """The connection that a breaker belongs to."""

    tenant_id: int
    connection: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """A breaker at one moment."""

    state: CircuitState = CircuitState.CLOSED
    failures: int = 0
    recovery_at: datetime | None = None
    """From when single requests try the connection; None while it is closed."""
    openings: int = 0
    """So often it opened in the last hour."""


def look(session: Session, which: Which) -> Circuit:
    """The breaker as it is now."""
    row = execute(session, _ONE, _key(which)).first()
    return Circuit() if row is None else _circuit(row, now(session))


def listed(session: Session, tenant_id: int) -> dict[str, Circuit]:
    """The breakers of all connections that ever failed, by name."""
    statement = select(_BREAKER).where(_BREAKER.c.tenant_id == bindparam("tenant"))
    rows = execute(session, statement, {"tenant": tenant_id}).all()
    moment = now(session)
    return {row.connection: _circuit(row, moment) for row in sorted(rows, key=_name)}


def take_probe(database: Database, which: Which, *, lasts_s: float) -> Circuit | None:
    """Take the one request that a half-open breaker lets through, if nobody has it.

    Args:
        database: the store.
        which: the connection.
        lasts_s: by when it has ended; should it never end, another one is let through then.

    Returns:
        None once it is taken; else the breaker as it is: half-open while somebody has it.
    """
    with database.transaction() as session:
        row, moment = _locked(session, which), now(session)
        circuit = _circuit(row, moment)
        is_free = row.probed_until is None or row.probed_until <= moment
        if circuit.state is not CircuitState.HALF_OPEN or not is_free:
            return circuit
        ends_at = moment + timedelta(seconds=lasts_s)
        execute(session, _CHANGE, {**_key(which), "probed_until": ends_at})
    return None


def leave_probe(database: Database, which: Which) -> None:
    """Give the single request back: how it ended says nothing of the connection."""
    with database.transaction() as session:
        _locked(session, which)
        execute(session, _CHANGE, {**_key(which), "probed_until": None})


def note_failure(database: Database, which: Which) -> Circuit:
    """Count a failure, and let the connection rest where that is one too many.

    Returns:
        the breaker afterwards.
    """
    with database.transaction() as session:
        row, moment = _locked(session, which), now(session)
        failures = row.failures + 1
        is_closed = row.recovery_at is None
        change: dict[str, Any] = {"failures": failures}
        if not is_closed or failures >= FAILURES:
            change["recovery_at"] = moment + timedelta(seconds=REST_S)
            change["successes"], change["probed_until"] = 0, None
        if "recovery_at" in change and (is_closed or row.recovery_at <= moment):
            change["openings"] = [*_recent(row, moment), moment.isoformat()]
        execute(session, _CHANGE, {**_key(which), **change})
        return _circuit(_locked(session, which), moment)


def note_success(database: Database, which: Which, *, is_probe: bool) -> None:
    """Count a success: it ends a row of failures, or closes the breaker with others of its kind.

    Args:
        database: the store.
        which: the connection.
        is_probe: whether it was let through to find out; of an open breaker it makes a half-open
            one. A request that was under way as the breaker opened proves nothing.
    """
    with database.transaction() as session:
        row, moment = _locked(session, which), now(session)
        is_closed = row.recovery_at is None
        if not is_closed and not is_probe:
            return
        successes = row.successes + 1
        change: dict[str, Any] = {
            "successes": successes,
            "probed_until": None,
            "recovery_at": moment,
        }
        if is_closed or successes >= PROBES:
            change = {**change, "failures": 0, "successes": 0, "recovery_at": None}
        execute(session, _CHANGE, {**_key(which), **change})


def _key(which: Which) -> dict[str, Any]:
    return {"tenant": which.tenant_id, "name": which.connection}


def _name(row: Row[Any]) -> str:
    name: str = row.connection
    return name


def _locked(session: Session, which: Which) -> Row[Any]:
    """The connection's row, made at its first failure."""
    row = execute(session, _LOCKED, _key(which)).first()
    if row is None:
        empty = {"failures": 0, "successes": 0, "openings": []}
        values = {"tenant_id": which.tenant_id, "connection": which.connection, **empty}
        insert_missing(session, tables.Breaker, values)
        row = execute(session, _LOCKED, _key(which)).one()
    return row


def _circuit(row: Row[Any], moment: datetime) -> Circuit:
    state = CircuitState.CLOSED
    if row.recovery_at is not None:
        is_resting = row.recovery_at > moment
        state = CircuitState.OPEN if is_resting else CircuitState.HALF_OPEN
    return Circuit(
        state=state,
        failures=row.failures,
        recovery_at=row.recovery_at,
        openings=len(_recent(row, moment)),
    )


def _recent(row: Row[Any], moment: datetime) -> list[str]:
    """The openings of the last hour."""
    return [one for one in row.openings if moment - datetime.fromisoformat(one) < HOUR]
