"""The table of access tokens: rows as plain columns, written past the records."""

from sqlalchemy import Column, Integer, LargeBinary, String, Table

from audsync.store.columns import UtcDateTime
from audsync.store.tables import METADATA

TOKEN = Table(
    "access_token",
    METADATA,
    Column("tenant_id", Integer, primary_key=True, autoincrement=False),
    Column("connection", String, primary_key=True),
    Column("credentials", String(64), nullable=False, default=""),
    Column("ciphertext", LargeBinary),
    Column("key_id", String),
    Column("renew_at", UtcDateTime),
    Column("expires_at", UtcDateTime),
    Column("renewer", String),
    Column("renewer_pid", Integer),
    Column("renewer_started", String),
    Column("renewing_until", UtcDateTime),
)
"""One row a connection. `credentials` is a hash of those that the token was given for; `renewer`
names the one call that asks for a new token, until it has ended or its time is over."""
