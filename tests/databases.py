"""Migrated stores for tests, on both databases, and the records they need most."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from audsync.clock import Clock
from audsync.domain import AudienceState, Platform
from audsync.store import audit_tables, migrate, token_table
from audsync.store.database import Database
from audsync.store.tables import METADATA, PlatformAudience
from tests.endings import at_end
from tests.postgres import shared_server

KINDS = ("sqlite", "postgresql")
ALL_TABLES = (METADATA, audit_tables.ENTRY, audit_tables.TAIL, token_table.TOKEN)
"""Some tables join the others only once their module is loaded."""
_emptied: list[str] = []
"""Databases to use again: emptying one is quicker than making one."""


class SetClock:
    """A clock that moves only when told to, or by sleeping."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 20, 12, tzinfo=UTC)
        self.on_sleep: Callable[[], None] = lambda: None

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._now.timestamp()

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)
        self.on_sleep()

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


@contextmanager
def fresh_url(kind: str, folder: Path, *, is_migrated: bool = True) -> Iterator[str]:
    """The address of a store that only this test uses.

    Args:
        kind: one of `KINDS`.
        folder: where the file goes on SQLite.
        is_migrated: whether the tables are there already.
    """
    if kind == "sqlite":
        file = folder / "store" / "audsync.db"
        if is_migrated:
            file.parent.mkdir(mode=0o700)
            copy_migrated(file)
        yield f"sqlite:///{file}"
        return
    server = shared_server()
    if not is_migrated:
        name = server.create()
        yield server.url(name)
        server.drop(name)
        return
    name = _emptied.pop() if _emptied else server.create(_migrated_template())
    yield server.url(name)
    _empty(server.url(name))
    _emptied.append(name)


@contextmanager
def fresh_database(
    kind: str, folder: Path, clock: Clock, *, is_migrated: bool = True
) -> Iterator[Database]:
    """A store that only this test uses."""
    with fresh_url(kind, folder, is_migrated=is_migrated) as url:
        database = Database(url, clock=clock)
        try:
            yield database
        finally:
            database.dispose()


def copy_migrated(file: Path) -> None:
    """Make a store with its tables: quicker than migrating each anew."""
    shutil.copyfile(_migrated_file(), file)
    file.chmod(0o600)


def add_audience(
    database: Database,
    slug: str = "vip-meta",
    **fields: Any,  # noqa: ANN401 - whatever columns the test is about
) -> PlatformAudience:
    """Store an audience of tenant 1 that is active, unless `fields` says otherwise."""
    made_at = datetime(2026, 11, 1, tzinfo=UTC)
    given: dict[str, Any] = {
        "tenant_id": 1,
        "segment": "vip",
        "connection": "meta-main",
        "platform": Platform.META,
        "platform_audience_id": "23840000000000001",
        "platform_audience_name": "VIP customers",
        "ad_account_id": "act_1",
        "state": AudienceState.ACTIVE,
        "created_at": made_at,
        "updated_at": made_at,
    } | fields
    audience = PlatformAudience(slug=slug, **given)
    with database.transaction() as session:
        session.add(audience)
    return audience


@cache
def _migrated_file() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="audsync-store-"))
    at_end(partial(shutil.rmtree, folder))
    file = folder / "template.db"
    _migrate(f"sqlite:///{file}")
    return file


@cache
def _migrated_template() -> str:
    server = shared_server()
    name = server.create()
    _migrate(server.url(name))
    return name


def _empty(url: str) -> None:
    """Take every row out, after whoever may still be connected, such as a process just killed."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        for table in reversed(METADATA.sorted_tables):
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table.name)))
        connection.execute("UPDATE alembic_version SET version_num = %s", [migrate.head()])


def _migrate(url: str) -> None:
    database = Database(url, clock=SetClock())
    migrate.ensure(database)
    database.dispose()
