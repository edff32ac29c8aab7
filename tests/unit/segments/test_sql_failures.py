"""What a broken database, query or address comes to: a clear error, no row and no secret in it."""

import threading
import traceback
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from audsync.errors import AudsyncError, ConfigError, SourceError
from audsync.segments import sql
from audsync.segments.contract import SqlQuery
from audsync.segments.reading import read
from audsync.segments.sql_address import address_of
from audsync.segments.sql_alchemy import AlchemyConnection
from audsync.segments.sql_duckdb import DuckdbConnection
from tests.postgres import own_server
from tests.unit.segments.sql_databases import KINDS, postgres, sqlite

Ask = Callable[..., SqlQuery]
Load = Callable[..., str]
Refuse = Callable[..., AudsyncError]
DRIVERS = KINDS[2:]
PEOPLE = [{"id": "1", "email": "SECRET@example.com"}, {"id": "2", "email": "7"}]


@pytest.fixture
def refuse(ask_sql: Ask) -> Refuse:
    """The error of a query that cannot be read; proves that it leaks neither row nor password."""

    def run(url: str, select: str = "people", **changes: object) -> AudsyncError:
        with pytest.raises(AudsyncError) as caught:
            for _ in read(ask_sql(url, select, **changes)):
                pass
        shown = "".join(traceback.format_exception(caught.value)) + str(vars(caught.value))
        assert "SECRET" not in shown
        assert caught.value.__context__ is None
        return caught.value

    return run


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each way into PostgreSQL in turn."""
    if "psycopg" in request.param:
        monkeypatch.setattr(sql, "_ADBC", ("no_such_driver",))
    return str(request.param)


@pytest.mark.parametrize(
    ("select", "words"),
    [
        ("select id, email frm people", "not its SQL"),
        ("select * from nobody", "there is no table `nobody`"),
        ("select id, email, absent from people", "there is no column `absent`"),
        ("select id as person, email from people", "no column `id`, which `columns.profile_id`"),
        ("select id, email as e_mail from people", "the nearest is `e_mail`"),
    ],
)
def test_a_query_that_makes_no_sense_is_told(
    select: str, words: str, load: Load, refuse: Refuse
) -> None:
    error = refuse(load(rows=PEOPLE), select)
    assert isinstance(error, SourceError)
    assert words in error.message


@pytest.mark.parametrize("load", DRIVERS, indirect=True)
def test_a_column_that_is_there_twice_is_told(load: Load, refuse: Refuse) -> None:
    error = refuse(load(rows=PEOPLE), "select id, email, id from people")
    assert "yields more than one column `id`" in error.message


def test_a_missing_table_is_told(load: Load, refuse: Refuse) -> None:
    error = refuse(load(rows=PEOPLE), "marts.nobody", is_table=True)
    assert isinstance(error, SourceError)
    assert "nobody" in error.message


@pytest.mark.parametrize(
    ("select", "changes", "words"),
    [
        ("select 1; drop table people", {}, "has something after its semicolon"),
        ("select * from people) x; --", {}, "do not pair up"),
        ("select * from people", {"where": "1 = 1) or (2 = 2"}, "do not pair up"),
        ("select * from people", {"where": "true; select 1"}, "has a semicolon inside"),
        ("select * from people where id = 'x", {}, "do not pair up"),
        (" -- nothing\n ;", {}, "is empty"),
        ("select * from people where id = :who", {}, "names :who, and `vars` has no value"),
        ("select * from people", {"vars": {"who": "1"}}, "neither `query` nor `where` names"),
    ],
)
def test_what_is_more_than_one_select_is_never_sent(
    select: str, changes: dict[str, Any], words: str, load: Load, refuse: Refuse
) -> None:
    error = refuse(load(rows=PEOPLE), select, **changes)
    assert isinstance(error, ConfigError)
    assert words in error.message


def test_a_query_that_writes_fails(driver: str, refuse: Refuse) -> None:
    function = (
        "CREATE FUNCTION write() RETURNS SETOF people LANGUAGE sql AS "
        "$$ INSERT INTO people VALUES ('3', 'new') RETURNING * $$"
    )
    with postgres(function, rows=PEOPLE) as url:
        error = refuse(url, "select * from write()")
        assert "sources are only read" in error.message
        clause = "with new as (insert into people values ('4', '') returning *) select * from new"
        assert isinstance(refuse(url, clause), SourceError)
        with psycopg.connect(url) as connection:
            assert connection.execute("select count(*) from people").fetchall() == [(2,)]
    assert driver


def test_no_connection_can_write(load: Load, ask_sql: Ask) -> None:
    """Were a statement that writes ever sent, the database itself would refuse it."""
    url = load(rows=PEOPLE)
    with closing(sql.connect(address_of(url), ask_sql(url))) as connection:
        with pytest.raises(sql.failures()) as caught:
            _send(connection, "insert into people values ('3', 'new')")
        words = str(caught.value).lower()
    assert "read-only" in words or "readonly" in words


def _send(connection: Any, statement: str) -> None:  # noqa: ANN401 - of one of the drivers
    if isinstance(connection, DuckdbConnection):
        connection._connection.sql(statement)  # noqa: SLF001 - what no caller could do
    elif isinstance(connection, AlchemyConnection):
        bare = connection._connection.execution_options(stream_results=False)  # noqa: SLF001
        bare.exec_driver_sql(statement)
    else:
        connection._cursor.execute(statement)  # noqa: SLF001 - as above


def test_a_value_that_does_not_fit_is_not_shown(load: Load, refuse: Refuse) -> None:
    if load.kind == "sqlite":  # type: ignore[attr-defined]
        return  # SQLite takes a text that is no number for zero
    error = refuse(load(rows=PEOPLE), "select id, cast(email as integer) as email from people")
    assert isinstance(error, SourceError)
    assert "does not fit an expression" in error.message


def test_a_cell_without_end_is_named(load: Load, refuse: Refuse) -> None:
    rows = [*PEOPLE, {"id": "3", "email": "SECRET" * 11_000}]
    error = refuse(load(rows=rows), "select * from people order by id")
    assert "row 3 of the answer: the cell in `email` is longer than 65536 bytes" in error.message


def test_bytes_that_are_no_text_are_named(load: Load, refuse: Refuse) -> None:
    kind = load.kind  # type: ignore[attr-defined]
    type_ = "bytea" if kind.startswith("postgres") else "blob"
    url = load(rows=[{"id": "1", "email": b"\xff\xfeSECRET"}], types=f"id text, email {type_}")
    assert "bytes that are no" in refuse(url).message


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://u:SECRET@nohost.invalid/d", "no host of that name"),
        ("postgresql://u:SECRET@127.0.0.1:1/d", "nothing listens there"),
        ("postgresql://u:SECRET@/d?host=/nowhere", "nothing is there"),
        ("postgresql://u:SECRET@/d?host=/nowhere&odd=SECRET", "a parameter that its driver"),
    ],
)
def test_a_server_that_is_not_there_is_told(
    url: str, words: str, driver: str, refuse: Refuse
) -> None:
    assert words in refuse(url).message, driver


def test_a_wrong_password_user_or_database_is_told(driver: str, refuse: Refuse) -> None:
    server = own_server()
    try:
        url = server.url(server.create())
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE ROLE reader LOGIN PASSWORD 'right'")
            (row,) = connection.execute("SHOW hba_file").fetchall()
            rules = Path(row[0])
            rules.write_text("local all reader scram-sha-256\n" + rules.read_text())
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("CREATE TABLE people (id text, email text)")
        reader = url.replace("audsync@", "reader:SECRET@")
        assert "does not accept user or password" in refuse(reader).message, driver
        right = url.replace("audsync@", "reader:right@")
        assert "may not read that" in refuse(right).message
        assert "has no such user" in refuse(url.replace("audsync@", "nobody:SECRET@")).message
        assert "no database of that name" in refuse(url.replace("test_", "rest_")).message
    finally:
        server.remove()


def test_a_server_killed_in_mid_read_is_told(driver: str, ask_sql: Ask) -> None:
    server = own_server()
    try:
        url = server.url(server.create())
        rows = "select n as id, repeat('x', 2000) as email from generate_series(1, 200000) n"
        batches = read(ask_sql(url, rows, batch_rows=1000))
        assert next(batches).num_rows == 1000
        server.kill9()
        with pytest.raises(SourceError, match="broke off; nothing of what was read is used"):
            for _ in batches:
                pass
    finally:
        server.remove()
    assert driver


SLOW = {
    "sqlite": "with recursive n(id) as (select 1 union all select id + 1 from n) "
    "select id, id as email from n where id < 0",
    "duckdb": "select sum(a.i * b.i) as id, 1 as email "
    "from range(1000000) a(i), range(1000000) b(i)",
}


def test_a_reading_that_takes_too_long_is_stopped(load: Load, refuse: Refuse) -> None:
    slow = SLOW.get(load.kind, "select 1 as id, pg_sleep(60)::text as email")  # type: ignore[attr-defined]
    error = refuse(load(rows=PEOPLE), slow, timeout_s=0.4)
    assert "not over within 0.4 seconds" in error.message or "raise `timeout`" in error.message


def test_a_driver_that_cannot_be_stopped_ends_at_its_next_rows(
    tmp_path: Path, ask_sql: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_ended = threading.Event()
    monkeypatch.setattr(AlchemyConnection, "cancel", lambda _: has_ended.set())
    url = sqlite(tmp_path / "people.db", rows=PEOPLE)
    batches = read(ask_sql(url, batch_rows=1, timeout_s=0.3))
    next(batches)
    assert has_ended.wait(10)
    with pytest.raises(SourceError, match=r"not over within 0\.3 seconds"):
        next(batches)


def test_a_reading_that_is_given_up_leaves_no_connection(driver: str, ask_sql: Ask) -> None:
    with postgres() as url:
        rows = "select n as id, repeat('x', 2000) as email from generate_series(1, 200000) n"
        batches = read(ask_sql(url, rows, batch_rows=1000))
        next(batches)
        batches.close()
        with psycopg.connect(url, autocommit=True) as connection:
            left: list[Any] = []
            for _ in range(100):
                left = connection.execute(
                    "select count(*) from pg_stat_activity, pg_sleep(0.05) "
                    "where datname = current_database() and pid <> pg_backend_pid()"
                ).fetchall()
                if left == [(0,)]:
                    break
    assert left == [(0,)], driver


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("SECRET", "cannot be read"),
        ("postgresql://u:SECRET@h:port/d", "cannot be read"),
        ("nosql://u:SECRET@h/d", "no dialect nosql"),
        ("snowflake://u:SECRET@account/d", "pip install 'audsync[snowflake]'"),
        ("bigquery://SECRET@project", "pip install 'audsync[bigquery]'"),
        ("postgresql+pg8000://u:SECRET@h/d", "no module pg8000"),
        ("sqlite://", "names no file"),
        ("duckdb:///:memory:", "names no file"),
    ],
)
def test_an_address_that_cannot_be_used_is_told(url: str, words: str, refuse: Refuse) -> None:
    error = refuse(url)
    assert isinstance(error, ConfigError)
    assert words in error.message


def test_a_missing_or_foreign_file_is_told(tmp_path: Path, refuse: Refuse) -> None:
    assert "cannot be opened" in refuse(f"sqlite:///{tmp_path}/none.db").message
    assert "does not exist" in refuse(f"duckdb:///{tmp_path}/none.duckdb").message
    (tmp_path / "odd").write_text("SECRET " * 2000)
    assert "no database of that kind" in refuse(f"sqlite:///{tmp_path}/odd").message
    assert "no database of that kind" in refuse(f"duckdb:///{tmp_path}/odd").message
    assert sorted(tmp_path.iterdir()) == [tmp_path / "odd"], "nothing was made"
