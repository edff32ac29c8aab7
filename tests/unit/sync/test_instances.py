"""Sessions that use a DuckDB instance one after the other know nothing of each other."""

from pathlib import Path

import duckdb
import pytest

from audsync.errors import StateError
from audsync.sync.tables import duck, instances

MEMORY = 128 << 20


@pytest.fixture(autouse=True)
def none_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instances, "_idle", [])


def made(monkeypatch: pytest.MonkeyPatch) -> list[duckdb.DuckDBPyConnection]:
    """The instances that are made from now on."""
    found: list[duckdb.DuckDBPyConnection] = []
    make = duckdb.connect

    def connect(
        config: dict[str, str | bool | int | float | list[str]],
    ) -> duckdb.DuckDBPyConnection:
        found.append(make(config=config))
        return found[-1]

    monkeypatch.setattr(duckdb, "connect", connect)
    return found


def test_the_next_session_uses_the_same_instance_and_sees_nothing_of_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = made(monkeypatch)
    with duck.session(tmp_path / "a", memory_bytes=MEMORY) as con:
        con.execute("create temp table t as select 1 as x")
        con.execute("create temp view v as select 1 as x")
    with duck.session(tmp_path / "b", memory_bytes=MEMORY) as con:
        for name in ("t", "v"):
            with pytest.raises(duckdb.CatalogException):
                con.execute(f"select * from {name}")
        place = con.execute("select current_setting('temp_directory')").fetchone()
    assert place == (str(tmp_path / "b" / "spill"),)
    assert len(found) == 1


def test_two_sessions_at_once_have_an_instance_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = made(monkeypatch)
    with (
        duck.session(tmp_path / "a", memory_bytes=MEMORY),
        duck.session(tmp_path / "b", memory_bytes=MEMORY) as con,
    ):
        place = con.execute("select current_setting('temp_directory')").fetchone()
    assert len(found) == 2
    assert place == (str(tmp_path / "b" / "spill"),)


def test_what_spilled_is_gone_with_its_instance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = made(monkeypatch)
    with duck.session(tmp_path, memory_bytes=1) as con:
        con.execute(
            "create temp table t as select range as x, hash(range) as y from range(9000000)"
        )
        assert list((tmp_path / "spill").iterdir()), "less memory than the table: it spills"
    assert not (tmp_path / "spill").exists() or not list((tmp_path / "spill").iterdir())
    with duck.session(tmp_path, memory_bytes=1):
        assert len(found) == 2


def test_an_instance_whose_session_failed_is_not_used_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = made(monkeypatch)
    with (
        pytest.raises(StateError, match="CatalogException"),
        duck.session(tmp_path, memory_bytes=MEMORY) as con,
    ):
        con.execute("select * from nothing")
    with duck.session(tmp_path, memory_bytes=MEMORY):
        assert len(found) == 2


def test_another_limit_is_another_instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = made(monkeypatch)
    for memory in (MEMORY, 2 * MEMORY, MEMORY):
        with duck.session(tmp_path, memory_bytes=memory):
            pass
    assert len(found) == 2


def test_a_table_that_would_last_ends_the_instance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = made(monkeypatch)
    with duck.session(tmp_path, memory_bytes=MEMORY) as con:
        con.execute("create table t as select 1 as x")
    with duck.session(tmp_path, memory_bytes=MEMORY) as con:
        assert con.execute("select * from duckdb_tables()").fetchall() == []
    assert len(found) == 2
