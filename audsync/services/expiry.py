"""Credentials that end soon: what to say of them, from seven days before."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from audsync.store import connections
from audsync.store.tables import PlatformAudience

if TYPE_CHECKING:
    from sqlmodel import Session

ENDS_SOON = timedelta(days=7)
CODE = "CREDENTIALS_EXPIRING"


def ends_soon(expires_at: datetime | None, now: datetime) -> bool:
    """Whether a person should put new credentials in their place now."""
    return expires_at is not None and expires_at - now < ENDS_SOON


def warnings_for(
    session: "Session", audience: PlatformAudience, now: datetime
) -> list[dict[str, str]]:
    """The warning of an audience whose connection's credentials end soon, if they do.

    It knows what the last test of the connection told; where nobody tested it, nothing.
    """
    record = connections.by_name(session, audience.tenant_id, audience.connection)
    if record is None or record.expires_at is None or not ends_soon(record.expires_at, now):
        return []
    verb = "end" if record.expires_at > now else "ended"
    what = (
        f"`audsync connections rotate {record.name}` puts new ones in their place"
        if record.credentials_ciphertext is not None
        else f"put new ones where `connections.{record.name}.credentials` takes them from"
    )
    return [
        {
            "code": CODE,
            "message": f"The credentials of connection `{record.name}` {verb} on"
            f" {record.expires_at:%Y-%m-%d %H:%M} UTC: {what}.",
        }
    ]
