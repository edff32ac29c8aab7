"""The two tables of the audit trail: only rows as plain columns are ever wanted of them."""

from sqlalchemy import Column, Integer, String, Table, Text

from audsync.store.tables import METADATA

ENTRY = Table(
    "audit_entry",
    METADATA,
    Column("tenant_id", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    # Text, since it is part of what is hashed: a database may give back a time in another form.
    Column("at", String(32), nullable=False),
    Column("body", Text, nullable=False),
    Column("hash", String(64), nullable=False),
)

TAIL = Table(
    "audit_tail",
    METADATA,
    Column("tenant_id", Integer, primary_key=True, autoincrement=False),
    Column("entries", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
)
"""How many entries a trail has and what the last one's hash is; whoever appends locks it."""
