"""The `payload` of an upload: parsed, checked, and turned into keys of persons."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import orjson

from audsync.sandbox.members import Row
from audsync.sandbox.meta import errors
from audsync.sandbox.meta.columns import CONTROL, MULTI, SINGLE, Column, check

MAX_ROWS = 10_000
MAX_SAMPLES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What a payload says."""

    schema: tuple[str, ...]
    is_list: bool
    """Whether the schema was given as a list: audiences take one family only."""
    received: int
    rows: list[Row] = field(repr=False)
    """The identifying keys of each valid row."""
    bad: dict[int, Any] = field(repr=False)
    """Row number, from 0 -> the cell that is to blame; "" for a row of blanks."""
    leaks: Counter[tuple[str, str]]
    """(kind, column) of values that must never leave a client, counted."""

    def samples(self) -> list[Any] | dict[str, Any]:
        """Meta's habit: an empty list, or an object of at most 100 rows."""
        if not self.bad:
            return []
        return {str(number): self.bad[number] for number in sorted(self.bad)[:MAX_SAMPLES]}


def parse(payload: Any, *, too_many_rows_code: int) -> Upload:  # noqa: ANN401 - any JSON
    """Read a payload, given as a JSON text (form) or as an object (JSON body).

    Raises:
        RefusedError: something that makes the whole request void.
    """
    document = as_object(payload, name="payload")
    schema, is_list = _schema(document.get("schema"))
    data = document.get("data")
    if not isinstance(data, list) or not data:
        raise errors.invalid("Param payload[data] must be a non-empty array", field="payload")
    if len(data) > MAX_ROWS:
        raise errors.too_many_rows(too_many_rows_code)
    return _checked(schema, is_list=is_list, data=_as_rows(data, width=len(schema)))


def as_object(value: Any, *, name: str) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """A parameter that must be a JSON object, or the text of one.

    Raises:
        RefusedError: it is missing or something else.
    """
    if value is None:
        raise errors.invalid(f"The parameter {name} is required", field=name)
    document = as_json(value, name=name)
    if not isinstance(document, dict):
        raise errors.invalid(f"Param {name} must be a JSON object", field=name)
    return document


def as_json(value: Any, *, name: str) -> Any:  # noqa: ANN401 - any JSON
    """A parameter that a JSON body holds as it is, and a form as JSON text.

    Raises:
        RefusedError: a text that is not JSON.
    """
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as broken:
        raise errors.invalid(f"Param {name} must be valid JSON", field=name) from broken


def _schema(given: Any) -> tuple[tuple[str, ...], bool]:  # noqa: ANN401 - any JSON
    """Keys, and whether they came as a list."""
    if isinstance(given, str) and (given in SINGLE or given in MULTI - CONTROL):
        return (SINGLE.get(given, given),), False
    if isinstance(given, list) and given and _are_keys(given):
        return tuple(given), True
    raise errors.invalid("Invalid schema for the user data", field="payload")


def _are_keys(given: list[Any]) -> bool:
    return all(isinstance(key, str) and key in MULTI for key in given)


def _as_rows(data: list[Any], *, width: int) -> list[list[Any]]:
    """Rows of `width` cells; one key alone may come without the inner lists."""
    kinds = set(map(type, data))
    if kinds == {str} and width == 1:
        return [[cell] for cell in data]
    if kinds != {list}:
        raise errors.invalid("Every row of payload[data] must be an array", field="payload")
    if set(map(len, data)) != {width}:
        message = "Every row of payload[data] must have as many cells as the schema has keys"
        raise errors.invalid(message, field="payload")
    return data


def _checked(schema: tuple[str, ...], *, is_list: bool, data: list[list[Any]]) -> Upload:
    columns = [
        check(name, cells) for name, cells in zip(schema, zip(*data, strict=True), strict=True)
    ]
    bad: dict[int, Any] = {}
    leaks: Counter[tuple[str, str]] = Counter()
    for name, column in zip(schema, columns, strict=True):
        for number, cell in column.bad.items():
            bad.setdefault(number, cell)
        leaks.update({(kind, name): cells for kind, cells in column.leaks.items()})
    for number in _blank_rows(schema, data):
        bad.setdefault(number, "")
    return Upload(
        schema=schema,
        is_list=is_list,
        received=len(data),
        rows=_rows(columns, bad, received=len(data)),
        bad=bad,
        leaks=leaks,
    )


def _blank_rows(schema: tuple[str, ...], data: list[list[Any]]) -> list[int]:
    """Rows that say nothing about anybody."""
    if CONTROL.isdisjoint(schema):
        return [number for number, row in enumerate(data) if not any(row)]
    telling = [at for at, name in enumerate(schema) if name not in CONTROL]
    return [number for number, row in enumerate(data) if not any(row[at] for at in telling)]


def _rows(columns: list[Column], bad: dict[int, Any], *, received: int) -> list[Row]:
    """The keys of every row that is not bad; rows of match fields alone come out empty."""
    identifying = [column.keys for column in columns if column.keys]
    if not identifying:
        return [() for number in range(received) if number not in bad]
    rows = [tuple(filter(None, keys)) for keys in zip(*identifying, strict=True)]
    if bad:
        return [row for number, row in enumerate(rows) if number not in bad]
    return rows
