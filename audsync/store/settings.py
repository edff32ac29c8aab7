"""Values the store makes up once and keeps for ever."""

from collections.abc import Callable

from sqlmodel import Session, col, select

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
