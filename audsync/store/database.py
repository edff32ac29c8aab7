"""The connection to SQLite or PostgreSQL, and the one way to open a transaction.

A transaction is short and never spans a network call. On SQLite a writer takes the write lock at
its first statement (BEGIN IMMEDIATE), because a reader cannot be turned into a writer while
others write. What SQLAlchemy raises leaves this module as `StoreError`.
"""

import os
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, Executable, event, func, select
from sqlalchemy.engine import URL, Dialect, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlmodel import Session, create_engine

from audsync import steps
from audsync.clock import Clock
from audsync.errors import ConfigError, StoreError
from audsync.store import audit
from audsync.store.failures import store_error

BUSY_TIMEOUT_S = 30
"""How long a statement waits for another process's transaction to end."""
RECONNECT_S = 30.0
"""How long a PostgreSQL server that answered before is given to come back."""

Values = Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""A statement's parameters: once, or for each of many rows."""

_DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "postgresql": "postgresql+psycopg",
}
_POSTGRES_DEFAULTS: dict[str, Any] = {
    "application_name": "audsync",
    "connect_timeout": 10,
    # A host that vanished without a word is noticed within about a minute.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    # Keepalives are silent while something sent is not yet acknowledged: without this a link that
    # went down under a query is waited for a quarter of an hour (Linux' tcp_retries2).
    "tcp_user_timeout": 60_000,
}
_CLOCK = "audsync_clock"
_LIMITS = select(
    func.set_config("lock_timeout", f"{BUSY_TIMEOUT_S}s", True),
    # Less than the others wait for a row: a host that was cut off in mid-transaction keeps its
    # rows locked until then, as the server hears nothing of its end.
    func.set_config("idle_in_transaction_session_timeout", "20s", True),
)
_SERVER_TIME = select(func.clock_timestamp())


class Database:
    """Where the ledger lives. Safe to share between threads; a session is not."""

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        create_folder: bool = True,
        actor: audit.Actor | None = None,
    ) -> None:
        """Prepare the connection without making it; files appear with the first statement.

        Args:
            url: `sqlite:///FILE` or `postgresql://…` (driver psycopg 3).
            clock: the time on SQLite, and what waits for a PostgreSQL server to come back.
            create_folder: whether a missing folder of the SQLite file is made, mode 0700.
            actor: who does what this program does, for the audit trail.

        Raises:
            ConfigError: the address is none of these.
            StoreError: the driver for it is not installed.
        """
        self._url = _parsed(url)
        self._clock = clock
        self._create_folder = create_folder
        self._actor = actor
        # SQLite lets a writer who finds another one sleep for up to a tenth of a second between
        # two looks; threads of one process can do better.
        is_single = self._url.get_backend_name() == "sqlite"
        self._turn: AbstractContextManager[object] = Lock() if is_single else nullcontext()
        self._in_use: dict[object, float] = {}
        """Since when connections have been in use, by the clock's monotonic time."""
        self.dialect: str = self._url.get_backend_name()
        self.engine = self._engine()
        # Whoever forgets it need not have closed it; a process that ends is in no need of that.
        weakref.finalize(self, self.engine.dispose).atexit = False

    @property
    def address(self) -> str:
        """The store's address for messages; the password is never in it."""
        return self._url.render_as_string(hide_password=True)

    @property
    def file(self) -> Path | None:
        """The SQLite file; None on PostgreSQL."""
        return Path(self._url.database) if self.dialect == "sqlite" and self._url.database else None

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session that commits when the block ends and undoes everything when it raises.

        Raises:
            StoreError: the database failed. When its answer to the commit itself was lost, the
                change may have been made: every write here is true either way.
        """
        with (
            self._failing_as_store_error(),
            self._turn,
            self._connected(self.engine) as connection,
            self._session(connection) as session,
        ):
            self._begin(connection, is_writer=True)
            yield session
            if audit.has_notes(session):
                audit.write(session, at=now(session))
            steps.reached("store: before commit")
            if session.in_transaction():
                session.commit()
            connection.commit()
            steps.reached("store: after commit")

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for reading only: whatever is changed in it is forgotten.

        Raises:
            StoreError: the database failed.
        """
        with (
            self._failing_as_store_error(),
            self._connected(self.engine) as connection,
            self._session(connection) as session,
        ):
            self._begin(connection)
            session.autoflush = False
            yield session

    @contextmanager
    def connecting(self) -> Iterator[Connection]:
        """A bare connection inside one writing transaction, for migrations.

        Raises:
            StoreError: the database failed.
        """
        with self._failing_as_store_error(), self._connected(self.engine) as connection:
            with connection.begin():
                self._begin(connection, is_writer=True)
                yield connection
                steps.reached("store: before commit")
            steps.reached("store: after commit")

    def now(self, session: Session) -> datetime:
        """The time that decides about leases: the server's on PostgreSQL, else the clock's."""
        return now(session)

    def longest_use_s(self) -> float:
        """For how long any thread has been at one transaction, which should be moments."""
        began = min(list(self._in_use.values()), default=None)
        return 0.0 if began is None else self._clock.monotonic() - began

    def dispose(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @contextmanager
    def _connected(self, engine: Engine) -> Iterator[Connection]:
        """A connection without a transaction; one that is open at the end is undone."""
        use = object()
        self._in_use[use] = self._clock.monotonic()
        try:
            with engine.connect() as connection:
                yield connection
        finally:
            del self._in_use[use]

    @contextmanager
    def _session(self, connection: Connection) -> Iterator[Session]:
        """A session in the connection's transaction, which its records begin, or `execute`."""
        session = Session(
            connection,
            expire_on_commit=False,
            join_transaction_mode="control_fully",
            info={
                _CLOCK: self._clock if self.dialect == "sqlite" else None,
                audit.ACTOR: self._actor,
            },
        )
        try:
            yield session
        finally:
            # Most hold no record, and closing takes longer than some of their statements.
            if session.in_transaction() or session.identity_map:
                session.close()

    def _begin(self, connection: Connection, *, is_writer: bool = False) -> None:
        """Begin the transaction, here and not by an event of the engine, which slows it all."""
        if self.dialect == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writer else "BEGIN")
        elif is_writer:
            # A process frozen inside a transaction must not hold up every other host.
            connection.execute(_LIMITS)

    def _engine(self) -> Engine:
        try:
            engine = create_engine(
                self._url,
                pool_pre_ping=self.dialect == "postgresql",
                hide_parameters=True,
                connect_args=_connect_args(self._url),
            )
        except ModuleNotFoundError as error:
            raise StoreError(
                f"The store at {self.address} needs a driver that is not installed: "
                "run `pip install 'audsync[postgres]'`."
            ) from error
        if self.dialect == "sqlite":
            # Nothing of ours may hold on to the engine: SQLAlchemy keeps dialects, with whoever
            # listens to them, among its compiled statements, and connections would stay open.
            make_file = partial(
                _make_file,
                file=self.file,
                address=self.address,
                create_folder=self._create_folder,
            )
            event.listen(engine, "do_connect", make_file)
            event.listen(engine, "connect", _set_up_sqlite)
        else:
            event.listen(engine, "do_connect", _PatientConnect(self._clock))
        return engine

    @contextmanager
    def _failing_as_store_error(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, PoolTimeoutError) as error:
            raise store_error(error, address=self.address) from error


