"""The `batch_data` of a mapping call: checked, and turned into rows of keys by audience.

Source: `/segment/mapping/` as vendor copies and client libraries tell it, read 2026-11-22.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from audsync.sandbox.members import Row
from audsync.sandbox.tiktok import errors
from audsync.sandbox.tiktok.digests import STREAMED, Column, Kind, check

MAX_ROWS = 10_000
_SLOT = {"id", "audience_ids"}
_RAW = ("raw_email", "raw_phone", "raw_device_id")

Aim = tuple[str, ...]
"""The audiences that one slot names."""


@dataclass(slots=True, kw_only=True)
class Slots:
    """Cells and aims by column of the schema, as the call has them."""

    cells: list[list[str]] = field(repr=False)
    """Blank where a row has no such id."""
    aims: list[list[Aim]] = field(repr=False)

    def audience_ids(self) -> set[str]:
        """Every audience that is named."""
        return {each for aim in {aim for column in self.aims for aim in column} for each in aim}


def schema(given: Sequence[str] | None) -> tuple[Kind, ...]:
    """The kinds that `id_schema` names, in its order.

    Raises:
        RefusedError: it is missing, empty, or names something twice or unknown.
    """
    if given is None:
        raise errors.missing("id_schema")
    names = [name.upper() for name in given]
    if not names or not all(name in STREAMED for name in names):
        raise errors.field("id_schema", f"Must be some of: {', '.join(STREAMED)}.")
    if len(set(names)) < len(names):
        raise errors.field("id_schema", "Must not name an id type twice.")
    return tuple(STREAMED[name] for name in names)


def read(data: Any, *, width: int, too_many_rows_code: int) -> Slots:  # noqa: ANN401 - any JSON
    """Take `batch_data` apart.

    Raises:
        RefusedError: the number of rows is wrong, or a row or slot is malformed.
    """
    rows = _rows(data, width=width, too_many_rows_code=too_many_rows_code)
    cells = [[""] * len(rows) for _ in range(width)]
    aims: list[list[Aim]] = [[()] * len(rows) for _ in range(width)]
    for number, row in enumerate(rows):
        for at, slot in enumerate(row):
            if slot != {}:
                cells[at][number], aims[at][number] = _slot(slot, number, at)
    return Slots(cells=cells, aims=aims)


def keys(slots: Slots, kinds: Sequence[Kind]) -> tuple[list[Column], errors.RefusedError | None]:
    """Every column checked, and the refusal that the first flaw deserves."""
    columns = [check(kind, cells) for kind, cells in zip(kinds, slots.cells, strict=True)]
    for at, (kind, column) in enumerate(zip(kinds, columns, strict=True)):
        if column.bad:
            where = f"batch_data[{column.bad[0]}][{at}].id"
            if any(column.leaks[leak] for leak in _RAW):
                return columns, errors.not_hashed(where)
            return columns, errors.field(where, f"Must be {kind.digits} hexadecimal digits.")
    return columns, None


def rows_by_audience(slots: Slots, columns: Sequence[Column]) -> dict[str, list[Row]]:
    """For each audience the ids of every row that are meant for it."""
    by_audience: defaultdict[str, list[Row]] = defaultdict(list)
    rows_of_keys = zip(*(column.keys for column in columns), strict=True)
    for row, aims in zip(rows_of_keys, zip(*slots.aims, strict=True), strict=True):
        wanted = {aim for aim in aims if aim}
        if len(wanted) == 1:
            keys_of_row = tuple(filter(None, row))
            for audience_id in dict.fromkeys(wanted.pop()):
                by_audience[audience_id].append(keys_of_row)
        else:
            _split(row, aims, by_audience)
    return dict(by_audience)


def leaks(columns: Sequence[Column], kinds: Sequence[Kind]) -> Counter[tuple[str, str]]:
    """(kind of leak, column) of what must never leave a client, counted."""
    counted: Counter[tuple[str, str]] = Counter()
    for kind, column in zip(kinds, columns, strict=True):
        counted.update({(leak, kind.name): cells for leak, cells in column.leaks.items()})
    return counted


def _rows(data: Any, *, width: int, too_many_rows_code: int) -> list[list[Any]]:  # noqa: ANN401 - any JSON
    if data is None:
        raise errors.missing("batch_data")
    if not isinstance(data, list) or not data:
        raise errors.field("batch_data", f"Must be a list of 1 to {MAX_ROWS} rows.")
    if len(data) > MAX_ROWS:
        raise errors.too_many_rows(too_many_rows_code, MAX_ROWS)
    for number, row in enumerate(data):
        if not isinstance(row, list) or len(row) != width:
            what = "Must have one slot for each entry of id_schema."
            raise errors.field(f"batch_data[{number}]", what)
        if not any(row):
            raise errors.field(f"batch_data[{number}]", "Must have at least one id.")
    return data


def _slot(slot: Any, number: int, at: int) -> tuple[str, Aim]:  # noqa: ANN401 - any JSON
    where = f"batch_data[{number}][{at}]"
    if not isinstance(slot, dict) or slot.keys() != _SLOT:
        raise errors.field(where, "Must be empty or have id and audience_ids.")
    value, audience_ids = slot["id"], slot["audience_ids"]
    if not isinstance(value, str) or not value:
        raise errors.field(f"{where}.id", "Not a valid string.")
    if not isinstance(audience_ids, list) or not audience_ids:
        raise errors.field(f"{where}.audience_ids", "Must be a list of audience ids.")
    if set(map(type, audience_ids)) != {str}:
        raise errors.field(f"{where}.audience_ids", "Not a valid list of strings.")
    return value, tuple(audience_ids)


def _split(row: Row, aims: Sequence[Aim], by_audience: defaultdict[str, list[Row]]) -> None:
    """A row whose ids are meant for different audiences."""
    for audience_id in dict.fromkeys(each for aim in aims for each in aim):
        mine = tuple(key for key, aim in zip(row, aims, strict=True) if audience_id in aim)
        by_audience[audience_id].append(mine)
