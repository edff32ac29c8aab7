"""What `doctor` says about this machine: store, locks, state folder and disk. Changes nothing."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from audsync.errors import AudsyncError, StateError
from audsync.services.doctor import object_checks
from audsync.services.doctor.checks import Check, bad, good
from audsync.services.jobs.continuity import Continuity
from audsync.services.jobs.state_files import folder_of, state_address
from audsync.services.wiring.runtime import Runtime
from audsync.store import audiences, leases, ledger, migrate
from audsync.store.database import Database
from audsync.store.placement import on_network_filesystem

if TYPE_CHECKING:
    from audsync.store.tables import PlatformAudience

OLDEST_SQLITE = (3, 24, 0)
"""The first with ON CONFLICT (https://sqlite.org/lang_upsert.html, read 2026-11-22)."""
LEAST_FREE_BYTES = 1_000_000_000
_OTHERS = 0o077
_NEW = "`audsync init` makes it"


def store(runtime: Runtime) -> Iterator[Check]:
    """The database, its tables, its file and who holds a lock in it.

    Raises:
        ConfigError, StoreError: it cannot be used at all.
    """
    database = Database(runtime.config.store.url, clock=runtime.clock, create_folder=False)
    try:
        yield from _store(runtime, database)
    finally:
        database.dispose()


def is_set_up(runtime: Runtime) -> bool:
    """Whether the store can be used and has the tables of this version."""
    try:
        database = Database(runtime.config.store.url, clock=runtime.clock, create_folder=False)
    except AudsyncError:
        return False
    try:
        is_there = database.file is None or database.file.exists()
        return is_there and migrate.current(database) == migrate.head()
    except AudsyncError:
        return False
    finally:
        database.dispose()


def state(runtime: Runtime) -> Iterator[Check]:
    """The state folder: there, writable, closed to others, with room; or store and cache.

    Raises:
        ConfigError, StateError: an object store cannot be asked, or refuses.
    """
    root, address = runtime.state_root, state_address(runtime)
    if address is not None:
        yield from object_checks.rights(runtime, address)
    if not root.is_dir():
        if address is not None:
            yield good("state", f"{root} will be made as the cache of {address}")
            return
        yield bad("state", f"There is no folder {root} yet.", f"{_NEW}, and so does the first sync")
        return
    try:
        tempfile.TemporaryFile(dir=root).close()
        exposed = _exposed(root)
        free_bytes = shutil.disk_usage(root).free
    except OSError as error:
        yield bad(
            "state",
            f"{error.filename or root}: {error.strerror}.",
            f"Let the user that runs audsync own it: chown -R USER {root.parent}",
        )
        return
    yield good("state", f"{root} can be written")
    if exposed is None:
        yield good("permissions", "only the owner can read the state")
    else:
        yield bad(
            "permissions",
            f"{exposed} can be read by other users of this machine.",
            f"chmod -R go-rwx {root.parent}",
        )
    yield _disk(root, free_bytes)


def _store(runtime: Runtime, database: Database) -> Iterator[Check]:
    if database.file is not None and not database.file.exists():
        yield bad(
            "store", f"There is no store {database.file} yet.", f"{_NEW}, if the place is right"
        )
        return
    found = migrate.current(database)
    yield good("store", f"{database.file or database.address} answers")
    if database.file is not None:
        yield from _sqlite(database, database.file)
    if found != migrate.head():
        yield _old_tables(found)
        return
    yield good("migrations", f"the tables are those of this version ({found})")
    yield _locks(runtime, database)
    yield _snapshots(runtime, database)


def _old_tables(found: str | None) -> Check:
    is_newer = found is not None and found > migrate.head()
    return bad(
        "migrations",
        f"The tables are at revision {found or 'none'}, this version knows {migrate.head()}.",
        "Upgrade audsync on this host." if is_newer else "`audsync init` brings them up to date.",
    )


def _sqlite(database: Database, file: Path) -> Iterator[Check]:
    version = ".".join(map(str, OLDEST_SQLITE))
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        yield bad(
            "sqlite",
            f"SQLite {sqlite3.sqlite_version} is too old.",
            f"Use a Python that is built with SQLite {version} or later.",
        )
    network = on_network_filesystem(file)
    if network is not None:
        yield bad(
            "sqlite",
            f"{file} is on {network}, where SQLite's locks cannot be trusted.",
            "Move the store to a local disk, or use PostgreSQL: store.url:"
            " postgresql+psycopg://USER@HOST/NAME",
        )
    with database.reading() as session:
        connection = session.connection()
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
        verdict = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if mode != "delete":
        yield bad(
            "sqlite",
            f"The journal mode is {mode}: another program has set it and has the file open.",
            f"Close that program, then: sqlite3 {file} 'PRAGMA journal_mode = DELETE'",
        )
    elif verdict != "ok":
        yield bad("sqlite", f"{file} is damaged: {verdict}.", "Restore it from a backup.")
    else:
        yield good("sqlite", f"SQLite {sqlite3.sqlite_version}, whole, journal mode {mode}")


def _snapshots(runtime: Runtime, database: Database) -> Check:
    """Whether every file that the store names is there, whole, and of the same moment."""
    checked, damaged = 0, []
    with database.reading() as session:
        for audience in audiences.listed(session, runtime.config.tenant):
            folder, head = folder_of(runtime, audience.id), ledger.head(session, audience.id)
            try:
                Continuity(runtime=runtime, audience_id=audience.id, folder=folder).require()
            except StateError as problem:
                damaged.append((audience.slug, problem.message))
            if head.facts.get("is_lost"):
                damaged.append((audience.slug, "The state files of an audience were lost."))
            for name in sorted(set(head.files.values())):
                checked += 1
                try:
                    folder.verify(name)
                except StateError as error:
                    damaged.append((audience.slug, error.message))
    if not damaged:
        return good("snapshots", f"{checked} files are what their names say")
    slug, message = damaged[0]
    return bad("snapshots", message, f"audsync reconcile {slug}")


def _locks(runtime: Runtime, database: Database) -> Check:
    """Whether a dead process left an audience locked."""
    with database.reading() as session:
        holders = [
            (audience, holder, leases.is_live(session, holder))
            for audience in audiences.listed(session, runtime.config.tenant)
            if (holder := leases.holder(session, audience.id)) is not None
        ]
    dead: list[PlatformAudience] = [audience for audience, _, is_live in holders if not is_live]
    if dead:
        names = ", ".join(audience.slug for audience in dead)
        return bad(
            "locks",
            f"A process that died has left a lock on {names}.",
            f"The next `audsync sync {dead[0].slug}` takes it over, and finishes what was begun.",
        )
    told = ", ".join(f"{audience.slug} by process {row.pid}" for audience, row, _ in holders)
    return good("locks", f"held: {told}" if told else "none is held")


def _exposed(root: Path) -> Path | None:
    """A folder or file of the state that others may enter or read; None when there is none."""
    if not (_is_open(root.parent) and _is_open(root)):
        return None
    return next((folder for folder in root.iterdir() if _is_open(folder)), None)


def _is_open(path: Path) -> bool:
    return bool(path.stat().st_mode & _OTHERS) and os.name == "posix"


def _disk(root: Path, free_bytes: int) -> Check:
    free = f"{free_bytes / 1e9:,.1f} GB free at {root}"
    if free_bytes < LEAST_FREE_BYTES:
        return bad("disk", f"Only {free}.", "Make room: a sync writes each snapshot anew.")
    return good("disk", free)