class _PatientConnect:
    """Connects to PostgreSQL; a server that answered before may be restarting: it tries a while.

    The first connection fails at once: then the address or the password is wrong.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._has_answered = False

    def __call__(
        self, dialect: Dialect, _record: object, args: list[Any], kwargs: dict[str, Any]
    ) -> Any:  # noqa: ANN401 - a driver's connection has no type of its own
        connect = partial(dialect.connect, *args, **kwargs)
        give_up_at = self._clock.monotonic() + RECONNECT_S
        while self._has_answered:
            try:
                return connect()
            except dialect.loaded_dbapi.OperationalError:
                if self._clock.monotonic() >= give_up_at:
                    raise
                self._clock.sleep(0.5)
        connection = connect()
        self._has_answered = True
        return connection


def now(session: Session) -> datetime:
    """The time that decides about leases, aware UTC.

    On PostgreSQL the server's, so that hosts whose clocks differ agree; on SQLite, which serves
    one host, the clock the database was made with.
    """
    clock: Clock | None = session.info[_CLOCK]
    if clock is not None:
        return clock.now()
    told: datetime = session.execute(_SERVER_TIME).scalar_one()
    return told.astimezone(UTC)


def execute(session: Session, statement: Executable, values: Values) -> CursorResult[Any]:
    """Run a statement of plain columns in the session's transaction, past its records.

    Several times quicker than loading, changing and flushing a record, for what runs with every
    batch. Records that the session holds already do not notice.

    Args:
        session: one of `Database.transaction` or `Database.reading`.
        statement: of columns of tables; built once where it runs often.
        values: its parameters.
    """
    connection = session.bind
    assert isinstance(connection, Connection), "a session of another making"
    return connection.execute(statement, values)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        # Without the cause: what could not be read may have a password in it.
        raise ConfigError(
            "`store.url` cannot be read: write sqlite:///FILE or postgresql://USER@HOST/NAME."
        ) from None
    driver = _DRIVERS.get(parsed.get_backend_name())
    if driver is None or parsed.drivername not in {parsed.get_backend_name(), driver}:
        raise ConfigError(
            f"`store.url` begins with {parsed.drivername}, which audsync does not speak: "
            "write sqlite:///FILE or postgresql://USER@HOST/NAME."
        )
    if driver == "sqlite+pysqlite" and parsed.database in {None, "", ":memory:"}:
        raise ConfigError(
            "`store.url` names no file: a store in memory would forget what was sent. "
            "Write sqlite:///FILE."
        )
    return parsed.set(drivername=driver)


def _connect_args(url: URL) -> dict[str, Any]:
    """What is told to the driver; whatever the address itself says comes first."""
    if url.get_backend_name() == "sqlite":
        defaults: dict[str, Any] = {"timeout": BUSY_TIMEOUT_S}
    else:
        # Server-side prepared statements break behind PgBouncer in transaction mode.
        defaults = {**_POSTGRES_DEFAULTS, "prepare_threshold": None}
    return {key: value for key, value in defaults.items() if key not in url.query}


def _make_file(*_: object, file: Path | None, address: str, create_folder: bool) -> None:
    """Make the SQLite file readable by its owner alone; SQLite's journals copy its mode."""
    if file is None or file.exists():
        return
    try:
        if create_folder:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreError(
            f"The store {address} cannot be made: {error.strerror}. "
            "Check `store.url` and the folder's permissions."
        ) from error


def _set_up_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - a driver's connection
    # Python's own transaction handling would begin with a plain BEGIN: see _begin_sqlite.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    # Not WAL: with two connections SQLite 3.7.0 to 3.51.2 can lose commits in it
    # (https://sqlite.org/changes.html, read 2026-11-22), and our writes are few.
    connection.execute("PRAGMA journal_mode = DELETE")
    # EXTRA also syncs the folder after the journal is unlinked. With FULL a power cut can bring
    # the journal back and undo a commit (https://sqlite.org/pragma.html#pragma_synchronous, read
    # 2026-11-22): a batch would have been sent that the ledger knows nothing of.
    connection.execute("PRAGMA synchronous = EXTRA")
