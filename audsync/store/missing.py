"""Rows that several processes may want to make at the same moment."""

from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel


def insert_missing(session: Session, table: type[SQLModel] | Table, values: dict[str, Any]) -> None:
    """Insert the row unless one of its key is there; afterwards it is there in any case."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    session.execute(insert(table).values(values).on_conflict_do_nothing())
