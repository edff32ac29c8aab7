"""Python's values of a database column as an Arrow column: texts that equal those of a file.

The texts are DuckDB's for the same value in a Parquet file, and so those of a CSV written of it.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa

from audsync.errors import SourceError

Values = Sequence[Any]
"""One column of some rows, as a database driver gives it."""
_EXACT_FLOAT = 10**18
_NOTHING = type(None)
_LISTS = (list, tuple)
_BYTES = (bytes, bytearray, memoryview)
_TIMES: dict[type, pa.DataType] = {
    date: pa.date32(),
    datetime: pa.timestamp("us"),
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    Decimal: pa.float64(),
}


class NoTextError(Exception):
    """A value that no text stands for: says what kind of value, never which."""


def column_type(values: Values, *, is_trait: bool) -> pa.DataType:
    """The type that a column gets by its first values.

    Args:
        values: of the first rows.
        is_trait: whether the type matters; else it is text, or an array of texts.
    """
    found = set(map(type, values)) - {_NOTHING}
    if found & set(_LISTS):
        return pa.list_(pa.string())
    if not is_trait:
        return pa.string()
    types = {_TIMES.get(each, pa.string()) for each in found}
    if types == {pa.int64(), pa.float64()}:
        return pa.float64()
    if len(types) != 1:
        return pa.string()
    (only,) = types
    is_zoned = any(isinstance(each, datetime) and each.tzinfo is not None for each in values)
    return pa.timestamp("us", "UTC") if is_zoned else only


def column(name: str, values: Values, type_: pa.DataType, *, place: str) -> pa.Array:
    """The values as an Arrow column of that type.

    Raises:
        SourceError: a value is not of the type, or has no text.
    """
    reason = ""
    try:
        if type_ == pa.string():
            return _texts(values)
        if pa.types.is_list(type_):
            return pa.array([_list(each) for each in values], type_)
        if pa.types.is_floating(type_):
            values = [float(each) if isinstance(each, Decimal) else each for each in values]
        return pa.array(values, type_)
    except NoTextError as error:
        reason = str(error)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        # ValueError: also a lone surrogate, whose error would carry the text along.
        reason = "values that are not of one kind; cast them in the query"
    raise SourceError(f"{place}: column `{name}` holds {reason}", details={"column": name})


def _texts(values: Values) -> pa.Array:
    found = set(map(type, values))
    if found <= {str, _NOTHING}:
        return pa.array(values, pa.string())
    if found <= {int, _NOTHING}:
        return pa.array([None if each is None else str(each) for each in values], pa.string())
    return pa.array([text(each) for each in values], pa.string())


def _list(value: object) -> list[str | None] | None:
    if value is None:
        return None
    return [text(each) for each in value] if isinstance(value, _LISTS) else [text(value)]


def text(value: object) -> str | None:
    """The text of one value; None for nothing and for what is no number.

    Raises:
        NoTextError: it is a structure, an array within an array, or bytes that are no text.
    """
    if value is None or isinstance(value, str):
        return value
    convert = _CONVERTERS.get(type(value))
    if convert is not None:
        return convert(value)
    if isinstance(value, _BYTES):
        return _of_bytes(bytes(value))
    if isinstance(value, (dict, *_LISTS)):
        raise NoTextError("nested values (objects or lists); give each value a column of its own")
    return str(value)


def _of_float(value: float) -> str | None:
    if value != value:  # noqa: PLR0124 - what is no number equals nothing
        return None
    is_whole = value.is_integer() and abs(value) < _EXACT_FLOAT
    return str(int(value)) if is_whole else repr(value)


def _of_decimal(value: Decimal) -> str | None:
    if value.is_nan():
        return None
    return re.sub(r"\.0+$", "", f"{value:f}")


def _of_datetime(value: datetime) -> str:
    at = value.astimezone(UTC) if value.tzinfo else value
    clock = _of_time(at.time())
    if clock == "00:00:00":
        return at.date().isoformat()
    return f"{at.date().isoformat()} {clock}" + ("+00" if value.tzinfo else "")


def _of_time(value: time) -> str:
    clock = value.isoformat()
    return clock.rstrip("0") if "." in clock else clock


def _of_bytes(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        pass
    raise NoTextError("bytes that are no UTF-8 text; write them as hexadecimal in the query")


_CONVERTERS: dict[type, Callable[[Any], str | None]] = {
    bool: lambda value: "true" if value else "false",
    int: str,
    float: _of_float,
    Decimal: _of_decimal,
    datetime: _of_datetime,
    date: date.isoformat,
    time: _of_time,
    UUID: str,
}
