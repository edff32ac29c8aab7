"""Column types on which SQLite and PostgreSQL must agree: times, words and JSON."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, String
from sqlalchemy.types import TypeDecorator

WORD_CHARS = 16


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time, in and out; SQLite alone would drop the zone.

    Raises:
        ValueError: the time going in has no zone, so nobody could say which moment it is.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002 - both databases get the same
    ) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "a time without a zone cannot be stored"
            raise ValueError(msg)
        return value.astimezone(UTC)

    def process_result_value(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002 - both databases give the same
    ) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Json(TypeDecorator[Any]):
    """A JSON value; None is SQL's NULL. Changes inside it go unseen: assign a new value."""

    impl = JSON(none_as_null=True)
    cache_ok = True


def words(enum: type[StrEnum]) -> type[TypeDecorator[StrEnum]]:
    """A column type for one enum, stored as its short text so that people can read the rows.

    Text rather than the database's own enum type: a new word then needs no migration.
    """

    class Word(TypeDecorator[StrEnum]):
        impl = String(WORD_CHARS)
        cache_ok = True

        def process_bind_param(
            self,
            value: StrEnum | None,
            dialect: Dialect,  # noqa: ARG002 - both databases get the same
        ) -> str | None:
            return None if value is None else enum(value).value

        def process_result_value(
            self,
            value: str | None,
            dialect: Dialect,  # noqa: ARG002 - both databases give the same
        ) -> StrEnum | None:
            return None if value is None else enum(value)

    Word.__name__ = Word.__qualname__ = f"{enum.__name__}Word"
    return Word
