"""Saved credentials that end are traded for ones that end later, weeks before it matters.

Where a platform has such a thing (Meta, with the app's id and secret). What fails here fails
nothing else: the old credentials are good until their end, and a person is warned before that.
"""

import logging
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

from audsync.config.entered import connection_from
from audsync.config.model import ConnectionConfig, Credentials
from audsync.domain import ConnectionStatus
from audsync.errors import AudsyncError
from audsync.services.wiring import known_connections
from audsync.services.wiring.runtime import Runtime
from audsync.store import audit, connections
from audsync.store.audit import Act
from audsync.store.connections import Finding

BEFORE = timedelta(days=30)
"""A long-lived token of Meta lasts for sixty."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Longer:
    """Credentials of the same rights, and their end; None for never."""

    credentials: Credentials
    expires_at: datetime | None


def longer(
    runtime: Runtime,
    name: str,
    settings: ConnectionConfig,
    credentials: Credentials,
    ends_at: datetime | None,
) -> Longer | None:
    """Credentials that end later than these, tried on the platform; None where there are none.

    Args:
        runtime: the program.
        name: the connection's.
        settings: where it leads.
        credentials: those of now.
        ends_at: their end.
    """
    if ends_at is None or ends_at - runtime.clock.now() > BEFORE:
        return None
    try:
        with closing(runtime.open(settings, credentials)) as connector:
            changed = connector.prolonged()
        if changed is None:
            return None
        fresh = _with(name, settings, {**credentials.reveal(), **changed})
        with closing(runtime.open(settings, fresh)) as connector:
            until = connector.check_access()
    except AudsyncError as error:
        _log.warning("the credentials of %s could not be prolonged: %s", name, error.code)
        return None
    is_later = until is None or until > ends_at
    return Longer(credentials=fresh, expires_at=until) if is_later else None


def prolong_saved(runtime: Runtime, name: str) -> None:
    """Do so for a saved connection whose end a test has just told, and save what came of it."""
    known = runtime.connections().get(name)
    record = known.record if known is not None else None
    if known is None or record is None or known.credentials_in != known_connections.STORE:
        return
    before = record.credentials_ciphertext
    credentials = known_connections.credentials_of(record, known.settings, runtime.keys)
    found = longer(runtime, name, known.settings, credentials, record.expires_at)
    if found is None:
        return
    with runtime.database.transaction() as session:
        now, tenant = runtime.database.now(session), runtime.config.tenant
        current = connections.by_name(session, tenant, name, for_update=True)
        if current is None or current.credentials_ciphertext != before:
            return  # somebody put others in their place meanwhile
        known_connections.sealed_into(current, found.credentials, runtime.keys)
        good = Finding(status=ConnectionStatus.OK, expires_at=found.expires_at)
        connections.note(session, current, good, now=now)
        told = {"key": current.key_id}
        audit.note(session, tenant, Act.CONNECTION_PROLONGED, {"connection": name}, told)


def _with(name: str, settings: ConnectionConfig, secrets: dict[str, str]) -> Credentials:
    entered = settings.model_dump(mode="json", exclude={"credentials"}, exclude_none=True)
    credentials = connection_from(name, {**entered, "credentials": secrets}).credentials
    assert credentials is not None  # they were just given
    return credentials
