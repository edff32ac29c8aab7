"""The types of columns that CSV and JSON leave open, for `where` and for traits.

Every value of the column has a say, in one pass over just the columns asked for: a type taken
from a sample would round or refuse the first odd value far down in the file. A column whose values
agree on no type stays text.
"""

# ruff: noqa: S608 - SQL is the craft here: names and texts go through `engine`, `where` is proved

from collections.abc import Mapping, Sequence

import duckdb

from audsync.errors import SourceError

TEXT = "VARCHAR"
NESTED = "audsync:nested"
"""Mark of the error for objects and lists where one value is wanted."""
_INTEGER, _NUMBER, _BOOLEAN, _DATE, _TIMESTAMP, _OTHER, _NESTED = (1 << bit for bit in range(7))
_TYPES = {
    _INTEGER: "BIGINT",
    _NUMBER: "DOUBLE",
    _INTEGER | _NUMBER: "DOUBLE",
    _BOOLEAN: "BOOLEAN",
    _DATE: "DATE",
    _TIMESTAMP: "TIMESTAMP",
    _DATE | _TIMESTAMP: "TIMESTAMP",
}
# A leading zero or more than 18 digits mean an id, not a quantity: such a column stays text.
_INTEGER_SHAPE = r"[+-]?(0|[1-9][0-9]{0,17})"
_NUMBER_SHAPE = r"[+-]?(0|[1-9][0-9]{0,17})?(\.[0-9]+|\.)?([eE][+-]?[0-9]{1,3})?"
_DATE_SHAPE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIMESTAMP_SHAPE = _DATE_SHAPE + r"[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?Z?"


def infer_types(
    connection: duckdb.DuckDBPyConnection,
    scans: Sequence[tuple[str, str, Mapping[str, tuple[str, str]]]],
) -> dict[str, str]:
    """The type that all values of each column share.

    Args:
        connection: where to ask.
        scans: what to call each, its table function, and column -> (SQL name, VARCHAR or JSON).

    Raises:
        SourceError: a column holds nested JSON.
        duckdb.Error: a file cannot be read.
    """
    seen: dict[str, int] = {}
    for place, scan, cells in scans:
        kinds = ", ".join(f"bit_or({_kind(cell, type_)})" for cell, type_ in cells.values())
        row = connection.sql(f"SELECT {kinds} FROM {scan}").fetchall()[0]
        for name, mask in zip(cells, row, strict=True):
            seen[name] = seen.get(name, 0) | (mask or 0)
            if seen[name] & _NESTED:
                raise SourceError(f"{place}: {nested(name)}", details={"column": name})
    return {name: _TYPES.get(mask, TEXT) for name, mask in seen.items()}


def typed(cell: str, *, source: str, target: str) -> str:
    """SQL for the value of `cell` as `target`; blank is null, as for every type but text."""
    text = _text_of(cell, source)
    return text if target == TEXT else f"CAST(nullif(trim({text}), '') AS {target})"


def nested(column: str) -> str:
    """What to say of a column with objects or lists in it."""
    return (
        f"column `{column}` holds nested values (objects or lists); give each value a column of "
        "its own in the export, or name another column"
    )


def is_number(cell: str, source: str) -> str:
    """SQL that is true where `cell` holds a number or nothing."""
    text = f"trim({_text_of(cell, source)})"
    return f"coalesce({text} = '' OR regexp_full_match({text}, '{_NUMBER_SHAPE}'), true)"


def _text_of(cell: str, source: str) -> str:
    return cell if source == TEXT else f"({cell} ->> '$')"


def _kind(cell: str, type_: str) -> str:
    if type_ == TEXT:
        return _kind_of_text(cell, is_free=True)
    text = _text_of(cell, type_)
    return (
        f"CASE json_type({cell}) "
        f"WHEN 'VARCHAR' THEN {_kind_of_text(text, is_free=False)} "
        f"WHEN 'BOOLEAN' THEN {_BOOLEAN} "
        f"WHEN 'OBJECT' THEN {_NESTED} WHEN 'ARRAY' THEN {_NESTED} WHEN 'NULL' THEN NULL "
        f"ELSE {_kind_of_text(text, is_free=True)} END"
    )


def _kind_of_text(text: str, *, is_free: bool) -> str:
    """SQL for the bit of one value. A JSON string is no number even if it looks like one."""
    text = f"trim({text})"
    quantities = (
        f"WHEN regexp_full_match({text}, '{_INTEGER_SHAPE}') THEN {_INTEGER} "
        f"WHEN regexp_full_match({text}, '{_NUMBER_SHAPE}') AND try_cast({text} AS DOUBLE) "
        f"IS NOT NULL THEN {_NUMBER} "
        f"WHEN lower({text}) IN ('true', 'false') THEN {_BOOLEAN} "
    )
    return (
        f"CASE WHEN {text} IS NULL OR {text} = '' THEN NULL "
        f"{quantities if is_free else ''}"
        f"WHEN regexp_full_match({text}, '{_DATE_SHAPE}') AND try_cast({text} AS DATE) "
        f"IS NOT NULL THEN {_DATE} "
        f"WHEN regexp_full_match({text}, '{_TIMESTAMP_SHAPE}') AND try_cast({text} AS TIMESTAMP) "
        f"IS NOT NULL THEN {_TIMESTAMP} "
        f"ELSE {_OTHER} END"
    )
