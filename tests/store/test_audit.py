"""The trail of who did what: one chain, whoever writes it, in which every change shows."""

import hashlib
import json
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Executable, delete, select, update
from sqlmodel import Session

from audsync.store import audit, chain
from audsync.store.audit import Act, Actor
from audsync.store.audit_tables import ENTRY, TAIL
from audsync.store.database import Database
from tests.databases import SetClock, fresh_url

ACTOR = Actor(user="ada", host="h1", pid=7, command=("sync", "vip-meta"))
TENANT = 1


def did(
    database: Database, name: str, *, tenant_id: int = TENANT, act: Act = Act.JOB_BEGUN
) -> None:
    with database.transaction() as session:
        audit.note(session, tenant_id, act, {"audience": name}, {"operation": "update"})


def verdict(database: Database, *, asked: str = "", tenant_id: int = TENANT) -> chain.Verdict:
    with database.reading() as session:
        links = audit.entries(session, tenant_id)
        end = audit.tail(session, tenant_id)
        return chain.verify(links, end, tenant_id=tenant_id, asked=asked)


def bodies(database: Database) -> list[dict[str, object]]:
    with database.reading() as session:
        return [json.loads(link.body) for link in audit.entries(session, TENANT)]


def tamper(database: Database, statement: Executable) -> None:
    with database.transaction() as session:
        session.execute(statement)


def test_an_entry_says_who_did_what_when_and_follows_the_one_before(
    kind: str, tmp_path: Path, clock: SetClock
) -> None:
    with fresh_url(kind, tmp_path) as url:
        database = Database(url, clock=clock, actor=ACTOR)
        did(database, "a")
        did(database, "b")
        first, second = bodies(database)
        with database.reading() as session:
            links = list(audit.entries(session, TENANT))
        database.dispose()
    assert first["actor"] == ACTOR.as_json()
    assert (first["act"], first["subject"]) == ("job.begun", {"audience": "a"})
    assert first["previous"] == chain.BEGINNING
    assert second["previous"] == links[0].hash
    # What docs/audit.md tells whoever wants to check an export without audsync.
    written = json.dumps(second, sort_keys=True, separators=(",", ":")).encode()
    assert hashlib.sha256(written).hexdigest() == links[1].hash


def test_a_trail_that_nobody_touched_is_in_order_and_an_empty_one_too(database: Database) -> None:
    assert verdict(database).problem is None
    for number in range(1, 4):
        did(database, f"a{number}")
    found = verdict(database)
    assert (found.count, found.problem) == (3, None)


def test_what_is_undone_leaves_no_entry(database: Database) -> None:
    def fail(session: Session) -> None:
        audit.note(session, TENANT, Act.JOB_BEGUN, {"audience": "a"})
        raise ValueError

    with pytest.raises(ValueError), database.transaction() as session:  # noqa: PT011 - our own
        fail(session)
    assert bodies(database) == []


@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_changed_entry_shows(database: Database, number: int) -> None:
    for name in "abcde":
        did(database, name)
    row = (ENTRY.c.tenant_id == TENANT) & (ENTRY.c.number == number)
    with database.reading() as session:
        body = session.execute(select(ENTRY.c.body).where(row)).scalar_one()
    tamper(database, update(ENTRY).where(row).values(body=body.replace("update", "delete")))
    found = verdict(database)
    assert found.bad_number == number
    assert found.problem == f"Entry {number} was changed after it was written."


def test_a_changed_entry_with_a_new_hash_shows_at_the_next_one(database: Database) -> None:
    for name in "abcde":
        did(database, name)
    with database.reading() as session:
        links = list(audit.entries(session, TENANT))
    body = links[2].body.replace("update", "delete")
    forged = {"body": body, "hash": hashlib.sha256(body.encode()).hexdigest()}
    tamper(database, update(ENTRY).where(ENTRY.c.number == 3).values(forged))
    assert verdict(database).problem == "Entry 4 does not follow entry 3: one of them was replaced."
    # The last one has no next one; the row beside the entries shows it.
    tamper(database, update(ENTRY).where(ENTRY.c.number == 3).values(body=links[2].body))
    tamper(database, update(ENTRY).where(ENTRY.c.number == 3).values(hash=links[2].hash))
    body = links[4].body.replace("update", "delete")
    forged = {"body": body, "hash": hashlib.sha256(body.encode()).hexdigest()}
    tamper(database, update(ENTRY).where(ENTRY.c.number == 5).values(forged))
    assert verdict(database).problem is not None


def test_a_time_that_is_changed_in_its_own_column_shows(database: Database) -> None:
    did(database, "a")
    tamper(database, update(ENTRY).values(at="2020-01-01T00:00:00.000000+00:00"))
    assert verdict(database).bad_number == 1


@pytest.mark.parametrize("number", [1, 3])
def test_a_removed_entry_shows(database: Database, number: int) -> None:
    for name in "abcde":
        did(database, name)
    tamper(database, delete(ENTRY).where(ENTRY.c.number == number))
    found = verdict(database)
    assert found.bad_number == number
    assert found.problem == f"Entry {number} is missing: the next one there is {number + 1}."


def test_a_cut_end_shows(database: Database) -> None:
    for name in "abcde":
        did(database, name)
    tamper(database, delete(ENTRY).where(ENTRY.c.number > 3))
    found = verdict(database)
    assert found.bad_number == 4
    assert found.problem == "The end is cut off: there were 5 entries, and 3 are left."


def test_an_entry_of_another_tenant_does_not_pass_as_ones_own(database: Database) -> None:
    did(database, "a")
    did(database, "b", tenant_id=2)
    assert verdict(database, tenant_id=2).problem is None
    tamper(database, delete(ENTRY).where(ENTRY.c.tenant_id == TENANT))
    tamper(database, update(ENTRY).values(tenant_id=TENANT))
    assert verdict(database).bad_number == 1


def test_who_rewrites_the_whole_trail_is_found_by_a_hash_noted_elsewhere(
    database: Database,
) -> None:
    did(database, "a")
    did(database, "b")
    noted = verdict(database).head
    did(database, "c")
    assert verdict(database, asked=noted).found == {noted}
    tamper(database, delete(ENTRY))
    tamper(database, delete(TAIL))
    for name in "xyz":
        did(database, name)
    found = verdict(database, asked=noted)
    assert (found.problem, found.found) == (None, frozenset())


def test_many_writers_at_once_keep_one_chain(kind: str, tmp_path: Path, clock: SetClock) -> None:
    writers, each = 6, 10
    with fresh_url(kind, tmp_path) as url:
        databases = [Database(url, clock=clock) for _ in range(writers)]
        begin = threading.Barrier(writers)

        def write(database: Database) -> None:
            begin.wait()
            for number in range(each):
                did(database, f"a{number}", tenant_id=1 + number % 2)

        threads = [threading.Thread(target=write, args=(one,)) for one in databases]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = [verdict(databases[0], tenant_id=tenant) for tenant in (1, 2)]
        for database in databases:
            database.dispose()
    assert [(one.count, one.problem) for one in found] == [(writers * each // 2, None)] * 2


def test_the_latest_come_first_and_since_a_moment(database: Database, clock: SetClock) -> None:
    for name in "abc":
        did(database, name)
        clock.advance(3600)
    with database.reading() as session:
        assert [one.number for one in audit.latest(session, TENANT, limit=2)] == [3, 2]
        now = database.now(session)
        since = audit.latest(session, TENANT, since=now - timedelta(hours=24), limit=9)
        assert [one.number for one in since] == [3, 2, 1]
        assert not audit.latest(session, TENANT, since=now + timedelta(hours=1), limit=9)
