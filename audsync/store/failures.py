"""What to say when the database fails. Pure; neither values nor passwords reach a message."""

from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from audsync.errors import StoreError

_ADVICE = (
    ("database is locked", "Another process keeps it locked: end or resume that, then try again."),
    ("lock timeout", "Another process keeps a row locked: end or resume that, then try again."),
    ("readonly", "Give this user the right to write to the file and its folder."),
    ("unable to open", "Check `store.url` and the permissions of the file and its folder."),
    ("disk is full", "Free some space on its disk, then run the command again."),
    ("disk i/o error", "Check its disk; `audsync doctor` says more."),
    ("not a database", "`store.url` names a file that is no audsync store: name another."),
    ("malformed", "The file is damaged: restore it from a backup, or name another one."),
    ("no such table", "It has not been set up: run `audsync doctor`."),
    ("no such column", "It does not fit this audsync: run `audsync doctor`."),
    ("undefined", "It does not fit this audsync: run `audsync doctor`."),
    ("authentication failed", "Check user and password in `store.url`."),
    ("does not exist", "Make the database or the role first, or correct `store.url`."),
)
_CHECK_SERVER = "Check that the server runs and that `store.url` is right, then try again."
_CLASH = "Another process changed the same thing at the same time: run the command again."
_OTHERWISE = "Run `audsync doctor` for more."


def store_error(error: SQLAlchemyError, *, address: str) -> StoreError:
    """The error to show for one from the database.

    Args:
        error: what SQLAlchemy raised.
        address: the store's address, without its password.
    """
    reason = _reason(error)
    return StoreError(
        f"The store at {address} failed: {reason}. {_advice(error, reason)}",
        details={"reason": reason},
    )


def _reason(error: SQLAlchemyError) -> str:
    """A few words; only an operational error's own text, since others may quote a value."""
    if isinstance(error, PoolTimeoutError):
        return "no connection became free in time"
    cause = error.orig if isinstance(error, DBAPIError) else None
    if cause is None:
        return type(error).__name__
    if isinstance(error, OperationalError) or not hasattr(cause, "sqlstate"):
        lines = str(cause).strip().splitlines() or [type(cause).__name__]
        return lines[0].rstrip(".")
    return f"{type(cause).__name__} ({cause.sqlstate})"


def _advice(error: SQLAlchemyError, reason: str) -> str:
    if isinstance(error, IntegrityError):
        return _CLASH
    lowered = reason.lower()
    for fragment, advice in _ADVICE:
        if fragment in lowered:
            return advice
    return _CHECK_SERVER if isinstance(error, OperationalError) else _OTHERWISE
