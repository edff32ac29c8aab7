"""The SQL that turns a source's columns into columns of one value each. Pure text, no I/O.

Arrays are taken apart, bytes are read as text; what cannot be one value is refused.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from audsync.domain import IDENTIFIERS
from audsync.errors import SourceError
from audsync.segments import kinds
from audsync.segments.contract import Query
from audsync.segments.engine import name_literal
from audsync.segments.kinds import NESTED
from audsync.segments.paths import MAYBE_LIST

MAX_VALUES = 10
"""Values that one array may hold."""
TOO_MANY = "audsync:too-many"
_JSON = {"JSON", MAYBE_LIST}
_LISTABLE = {kind.label for kind in IDENTIFIERS}
_NESTED_TYPES = ("STRUCT", "MAP", "UNION", "VARIANT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Columns of one value each, made from those of a source."""

    sql: Mapping[str, str]
    """Column -> expression over the source's columns."""
    types: Mapping[str, str]
    """Column -> DuckDB's type of the expression, or the one whose text it is."""
    labels: Mapping[str, tuple[str, ...]]
    """Label -> columns. Where arrays are taken apart, column n belongs to the source column
    n modulo the number of source columns that the config names."""
    suspicions: tuple[tuple[str, str, str], ...]
    """Source column, SQL that is true where its cell cannot be used, what to say then."""


def cells_of(
    query: Query,
    types: Mapping[str, str],
    *,
    place: str,
    listed_elsewhere: frozenset[str] = frozenset(),
) -> Cells:
    """One column for each value.

    Args:
        query: which columns are wanted, and what for.
        types: source column -> DuckDB's type; JSON for text that is JSON.
        place: the source, for messages.
        listed_elsewhere: columns that hold lists in other files of the source.

    Raises:
        SourceError: a column holds structures, or arrays where one value is wanted.
    """
    listed = lists_of(query, types)
    for name, type_ in types.items():
        _check(query, name, type_, place=place)
    sql: dict[str, str] = {}
    found: dict[str, str] = {}
    labels = dict(query.columns)
    for name, type_ in types.items():
        sql[name], found[name] = _single(name, type_, 1, is_list=name in listed)
    for label, names in query.columns.items():
        if (listed | listed_elsewhere).isdisjoint(names):
            continue
        labels[label] = tuple(_taken(name, at) for at in range(1, MAX_VALUES + 1) for name in names)
        for name in names:
            for at in range(2, MAX_VALUES + 1):
                key = _taken(name, at)
                sql[key], found[key] = _single(name, types[name], at, is_list=name in listed)
    suspicions = tuple(one for name in types for one in _suspicions(name, types[name]))
    return Cells(sql=sql, types=found, labels=labels, suspicions=suspicions)


def lists_of(query: Query, types: Mapping[str, str]) -> frozenset[str]:
    """The columns that hold lists, or may."""
    return frozenset(name for name, type_ in types.items() if _is_list(query, name, type_))


def _is_list(query: Query, name: str, type_: str) -> bool:
    if type_ == "JSON":  # an array where there may be several values, else one value
        return all(label in _LISTABLE for label in _labels(query, name)) and (
            name not in query.traits
        )
    return type_.endswith("]")


def _check(query: Query, name: str, type_: str, *, place: str) -> None:
    element = type_.removesuffix("[]")
    if element.endswith("]") or element.startswith(_NESTED_TYPES):
        raise SourceError(f"{place}: {kinds.nested(name)}", details={"column": name})
    wanted = [*_labels(query, name), *(["traits"] if name in query.traits else [])]
    single = [label for label in wanted if label not in _LISTABLE]
    if element != type_ and single:
        raise SourceError(
            f"{place}: column `{name}` holds arrays, and `{single[0]}` wants one value; pick one "
            "in the query, or by its number (`name[0]`). Identifiers may be arrays",
            details={"column": name},
        )


def _labels(query: Query, name: str) -> list[str]:
    return [label for label, names in query.columns.items() if name in names]


def _taken(name: str, at: int) -> str:
    return name if at == 1 else f"audsync:{name}[{at}]"


def _single(name: str, type_: str, at: int, *, is_list: bool) -> tuple[str, str]:
    """The value number `at` (from 1) of a source column, and its type."""
    cell = name_literal(name)
    if type_ == "JSON":
        cell = f"CAST({cell} AS JSON)"
    if is_list:
        return _element(cell, type_, at)
    if at > 1:
        return "CAST(NULL AS VARCHAR)", kinds.TEXT
    return (f"decode({cell})", kinds.TEXT) if type_ == "BLOB" else (cell, type_)


def _element(cell: str, type_: str, at: int) -> tuple[str, str]:
    is_json = type_ in _JSON
    if is_json:
        values = (
            f"(CASE WHEN {_is_nested(cell)} THEN error('{NESTED}') ELSE CASE json_type({cell}) "
            f"WHEN 'ARRAY' THEN {cell} ->> '$[*]' WHEN 'NULL' THEN NULL "
            f"ELSE [{cell} ->> '$'] END END)"
        )
    else:
        values = cell
    element = kinds.TEXT if is_json else type_.removesuffix("[]")
    value = f"{values}[{at}]"
    if element == "BLOB":
        value, element = f"decode({value})", kinds.TEXT
    if at == 1:
        too_many = f"len({values}) > {MAX_VALUES}"
        value = f"CASE WHEN {too_many} THEN error('{TOO_MANY}') ELSE {value} END"
    return value, element


def _is_nested(cell: str) -> str:
    """SQL that is true where JSON is an object, or a list that holds objects or lists."""
    inner = f"list_has_any(json_type({cell}, '$[*]'), ['OBJECT', 'ARRAY'])"
    return f"coalesce(json_type({cell}) = 'OBJECT' OR {inner}, false)"


def _suspicions(name: str, type_: str) -> Iterator[tuple[str, str, str]]:
    cell = name_literal(name)
    too_many = f"column `{name}` holds more than {MAX_VALUES} values; cut the array in the source"
    if type_ == "BLOB":
        yield (
            name,
            f"{cell} IS NOT NULL AND try(decode({cell})) IS NULL",
            (
                f"column `{name}` holds bytes that are no UTF-8 text; write them as hexadecimal "
                f"in the query, such as encode({name}, 'hex')"
            ),
        )
    elif type_ in _JSON:
        yield name, _is_nested(f"CAST({cell} AS JSON)"), kinds.nested(name)
        yield name, f"json_array_length(CAST({cell} AS JSON)) > {MAX_VALUES}", too_many
    elif type_.endswith("]"):
        yield name, f"len({cell}) > {MAX_VALUES}", too_many
