"""What is noted in the audit trail of changes that several commands make."""

from typing import TYPE_CHECKING, Any

from audsync.services.wiring.runtime import Runtime
from audsync.store import audit
from audsync.store.audit import Act
from audsync.store.tables import PlatformAudience

if TYPE_CHECKING:
    from sqlmodel import Session


def record(runtime: Runtime, act: Act, subject: dict[str, str], details: dict[str, Any]) -> None:
    """Write an entry of something that changes nothing in the store.

    Raises:
        StoreError: it could not be written; then it must not be done.
    """
    with runtime.database.transaction() as session:
        audit.note(session, runtime.config.tenant, act, subject, details)


def rescheduled(
    session: "Session",
    audience: PlatformAudience,
    *,
    every_hours: int | None,
    auto_sync: bool | None,
) -> None:
    """Note that an audience is synced more or less often, or by itself or not."""
    subject = {"audience": audience.slug}
    if every_hours is not None:
        told = {"every_hours": every_hours}
        audit.note(session, audience.tenant_id, Act.AUDIENCE_CHANGED, subject, told)
    if auto_sync is not None:
        act = Act.AUDIENCE_RESUMED if auto_sync else Act.AUDIENCE_PAUSED
        audit.note(session, audience.tenant_id, act, subject)


def retired(session: "Session", audience: PlatformAudience, *, keep_remote: bool) -> None:
    """Note that an audience is let go of, on the platform or only here."""
    act = Act.AUDIENCE_UNLINKED if keep_remote else Act.AUDIENCE_DELETED
    told = {"platform_audience_id": audience.platform_audience_id}
    audit.note(session, audience.tenant_id, act, {"audience": audience.slug}, told)
