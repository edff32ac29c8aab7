"""A real SQLite store for many short histories, and a window into it."""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Engine, event

from audsync.domain import AudienceState, Platform, SyncOperation, SyncStatus
from audsync.store import tables
from audsync.store.database import Database

_HISTORY_TABLES = ("reject", "batch", "head", "audience_sync_job")


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
    """The store in memory, with its connections held open.

    Both connections of the store, the writing and the reading one, are one of the driver's: a
    transaction ends before another begins, and `LedgerRoom` looks in between only.
    """

    def __init__(self, raw: sqlite3.Connection, *, clock: VirtualClock) -> None:
        self._held: dict[int, Connection] = {}
        # A file that is there already, so that none is made; it is not opened either.
        super().__init__(f"sqlite:///{os.devnull}", clock=clock)
        event.listen(self.engine, "do_connect", lambda *_: raw)

    @contextmanager
    def _connected(self, engine: Engine) -> Iterator[Connection]:
        if id(engine) not in self._held:
            self._held[id(engine)] = engine.connect()
        connection = self._held[id(engine)]
        try:
            yield connection
        finally:
            connection.rollback()


class LedgerRoom:
    """One store with one audience; emptied for each history.

    The window is the driver's own connection: twenty times quicker than the store's way for what
    is not under test, such as a job's row. Through it only what was committed can be seen.
    """

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self._raw = sqlite3.connect(":memory:")
        self.database = RoomDatabase(self._raw, clock=self.clock)
        with self.database.connecting() as connection:
            tables.METADATA.create_all(connection)
        self.audience_id = self._add_audience()

    @property
    def window(self) -> sqlite3.Connection:
        """The store as everybody else would see it at this moment."""
        assert not self._raw.in_transaction, "a transaction was left open"
        return self._raw

    def empty(self) -> None:
        """Begin a new history."""
        window = self.window
        window.execute("begin")
        for table in _HISTORY_TABLES:
            window.execute(f"delete from {table}")
        # The row stays, as it does between runs: its first claim is no part of a history.
        window.execute("update lease set epoch = 0, owner = null")
        window.execute("commit")

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

    def references(self) -> set[str]:
        """The platform's names for requests that the store knows of."""
        rows = self.window.execute("select reference from batch where reference <> ''").fetchall()
        return {str(row[0]) for row in rows}

    def ruling_epoch(self) -> int:
        """The epoch of the lease."""
        row: tuple[Any, ...] = self.window.execute("select epoch from lease").fetchone()
        return int(row[0])

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
