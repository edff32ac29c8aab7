import gc
import stat
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import select

from audsync import steps
from audsync.errors import ConfigError, StoreError
from audsync.store import settings
from audsync.store.database import RECONNECT_S, Database
from audsync.store.tables import PlatformAudience, Setting
from tests.databases import SetClock, add_audience, fresh_url
from tests.postgres import own_server

_COUNT_UP = """
import sys
from audsync.clock import SystemClock
from audsync.store.database import Database
from audsync.store.tables import Setting
database = Database(sys.argv[1], clock=SystemClock())
for _ in range(int(sys.argv[2])):
    with database.transaction() as session:
        row = session.get(Setting, "count", with_for_update=True)
        row.value = str(int(row.value) + 1)
"""
_WRITE_AND_DIE = """
import sys
from audsync import steps
from audsync.clock import SystemClock
from audsync.store.database import Database
from audsync.store.tables import Setting
steps.listen_from_environment()
database = Database(sys.argv[1], clock=SystemClock())
with database.transaction() as session:
    session.add(Setting(key="written", value="yes"))
"""


def _written(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.exec(select(Setting.key)).all())


def _url(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


def _write_while(accident: Callable[[], None], database: Database) -> None:
    with database.transaction() as session:
        session.execute(text("INSERT INTO kept VALUES (2)"))
        accident()


def test_a_database_that_nobody_holds_closes_its_connections(
    kind: str, tmp_path: Path, clock: SetClock
) -> None:
    with fresh_url(kind, tmp_path) as url:
        made = Database(url, clock=clock)
        with made.transaction() as session:
            session.add(Setting(key="written", value="yes"))
        pool = weakref.ref(made.engine.pool)
        del made, session
        gc.collect()
        assert pool() is None


def test_times_come_back_in_utc_whatever_zone_they_went_in_with(database: Database) -> None:
    in_kathmandu = datetime(2026, 3, 1, 5, 45, 0, 123456, timezone(timedelta(hours=5, minutes=45)))
    audience = add_audience(database, next_sync_at=in_kathmandu)
    with database.reading() as session:
        row = session.get_one(PlatformAudience, audience.id)
    assert row.next_sync_at == in_kathmandu
    assert row.next_sync_at.tzinfo is UTC


def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(Exception, match="without a zone"):
        add_audience(database, next_sync_at=datetime(2026, 3, 1, tzinfo=UTC).replace(tzinfo=None))


def test_the_block_is_undone_when_it_raises(database: Database) -> None:
    def write_and_fail() -> None:
        with database.transaction() as session:
            session.add(Setting(key="a", value="b"))
            session.flush()
            raise KeyError

    with pytest.raises(KeyError):
        write_and_fail()
    assert _written(database) == []


def test_what_a_reader_changes_is_forgotten(database: Database) -> None:
    with database.reading() as session:
        session.add(Setting(key="a", value="b"))
        session.exec(select(Setting)).all()
    assert _written(database) == []


def test_how_long_a_transaction_lasts_is_known(database: Database, clock: SetClock) -> None:
    assert database.longest_use_s() == 0
    with database.transaction():
        clock.advance(5)
        with database.reading():
            clock.advance(2)
            assert database.longest_use_s() == 7
    assert database.longest_use_s() == 0


def test_a_commit_lies_between_two_steps(database: Database) -> None:
    seen: list[tuple[str, list[str]]] = []
    steps.listen(lambda step: seen.append((step, _written(database))))
    try:
        with database.transaction() as session:
            session.add(Setting(key="a", value="b"))
    finally:
        steps.listen(None)
    assert seen == [("store: before commit", []), ("store: after commit", ["a"])]


def test_a_setting_is_made_once(database: Database) -> None:
    values: list[str] = []

    def ask(mine: str) -> None:
        with database.transaction() as session:
            values.append(settings.get_or_create(session, "salt", lambda: mine))

    threads = [threading.Thread(target=ask, args=(f"value {n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(values) == 8
    assert len(set(values)) == 1


def test_writers_in_threads_and_processes_wait_for_each_other(database: Database) -> None:
    with database.transaction() as session:
        session.add(Setting(key="count", value="0"))
    arguments = [sys.executable, "-c", _COUNT_UP, _url(database)]
    others = [
        subprocess.Popen([*arguments, "40"], stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]

    def count_up() -> None:
        for _ in range(20):
            with database.transaction() as session:
                row = session.get_one(Setting, "count", with_for_update=True)
                row.value = str(int(row.value) + 1)

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [other.communicate()[1] for other in others] == ["", ""]
    with database.reading() as session:
        assert session.get_one(Setting, "count").value == str(2 * 40 + 4 * 20)


@pytest.mark.parametrize(("step", "expected"), [("1", []), ("2", ["written"])])
def test_a_killed_writer_leaves_all_or_nothing_and_no_lock(
    database: Database, step: str, expected: list[str]
) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", _WRITE_AND_DIE, _url(database)],
        env={"AUDSYNC_CRASH_AT": step},
        check=False,
    )
    assert killed.returncode == -9
    assert _written(database) == expected
    with database.transaction() as session:
        session.add(Setting(key="after", value=""))


def test_a_busy_store_says_what_to_do(tmp_path: Path, clock: SetClock) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}?timeout=0.01"
    holder, waiter = Database(url, clock=clock), Database(url, clock=clock)
    with holder.transaction() as session:
        session.execute(text("CREATE TABLE held (a)"))
        with (
            pytest.raises(StoreError, match=r"keeps it locked: end or resume") as caught,
            waiter.transaction() as other,
        ):
            other.execute(text("CREATE TABLE wanted (a)"))
    holder.dispose()
    waiter.dispose()
    assert str(tmp_path / "a.db") in caught.value.message


def test_values_never_reach_a_message(database: Database) -> None:
    statement = text("INSERT INTO setting (key, value) VALUES (:key, 'somebody@example')")
    twice = [{"key": "somebody-else@example"}] * 2
    with pytest.raises(StoreError) as caught, database.transaction() as session:
        session.execute(statement, twice)
    assert "example" not in caught.value.message
    assert "example" not in str(caught.value.details)
    assert "run the command again" in caught.value.message


def test_a_failing_query_says_which_store(database: Database) -> None:
    with pytest.raises(StoreError, match="audsync doctor"), database.reading() as session:
        session.execute(text("SELECT secret FROM nowhere"))


def test_the_file_and_its_folder_are_its_owner_s_alone(tmp_path: Path, clock: SetClock) -> None:
    file = tmp_path / "made" / "audsync.db"
    database = Database(f"sqlite:///{file}", clock=clock)
    assert not file.parent.exists()
    with database.reading() as session:
        session.execute(text("SELECT 1"))
    database.dispose()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_folder_that_may_not_be_made_is_an_error(tmp_path: Path, clock: SetClock) -> None:
    url = f"sqlite:///{tmp_path / 'missing' / 'audsync.db'}"
    database = Database(url, clock=clock, create_folder=False)
    with pytest.raises(StoreError, match=r"cannot be made"), database.reading() as session:
        session.execute(text("SELECT 1"))
    assert not (tmp_path / "missing").exists()


def test_a_commit_on_sqlite_outlives_a_power_cut(tmp_path: Path, clock: SetClock) -> None:
    database = Database(f"sqlite:///{tmp_path / 'a.db'}", clock=clock)
    with database.reading() as session:
        pragmas = [
            session.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    database.dispose()
    assert pragmas == ["delete", 3, 1, 30_000]


@pytest.mark.parametrize(
    "url",
    ["", "sqlite://", "sqlite:///:memory:", "mysql://root:hush@db/x", "what:hush", "sqlite+x:///a"],
)
def test_an_address_it_does_not_speak_is_a_config_error(url: str, clock: SetClock) -> None:
    with pytest.raises(ConfigError, match=r"`store\.url`") as caught:
        Database(url, clock=clock)
    assert "hush" not in str(caught.value)


def test_the_password_never_reaches_a_message(tmp_path: Path, clock: SetClock) -> None:
    database = Database(f"postgresql://someone:hush@/x?host={tmp_path}", clock=clock)
    with (
        pytest.raises(StoreError, match="Check that the server runs") as caught,
        database.reading() as session,
    ):
        database.now(session)
    database.dispose()
    assert "hush" not in caught.value.message
    assert "someone:***@" in caught.value.message


def test_leases_go_by_the_server_s_clock_on_postgresql(database: Database, clock: SetClock) -> None:
    with database.reading() as session:
        moment = database.now(session)
    assert moment.tzinfo is UTC
    assert (moment == clock.now()) == (database.dialect == "sqlite")


def test_a_postgresql_that_is_killed_and_comes_back_is_waited_for(clock: SetClock) -> None:
    server = own_server()
    database = Database(server.url("postgres"), clock=clock)
    try:
        with database.transaction() as session:
            session.execute(text("CREATE TABLE kept (a int)"))
            session.execute(text("INSERT INTO kept VALUES (1)"))
        with pytest.raises(StoreError):
            _write_while(server.kill9, database)
        waits: list[datetime] = []

        def come_back_at_the_third_wait() -> None:
            waits.append(clock.now())
            if len(waits) == 3:
                server.start()

        clock.on_sleep = come_back_at_the_third_wait
        with database.reading() as session:
            assert session.execute(text("SELECT a FROM kept")).scalars().all() == [1]
        assert len(waits) == 3
        clock.on_sleep = lambda: None
        server.kill9()
        gave_up_from = clock.now()
        with (
            pytest.raises(StoreError, match="Check that the server runs"),
            database.reading() as session,
        ):
            session.execute(text("SELECT 1"))
        assert (clock.now() - gave_up_from).total_seconds() == pytest.approx(RECONNECT_S, abs=1)
    finally:
        database.dispose()
        server.remove()
