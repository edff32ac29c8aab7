"""`connections list`, `test` and `remove`: every connection of a tenant, wherever it comes from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from audsync.domain import ConnectionStatus
from audsync.errors import (
    AudsyncError,
    ConnectionUnknownError,
    OutcomeUnknownError,
    TransientError,
    UsageError,
)
from audsync.services.connections.connection_health import probe_known
from audsync.services.nearest import nearest
from audsync.services.reports import moment
from audsync.services.watch import outbox
from audsync.services.watch.expiry import ends_soon
from audsync.services.wiring.known_connections import FILE, STORE, Known
from audsync.services.wiring.runtime import Runtime
from audsync.store import access_tokens, audiences, audit, connections
from audsync.store.audit import Act
from audsync.store.breakers import Which

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """Connections that were tested, as JSON, and the exit codes of those that failed."""

    connections: list[Json]
    exit_codes: list[int]


def listed(runtime: Runtime) -> list[Json]:
    """Every connection: where it leads, where it stands, and how it was last found."""
    return [_told(runtime, known) for known in runtime.connections().values()]


def one(runtime: Runtime, name: str) -> Json:
    """The same of one connection.

    Raises:
        ConnectionUnknownError: there is none of that name.
    """
    return _told(runtime, _find(runtime, name))


def test(runtime: Runtime, names: Sequence[str]) -> Tried:
    """Ask the platforms about these connections, or about all, and note what they say.

    A connection that cannot be tested does not keep the others from it.

    Raises:
        ConnectionUnknownError: there is none of one of these names.
    """
    chosen = [_find(runtime, name).name for name in names] or list(runtime.connections())
    report = Tried(connections=[], exit_codes=[])
    for name in chosen:
        try:
            error = probe_known(runtime, name).error
        except AudsyncError as refused:
            error = refused
        told = one(runtime, name)
        if error is not None:
            told["error"] = error.as_json()
            if not isinstance(error, TransientError | OutcomeUnknownError):
                told["status"] = ConnectionStatus.ERROR.value
            report.exit_codes.append(error.exit_code)
        report.connections.append(told)
    outbox.deliver(runtime)
    return report


def needed_by(runtime: Runtime, name: str) -> list[str]:
    """Slugs of the audiences that would be left without credentials if this were removed.

    Raises:
        ConnectionUnknownError: there is none of that name.
        UsageError: nothing of it is saved.
    """
    if not _is_saved(runtime, name):
        _find(runtime, name)  # says that there is none, with the nearest name
        raise UsageError(
            f"Connection `{name}` stands in the configuration, and nothing of it is saved: take it"
            " out of the file.",
            details={"connection": name},
        )
    in_file = runtime.config.connections.get(name)
    if in_file is not None and in_file.credentials is not None:
        return []
    with runtime.database.reading() as session:
        found = audiences.of_connection(session, runtime.config.tenant, name)
    return [audience.slug for audience in found]


def remove(runtime: Runtime, name: str, *, is_sure: bool = False) -> Json:
    """Forget a saved connection, or the saved credentials of one in the file.

    Raises:
        ConnectionUnknownError: there is none of that name.
        UsageError: nothing of it is saved, or audiences need it and `is_sure` was not said.
    """
    users = needed_by(runtime, name)
    if users and not is_sure:
        raise UsageError(
            f"Connection `{name}` keeps {', '.join(users)} in step: delete or unlink these first,"
            " or say --force, and they can no longer be synced.",
            details={"connection": name, "audiences": users},
        )
    with runtime.database.transaction() as session:
        found = connections.by_name(session, runtime.config.tenant, name, for_update=True)
        if found is not None:
            connections.remove(session, found)
            access_tokens.forget(session, Which(tenant_id=found.tenant_id, connection=name))
            told = {"platform": found.platform.value, "account": found.account}
            audit.note(session, found.tenant_id, Act.CONNECTION_REMOVED, {"connection": name}, told)
    stands_in = FILE if name in runtime.config.connections else STORE
    return {"connection": name, "removed": True, "stands_in": stands_in, "audiences": users}


def _is_saved(runtime: Runtime, name: str) -> bool:
    with runtime.database.reading() as session:
        record = connections.by_name(session, runtime.config.tenant, name)
    return record is not None and record.credentials_ciphertext is not None


def _find(runtime: Runtime, name: str) -> Known:
    known = runtime.connections()
    if name not in known:
        raise ConnectionUnknownError(
            f"There is no connection `{name}`{nearest(name, known)}: `audsync connections` lists"
            " them.",
            details={"connection": name},
        )
    return known[name]


def _told(runtime: Runtime, known: Known) -> Json:
    record, settings = known.record, known.settings
    left = timedelta(seconds=runtime.config.health.credentials_left)
    return {
        "connection": known.name,
        "platform": settings.platform.value,
        "account": settings.account,
        "base_url": settings.base_url,
        "stands_in": known.stands_in,
        "credentials_in": known.credentials_in,
        "status": _status(known, runtime.clock.now(), left=left),
        "error": record.error if record else None,
        "expires_at": moment(record.expires_at) if record else None,
        "last_tested_at": moment(record.tested_at) if record else None,
        "key_id": record.key_id if record else None,
    }


def _status(known: Known, now: datetime, *, left: timedelta) -> str:
    """`no_credentials`, `untested`, `error`, `expired`, `expiring` or `ok`."""
    if known.credentials_in is None:
        return "no_credentials"
    if known.record is None:
        return ConnectionStatus.UNTESTED.value
    expires_at = known.record.expires_at
    is_ending = ends_soon(expires_at, now, left=left)
    if known.record.status is ConnectionStatus.OK and is_ending:
        return "expiring" if expires_at is not None and expires_at > now else "expired"
    return known.record.status.value
