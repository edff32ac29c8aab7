"""Records of connections, on both databases."""

from datetime import UTC, datetime, timedelta

import pytest

from audsync.domain import ConnectionStatus, Platform
from audsync.errors import StoreError
from audsync.store import connections
from audsync.store.connections import Finding
from audsync.store.database import Database
from audsync.store.tables import Connection

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


def make(name: str, tenant: int = 1, ciphertext: bytes | None = b"\x01sealed") -> Connection:
    return Connection(
        tenant_id=tenant,
        name=name,
        platform=Platform.META,
        account="act_1",
        base_url="https://x",
        credentials_ciphertext=ciphertext,
        key_id="0123456789abcdef" if ciphertext else None,
        options={"retention_days": 3},
        created_at=NOW,
        updated_at=NOW,
    )


def save(database: Database, *made: Connection) -> None:
    with database.transaction() as session:
        for one in made:
            connections.save(session, one, now=NOW)


def test_a_record_comes_back_as_it_was(database: Database) -> None:
    save(database, make("a"))
    with database.reading() as session:
        found = connections.by_name(session, 1, "a")
    assert found is not None
    assert found.credentials_ciphertext == b"\x01sealed"
    assert (found.base_url, found.options, found.status) == (
        "https://x",
        {"retention_days": 3},
        ConnectionStatus.UNTESTED,
    )
    assert "sealed" not in repr(found)


def test_tenants_do_not_see_each_other(database: Database) -> None:
    save(database, make("b"), make("a"), make("a", tenant=2))
    with database.reading() as session:
        assert [one.name for one in connections.listed(session, 1)] == ["a", "b"]
        assert [one.tenant_id for one in connections.listed(session, 2)] == [2]
        assert connections.by_name(session, 2, "b") is None


def test_a_name_is_taken_once_a_tenant(database: Database) -> None:
    save(database, make("a"))
    with pytest.raises(StoreError, match="Another process changed the same thing"):
        save(database, make("a"))


def test_sealed_records_of_all_tenants_are_found(database: Database) -> None:
    save(database, make("b"), make("c", tenant=2), make("note", ciphertext=None))
    with database.transaction() as session:
        found = connections.sealed(session, for_update=True)
        assert [(one.tenant_id, one.name) for one in found] == [(1, "b"), (2, "c")]


def test_a_test_that_passed_says_until_when(database: Database) -> None:
    save(database, make("a"))
    with database.transaction() as session:
        record = connections.by_name(session, 1, "a", for_update=True)
        assert record is not None
        good = Finding(status=ConnectionStatus.OK, expires_at=LATER)
        connections.note(session, record, good, now=NOW)
        assert (record.status, record.expires_at, record.tested_at) == ("ok", LATER, NOW)
        bad = Finding(status=ConnectionStatus.ERROR, error={"code": "X"}, is_test=False)
        connections.note(session, record, bad, now=LATER)
        # What a job met says nothing of the token's end, and is no test.
        assert (record.status, record.expires_at, record.tested_at) == ("error", LATER, NOW)


def test_a_note_on_a_connection_of_the_file_needs_no_credentials(database: Database) -> None:
    for _ in range(2):
        with database.transaction() as session:
            made = connections.ensure(
                session, 1, "f", platform=Platform.TIKTOK, account="7", now=NOW
            )
            assert made.credentials_ciphertext is None
    with database.reading() as session:
        assert len(connections.listed(session, 1)) == 1
        assert connections.sealed(session) == []


def test_a_removed_record_is_gone(database: Database) -> None:
    save(database, make("a"))
    with database.transaction() as session:
        record = connections.by_name(session, 1, "a")
        assert record is not None
        connections.remove(session, record)
    with database.reading() as session:
        assert connections.listed(session, 1) == []
