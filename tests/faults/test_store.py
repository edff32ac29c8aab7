"""The store fails: locked, read-only, away, killed and back, or silent about a commit."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event

from audsync import steps
from audsync.services.wiring.runtime import Runtime
from audsync.store import database
from tests.crash.ways import WAYS
from tests.faults.conftest import made
from tests.faults.proxy import Mischief, Proxy
from tests.faults.scene import Scene, nothing_more
from tests.postgres import Server, own_server

COMMIT = "store: before commit"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One that is killed again and again."""
    server = own_server()
    yield server
    server.remove()


@pytest.fixture(params=WAYS, ids=lambda way: way.label)
def remote_scene(
    request: pytest.FixtureRequest, server: Server, tmp_path: Path
) -> Iterator[tuple[Scene, Server, Proxy]]:
    """A scene with its store on a PostgreSQL server, behind a proxy."""
    name = server.create()
    url = server.url(name)
    folder = Path(url.partition("host=")[2].partition("&")[0])
    socket = ".s.PGSQL.5432"
    with Proxy(folder / socket, place=tmp_path / socket) as proxy:
        scene, stack = made(request.param, store=url.replace(str(folder), str(tmp_path)))
        with stack:
            yield scene, server, proxy


@contextmanager
def at_commit(number: int, do: Callable[[], None]) -> Iterator[None]:
    """Do it just before a commit, counted from now."""
    left = number

    def look(step: str) -> None:
        nonlocal left
        left -= step == COMMIT
        if left == 0 and step == COMMIT:
            do()

    steps.listen(look)
    try:
        yield
    finally:
        steps.listen(None)


def members_sent(scene: Scene, before: int) -> list[str]:
    return [
        call["path"] for call in scene.requests()[before:] if scene.way.members_path in call["path"]
    ]


def test_a_store_that_is_locked_stops_it_before_anything_is_sent(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.05)
    before = len(scene.requests())
    with closing(sqlite3.connect(scene.folder / "audsync.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        ended = scene.hurt()
        other.execute("ROLLBACK")
    assert (ended.code, ended.error["code"]) == (1, "STORE_ERROR"), str(ended)
    assert members_sent(scene, before) == []
    scene.heal()


def test_a_store_that_may_only_be_read_stops_it_before_anything_is_sent(scene: Scene) -> None:
    def forbid(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA query_only = ON")

    def only_read(runtime: Runtime) -> None:
        engine = runtime.database.engine
        event.listen(engine, "connect", forbid)
        engine.dispose()

    before = len(scene.requests())
    scene.on_runtime = only_read
    ended = scene.hurt()
    scene.on_runtime = nothing_more
    assert (ended.code, ended.error["code"]) == (1, "STORE_ERROR"), str(ended)
    assert members_sent(scene, before) == []
    scene.heal()


def test_a_server_that_is_killed_and_comes_back_in_mid_run_costs_no_exactness(
    remote_scene: tuple[Scene, Server, Proxy],
) -> None:
    scene, server, _ = remote_scene

    def power_cut() -> None:
        server.kill9()
        server.start()

    # Counted over the ways, so that claim, plan, request and outcome all have their turn.
    with at_commit(3 + 2 * WAYS.index(scene.way), power_cut):
        ended = scene.hurt()
    assert ended.code in (0, 1, 3, 6), str(ended)
    scene.pass_time(0)
    scene.release_by_time()
    scene.heal()


def test_a_commit_whose_answer_is_lost_is_looked_up_and_not_assumed(
    remote_scene: tuple[Scene, Server, Proxy],
) -> None:
    scene, _, wire = remote_scene
    with at_commit(
        4 + 2 * WAYS.index(scene.way), lambda: wire.strike_all(Mischief(response_bytes=0))
    ):
        ended = scene.hurt()
    assert (ended.code, ended.error["code"]) == (1, "STORE_ERROR"), str(ended)
    scene.release_by_time()
    scene.heal()


def test_a_server_that_is_away_at_the_start_is_told_and_nothing_is_sent(
    remote_scene: tuple[Scene, Server, Proxy],
) -> None:
    scene, _, wire = remote_scene
    wire.shut()
    before = len(scene.requests())
    ended = scene.hurt()
    wire.open()
    assert (ended.code, ended.error["code"]) == (1, "STORE_ERROR"), str(ended)
    assert len(scene.requests()) == before
    scene.heal()
