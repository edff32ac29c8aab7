"""`resume --connection`: the audiences that dead credentials stopped, once these work again."""

from typing import Any

from audsync.domain import AudienceState
from audsync.errors import AttentionError, ConnectionUnknownError
from audsync.services import overview
from audsync.services.connections.connection_health import probe_known
from audsync.services.nearest import nearest
from audsync.services.watch import outbox
from audsync.services.wiring.runtime import Runtime
from audsync.store import audiences, audit, jobs
from audsync.store.audit import Act
from audsync.store.tables import PlatformAudience

_STOPPING = frozenset(kind.code for kind in AttentionError.__subclasses__())


def resume_all(runtime: Runtime, connection: str) -> list[dict[str, Any]]:
    """Let every audience be synced by itself again that stopped because of this connection.

    Those that a person paused, or made without auto-sync, stay as they are. What is resumed is due
    at once.

    Returns:
        the audiences that were resumed, as `status` shows them.

    Raises:
        ConnectionUnknownError: there is no such connection.
        AudsyncError: it does not work yet; nothing is resumed.
    """
    known = runtime.connections()
    if connection not in known:
        raise ConnectionUnknownError(
            f"There is no connection `{connection}`{nearest(connection, known)}: `audsync"
            " connections` lists them.",
            details={"connection": connection},
        )
    tested = probe_known(runtime, connection)
    outbox.deliver(runtime)
    if tested.error is not None:
        raise tested.error
    with runtime.database.transaction() as session:
        now = runtime.database.now(session)
        resumed = []
        for audience in audiences.of_connection(session, runtime.config.tenant, connection):
            latest = jobs.recent(session, audience.tenant_id, audience_id=audience.id, limit=1)
            error = latest[0].error if latest else None
            if _is_stopped(audience) and error is not None and error["code"] in _STOPPING:
                audience.auto_sync = True
                audience.next_sync_at = now
                audiences.save(session, audience, now=now)
                subject = {"audience": audience.slug, "connection": connection}
                audit.note(session, audience.tenant_id, Act.AUDIENCE_RESUMED, subject)
                resumed.append(audience)
    with runtime.database.reading() as session:
        return [overview.describe(runtime, session, audience) for audience in resumed]


def _is_stopped(audience: PlatformAudience) -> bool:
    return not audience.auto_sync and audience.state is not AudienceState.STALE
