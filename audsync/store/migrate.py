"""Brings a store to the tables this audsync knows. Costs one small query when it is there already.

Alembic is imported only when there is something to do, because its import alone takes longer than
most commands. A whole upgrade is one transaction on both databases: it happens or it does not.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from audsync.errors import StoreError
from audsync.store.database import Database
from audsync.store.revision import HEAD

if TYPE_CHECKING:
    from alembic.config import Config

_LOCK_KEY = 0x61756473796E63
"""The advisory lock of all migrations: "audsync" in ASCII."""


def head() -> str:
    """The newest revision this audsync knows."""
    return HEAD


def current(database: Database) -> str | None:
    """The revision the store is at; None for an empty one.

    Raises:
        StoreError: the database cannot be read.
    """
    with database.reading() as session:
        return _current(session.connection())


def ensure(database: Database) -> None:
    """Bring an empty or older store to `head()`.

    Processes that start at the same moment wait for the first one, and then find nothing to do.

    Raises:
        StoreError: the database cannot be used, or a newer audsync made the store.
    """
    if current(database) == HEAD:
        return
    upgrade(database, HEAD)


def upgrade(database: Database, revision: str) -> None:
    """Bring the store up to `revision`; nothing happens when it is there or further.

    Raises:
        StoreError: the database cannot be used, or a newer audsync made the store.
    """
    from alembic import command  # noqa: PLC0415 - see the module's docstring

    _run(database, lambda config: command.upgrade(config, revision))


def downgrade(database: Database, revision: str) -> None:
    """Bring the store back down to `revision`, `base` for an empty one. What it held is lost.

    Raises:
        StoreError: the database cannot be used, or a newer audsync made the store.
    """
    from alembic import command  # noqa: PLC0415 - see the module's docstring

    _run(database, lambda config: command.downgrade(config, revision))


def _run(database: Database, steps: Callable[["Config"], None]) -> None:
    from alembic.config import Config  # noqa: PLC0415 - see the module's docstring
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - see the module's docstring

    config = Config()
    config.set_main_option("script_location", "audsync.store:migrations")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    with database.connecting() as connection:
        if database.dialect == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
        found = _current(connection)
        if found is not None and found not in known:
            raise StoreError(
                f"The store at {database.address} was made by a newer audsync "
                f"(revision {found}, known here up to {HEAD}): upgrade audsync, or name another "
                "store in `store.url`.",
                details={"found": found, "known": HEAD},
            )
        config.attributes["connection"] = connection
        steps(config)


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found
