"""Single values that the store keeps: made up once, or written anew by each run."""

from collections.abc import Callable

from sqlmodel import Session, col, select, update

from audsync.store.missing import insert_missing
from audsync.store.tables import Setting


def get_or_create(session: Session, key: str, make: Callable[[], str]) -> str:
    """The value under `key`; when there is none, the one that `make` gives is kept.

    Processes that ask at the same moment all get the same value.
    """
    stored = session.exec(select(Setting.value).where(col(Setting.key) == key)).first()
    if stored is not None:
        return stored
    insert_missing(session, Setting, {"key": key, "value": make()})
    return session.exec(select(Setting.value).where(col(Setting.key) == key)).one()


def read(session: Session, key: str) -> str | None:
    """The value under `key`; None when there is none."""
    return session.exec(select(Setting.value).where(col(Setting.key) == key)).first()


def write(session: Session, key: str, value: str) -> None:
    """Put the value under `key`, whatever was there."""
    insert_missing(session, Setting, {"key": key, "value": value})
    session.exec(update(Setting).where(col(Setting.key) == key).values(value=value))
