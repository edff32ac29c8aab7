"""How a connection is found, by a test of it or by a job, and what is kept of that."""

import logging
from collections.abc import Callable
from contextlib import closing
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from audsync.config.model import ConnectionConfig, Credentials
from audsync.domain import ConnectionStatus
from audsync.errors import (
    AttentionError,
    AudsyncError,
    OutcomeUnknownError,
    TransientError,
)
from audsync.services.connections.prolonging import prolong_saved
from audsync.services.watch.notices import Desk, note_connection
from audsync.services.wiring.runtime import Runtime
from audsync.store import audiences, connections
from audsync.store.connections import Finding
from audsync.store.tables import PlatformAudience

if TYPE_CHECKING:
    from sqlmodel import Session

RETEST_AFTER = timedelta(days=1)
PATIENCE_S = 10.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """What came of a test: `error`, or the end of the credentials, None where there is none."""

    error: AudsyncError | None = None
    expires_at: datetime | None = None

    @property
    def finding(self) -> Finding | None:
        """What to note; None where the platform could not say, so that nothing was found out."""
        if isinstance(self.error, TransientError | OutcomeUnknownError):
            return None
        return _finding(self.error, expires_at=self.expires_at, is_test=True)


def probe(runtime: Runtime, settings: ConnectionConfig, credentials: Credentials) -> Tested:
    """Ask the platform whether account, credentials, rights and terms are in order."""
    try:
        with closing(runtime.open(settings, credentials)) as connector:
            return Tested(expires_at=connector.check_access())
    except AudsyncError as error:
        return Tested(error=error)


def probe_known(runtime: Runtime, name: str) -> Tested:
    """The same of a connection with the credentials it has, noting what was found.

    Raises:
        AudsyncError: it is unknown, or its saved credentials cannot be opened: then nobody asked.
    """
    with closing(runtime.connect(name, asks_anew=True)) as connector:
        try:
            tested = Tested(expires_at=connector.check_access())
        except AudsyncError as error:
            tested = Tested(error=error)
    if tested.finding is not None:
        settings = runtime.connection(name)
        with runtime.database.transaction() as session:
            now = runtime.database.now(session)
            record = connections.ensure(
                session,
                runtime.config.tenant,
                name,
                platform=settings.platform,
                account=settings.account,
                now=now,
            )
            connections.note(session, record, tested.finding, now=now)
        prolong_saved(runtime, name)
        with runtime.database.transaction() as session:
            now = runtime.database.now(session)
            found = connections.by_name(session, runtime.config.tenant, name)
            if found is not None:
                note_connection(Desk.of(runtime.config, session, now), found)
    return tested


def retest(runtime: Runtime, *, may_go_on: Callable[[], bool]) -> None:
    """Ask about each connection that audiences need and that nobody asked about for a day.

    So a token's end is known in time, and a connection of the file is watched like a saved one.
    What cannot be asked is left to the next run; nothing fails because of it.
    """
    with runtime.database.reading() as session:
        now = runtime.database.now(session)
        tenant = runtime.config.tenant
        asked_at = {one.name: one.tested_at for one in connections.listed(session, tenant)}
        needed = {one.connection for one in audiences.listed(session, tenant) if one.is_active}
    quick = impatient(runtime)
    for name in sorted(needed):
        last = asked_at.get(name)
        if (last is not None and now - last < RETEST_AFTER) or not may_go_on():
            continue
        try:
            probe_known(quick, name)
        except AudsyncError as error:
            _log.info("connection %s was not tested: %s", name, error.code)


def impatient(runtime: Runtime) -> Runtime:
    """The same program, which gives up on a silent platform soon and tries nothing twice."""
    limits = runtime.config.limits
    changes = {"max_wait": 0.0, "request_timeout": min(limits.request_timeout, PATIENCE_S)}
    quick = copy(runtime)
    quick.config = runtime.config.model_copy(update={"limits": limits.model_copy(update=changes)})
    return quick


def note_job(
    session: "Session", audience: PlatformAudience, error: AudsyncError | None, *, now: datetime
) -> None:
    """Note on the audience's connection what a job met, in the caller's transaction."""
    name, tenant_id = audience.connection, audience.tenant_id
    if isinstance(error, AttentionError):
        record = connections.ensure(
            session,
            tenant_id,
            name,
            platform=audience.platform,
            account=audience.ad_account_id,
            now=now,
        )
        connections.note(session, record, _finding(error), now=now)
    elif error is None:
        known = connections.by_name(session, tenant_id, name)
        if known is not None and known.status is ConnectionStatus.ERROR:
            connections.note(session, known, _finding(None), now=now)


def _finding(
    error: AudsyncError | None, *, expires_at: datetime | None = None, is_test: bool = False
) -> Finding:
    if error is None:
        return Finding(status=ConnectionStatus.OK, expires_at=expires_at, is_test=is_test)
    told = {"code": error.code, "message": error.message}
    return Finding(status=ConnectionStatus.ERROR, error=told, is_test=is_test)
