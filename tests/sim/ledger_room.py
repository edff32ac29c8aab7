"""A real SQLite store for many short histories, and a window into it."""

import json
import sqlite3
import tempfile
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Engine, event
from sqlmodel import Session

from audsync.domain import AudienceState, Platform, SyncOperation, SyncStatus
from audsync.store import tables
from audsync.store.database import Database

_HISTORY_TABLES = ("batch", "head", "lease", "audience_sync_job")


class VirtualClock:
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 20, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._now.timestamp()

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """So many seconds pass."""
        self._now += timedelta(seconds=seconds)


class RoomDatabase(Database):
    """The store with its two connections held open: taking one up is a sixth of a transaction."""

    def _session(self, engine: Engine) -> Session:
        held: dict[int, Connection] = self.__dict__.setdefault("held", {})
        if id(engine) not in held:
            held[id(engine)] = engine.connect()
        return super()._session(held[id(engine)])  # type: ignore[arg-type]  # a session takes both


class LedgerRoom:
    """One store with one audience; emptied for each history.

    `window` is a bare connection: twenty times quicker than the store's own way for what is not
    under test, such as a job's row.

    The file lies in memory and is never synced: a simulated crash ends a process, not a machine.
    """

    def __init__(self) -> None:
        self.clock = VirtualClock()
        memory = Path("/dev/shm")
        folder = tempfile.mkdtemp(prefix="audsync-sim-", dir=memory if memory.is_dir() else None)
        self._folder = Path(folder)
        file = self._folder / "audsync.db"
        self.database = RoomDatabase(f"sqlite:///{file}", clock=self.clock)
        event.listen(self.database.engine, "connect", _relax)
        with self.database.connecting() as connection:
            tables.METADATA.create_all(connection)
        self.window = sqlite3.connect(file, isolation_level=None)
        self.audience_id = self._add_audience()

    def empty(self) -> None:
        """Begin a new history."""
        self.window.execute("begin immediate")
        for table in _HISTORY_TABLES:
            self.window.execute(f"delete from {table}")
        self.window.execute("commit")

    def add_job(self, operation: SyncOperation) -> UUID:
        """A job for the ledger's rows to belong to."""
        job_id = uuid4()
        self.window.execute(
            "insert into audience_sync_job (id, platform_audience_id, operation, status, tenant_id,"
            " audience, platform, triggered_by, attempt, warnings, rejected, profiles_skipped,"
            " profiles_read, profiles_unchanged, profiles_sent, profiles_added, profiles_failed,"
            " profiles_pending, profiles_removed, profiles_refreshed, identifiers_added,"
            " identifiers_removed, platform_rejected, total_batches, successful_batches,"
            " failed_batches) values (?, ?, ?, ?, 1, 'sim', 'meta', 'manual', 1, '[]', '{}', '{}',"
            " 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)",
            (job_id.hex, self.audience_id.hex, operation.value, SyncStatus.RUNNING.value),
        )
        return job_id

    def head(self) -> tuple[dict[str, str], dict[str, Any], bool]:
        """Files, facts and whether a plan is open."""
        row = self.window.execute("select files, facts, open_job_id from head").fetchone()
        if row is None:
            return {}, {}, False
        return json.loads(row[0]), json.loads(row[1]), row[2] is not None

    def batches(self, job_id: UUID) -> list[tuple[int, str, str, int, int, int]]:
        """Number, action, state, epoch, session, session number of the job's batches."""
        return self.window.execute(
            "select number, action, state, epoch, session, session_number from batch"
            " where job_id = ? order by number",
            (job_id.hex,),
        ).fetchall()

    def ruling_epoch(self) -> int:
        """The epoch of the lease."""
        row: tuple[Any, ...] = self.window.execute("select epoch from lease").fetchone()
        return int(row[0])

    def close(self) -> None:
        """Remove the store."""
        self.window.close()
        self.database.dispose()
        for file in self._folder.iterdir():
            file.unlink()
        self._folder.rmdir()

    def _add_audience(self) -> UUID:
        audience_id = uuid4()
        with self.database.transaction() as session:
            session.add(
                tables.PlatformAudience(
                    id=audience_id,
                    tenant_id=1,
                    slug="sim",
                    segment="sim",
                    connection="sim",
                    platform=Platform.META,
                    platform_audience_name="sim",
                    ad_account_id="sim",
                    state=AudienceState.ACTIVE,
                    created_at=self.clock.now(),
                    updated_at=self.clock.now(),
                )
            )
        return audience_id


@cache
def room() -> LedgerRoom:
    """This process's own; made once, as making the tables takes longer than many histories."""
    return LedgerRoom()


def _relax(connection: Any, _record: object) -> None:  # noqa: ANN401 - a driver's connection
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA journal_mode = MEMORY")
