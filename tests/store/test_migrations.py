import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from audsync import steps
from audsync.clock import SystemClock
from audsync.errors import StoreError
from audsync.store import migrate
from audsync.store.database import Database
from audsync.store.tables import METADATA
from tests.databases import SetClock

_QUIET = """
import sys
from audsync.clock import SystemClock
from audsync.store import migrate
from audsync.store.database import Database
migrate.ensure(Database(sys.argv[1], clock=SystemClock()))
sys.exit("alembic" in sys.modules)
"""


@pytest.fixture
def empty(empty_url: str, clock: SetClock) -> Iterator[Database]:
    database = Database(empty_url, clock=clock)
    yield database
    database.dispose()


def _tables(database: Database) -> set[str]:
    with database.connecting() as connection:
        return set(inspect(connection).get_table_names())


def _revisions() -> list[str]:
    config = Config()
    config.set_main_option("script_location", "audsync.store:migrations")
    scripts = ScriptDirectory.from_config(config).walk_revisions()
    return [script.revision for script in scripts][::-1]


def test_the_newest_revision_is_the_one_that_the_code_names() -> None:
    assert _revisions()[-1] == migrate.head()


def test_migrations_build_what_the_tables_say(empty: Database) -> None:
    migrate.ensure(empty)
    with empty.connecting() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, METADATA) == []
    assert migrate.current(empty) == migrate.head()


def test_every_revision_goes_up_and_down_again(empty: Database) -> None:
    seen = [_tables(empty)]
    for revision in _revisions():
        migrate.upgrade(empty, revision)
        assert migrate.current(empty) == revision
        seen.append(_tables(empty))
    for revision in [*_revisions()[-2::-1], "base"]:
        seen.pop()
        migrate.downgrade(empty, revision)
        assert _tables(empty) - {"alembic_version"} == seen[-1] - {"alembic_version"}
    migrate.ensure(empty)
    assert migrate.current(empty) == migrate.head()


def test_a_store_that_is_there_is_left_alone_without_alembic(database: Database, kind: str) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    done = subprocess.run([sys.executable, "-c", _QUIET, url], check=False)
    assert done.returncode == 0, kind


def test_a_store_of_a_newer_audsync_is_refused(database: Database) -> None:
    with database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer audsync"):
        migrate.ensure(database)
    assert migrate.current(database) == "9999"


def test_many_may_start_on_an_empty_store_at_once(empty_url: str) -> None:
    databases = [Database(empty_url, clock=SystemClock()) for _ in range(4)]
    threads = [threading.Thread(target=migrate.ensure, args=(each,)) for each in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [migrate.current(each) for each in databases]
    for each in databases:
        each.dispose()
    assert found == [migrate.head()] * 4


def test_an_upgrade_that_breaks_leaves_nothing_behind(empty: Database) -> None:
    class PowerCutError(Exception):
        pass

    def cut(_step: str) -> None:
        raise PowerCutError

    steps.listen(cut)
    try:
        with pytest.raises(PowerCutError):
            migrate.ensure(empty)
    finally:
        steps.listen(None)
    assert _tables(empty) == set()
    migrate.ensure(empty)
    assert migrate.current(empty) == migrate.head()
