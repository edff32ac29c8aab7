"""A quick look at the store: plain SQL, without the second that loading the database layer takes.

`status` on an empty store is what a new user and a monitoring script run most, and a `run-due` that
finds nothing to do is what cron runs most. Both are answered here, or not at all: wherever anything
is in doubt the answer is no, and the store itself is asked.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from audsync.clock import Clock
from audsync.store.revision import HEAD

_SQLITE = ("sqlite:///", "sqlite+pysqlite:///")
_POSTGRES = ("postgresql://", "postgresql+psycopg://")
_PATIENCE_S = 0.1
_TESTED_WITHIN = timedelta(hours=23)
"""Less than the day after which `run-due` tests a connection anew."""
_LEAVE_TO_SPARE = timedelta(days=1)

# An audience's newest job by its index, not all of its history.
_IS_BUSY = """
select exists (
    select 1 from platform_audience a
    where a.tenant_id = {tenant} and a.is_active and a.auto_sync
      and a.state in ('creating', 'active')
      and (a.next_sync_at is null or a.next_sync_at <= {now}
           or exists (select 1 from head h
                      where h.audience_id = a.id and h.open_job_id is not null)
           or coalesce((select j.status from audience_sync_job j
                        where j.platform_audience_id = a.id
                        order by j.started_at desc, j.id desc limit 1), '') = 'running'))
  or exists (
    select 1 from platform_audience a
    where a.tenant_id = {tenant} and a.is_active and a.state != 'retired'
      and not exists (
        select 1 from connection c
        where c.tenant_id = a.tenant_id and c.name = a.connection and c.tested_at > {tested}))
  or exists (
    select 1 from connection c
    where c.tenant_id = {tenant} and (c.status != 'ok' or c.expires_at <= {ends}))
  or exists (
    select 1 from incident i
    where i.tenant_id = {tenant} and i.closed_at is null and i.subject like 'connection:%')
  or exists (
    select 1 from notification n
    where n.tenant_id = {tenant} and n.next_attempt_at is not null)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Of which tenant, and how long before their end credentials are told of."""

    tenant: int
    credentials_left: timedelta


def is_surely_empty(url: str) -> bool:
    """Whether the store certainly holds no audience; False wherever that is in doubt."""
    file = _sqlite_file(url)
    try:
        if file is not None and not file.exists():
            return True
        with _plain(url) as look:
            return look is not None and not look.is_true(
                "select exists (select 1 from platform_audience)"
            )
    except OSError:
        return False


def is_surely_missing(url: str) -> bool:
    """Whether the store is a SQLite file that was never made."""
    file = _sqlite_file(url)
    return file is not None and not file.exists()


def idle_since(url: str, question: Question, clock: Clock) -> datetime | None:
    """The store's time, if there is certainly nothing that `run-due` would do at it; else None."""
    try:
        with _plain(url) as look:
            if look is None or not look.is_true(
                f"select version_num = '{HEAD}' from alembic_version"  # noqa: S608 - our own
            ):
                return None
            now = look.now(clock)
            busy = _IS_BUSY.format(
                tenant=int(question.tenant),
                now=look.moment(now),
                tested=look.moment(now - _TESTED_WITHIN),
                ends=look.moment(now + question.credentials_left + _LEAVE_TO_SPARE),
            )
            return None if look.is_true(busy) else now
    except OSError:
        return None


def rewrite_setting(url: str, key: str, value: str) -> bool:
    """Put a value where another one stands; False where that could not be done at once."""
    try:
        with _plain(url, writes=True) as look:
            return look is not None and look.rewrite(key, value)
    except OSError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """One plain connection."""

    connection: Any
    is_postgres: bool

    def is_true(self, query: str) -> bool:
        row = self.connection.execute(query).fetchone()
        return row is not None and bool(row[0])

    def now(self, clock: Clock) -> datetime:
        """As `store.database.now`: the server's time, or this host's where SQLite serves it."""
        if not self.is_postgres:
            return clock.now()
        told: datetime = self.connection.execute("select clock_timestamp()").fetchone()[0]
        return told.astimezone(UTC)

    def moment(self, value: datetime) -> str:
        """A time as SQL, as the tables hold it."""
        text = value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        return f"timestamptz '{text}+00'" if self.is_postgres else f"'{text}'"

    def rewrite(self, key: str, value: str) -> bool:
        mark = "%s" if self.is_postgres else "?"
        statement = f"update setting set value = {mark} where key = {mark}"  # noqa: S608 - a mark
        found = self.connection.execute(statement, (value, key))
        self.connection.commit()
        return bool(found.rowcount == 1)


@contextmanager
def _plain(url: str, *, writes: bool = False) -> Iterator[_Look | None]:
    """A connection to a store that is there; None where it has an address of another form.

    Raises:
        OSError: it cannot be used just now; the store itself will say why.
    """
    file = _sqlite_file(url)
    if file is not None:
        import sqlite3  # noqa: PLC0415 - `--version` does without

        mode = "rw" if writes else "ro"
        try:
            with closing(
                sqlite3.connect(f"{file.as_uri()}?mode={mode}", uri=True, timeout=_PATIENCE_S)
            ) as connection:
                if writes:
                    connection.execute("PRAGMA synchronous = EXTRA")
                yield _Look(connection=connection, is_postgres=False)
        except sqlite3.Error as error:
            raise OSError from error
        return
    address = _postgres_address(url)
    if address is None:
        yield None
        return
    try:
        import psycopg  # noqa: PLC0415 - an extra, and not needed with SQLite
    except ImportError:
        yield None
        return
    try:
        with closing(psycopg.connect(address, prepare_threshold=None)) as connection:
            yield _Look(connection=connection, is_postgres=True)
    except psycopg.Error as error:
        raise OSError from error


def _sqlite_file(url: str) -> Path | None:
    """The file of a plain SQLite address; None for any other, or one with options."""
    for prefix in _SQLITE:
        path = url.removeprefix(prefix)
        if path != url and path.startswith("/") and "?" not in path:
            return Path(path)
    return None


def _postgres_address(url: str) -> str | None:
    """What libpq takes for the same address: its options have the same names."""
    for prefix in _POSTGRES:
        rest = url.removeprefix(prefix)
        if rest != url:
            return f"postgresql://{rest}"
    return None
