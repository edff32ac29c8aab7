"""Credentials that end soon: what to say of them, from some days before."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from audsync.store import connections
from audsync.store.tables import Connection, PlatformAudience

if TYPE_CHECKING:
    from sqlmodel import Session

CODE = "CREDENTIALS_EXPIRING"


def ends_soon(expires_at: datetime | None, now: datetime, *, left: timedelta) -> bool:
    """Whether a person should put new credentials in their place now: less than `left` is left."""
    return expires_at is not None and expires_at - now < left


def warnings_for(
    session: "Session", audience: PlatformAudience, now: datetime, *, left: timedelta
) -> list[dict[str, str]]:
    """The warning of an audience whose connection's credentials end soon, if they do.

    It knows what the last test of the connection told; where nobody tested it, nothing.
    """
    record = connections.by_name(session, audience.tenant_id, audience.connection)
    if record is None or not ends_soon(record.expires_at, now, left=left):
        return []
    return [{"code": CODE, "message": words(record, now)}]


def words(record: Connection, now: datetime) -> str:
    """The sentence on credentials whose end is known."""
    expires_at = record.expires_at
    assert expires_at is not None, "of credentials without an end there is nothing to say"
    verb = "end" if expires_at > now else "ended"
    what = (
        f"`audsync connections rotate {record.name}` puts new ones in their place"
        if record.credentials_ciphertext is not None
        else f"put new ones where `connections.{record.name}.credentials` takes them from"
    )
    return (
        f"The credentials of connection `{record.name}` {verb} on {expires_at:%Y-%m-%d %H:%M} UTC:"
        f" {what}."
    )
