"""The user's `where`: proved to be one expression over columns, and nothing else.

DuckDB's own parser is asked, so that what is checked is what will run.
"""

# ruff: noqa: S608 - SQL is the craft here: names and texts go through `engine`, `where` is proved

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from audsync.errors import SourceError
from audsync.segments.engine import name_literal

_EMPTY_PARTS = ("modifiers", "group_expressions", "having", "sample", "qualify")
_REFUSED_CLASSES = {
    "SUBQUERY": "a subquery",
    "WINDOW": "a window function",
    "STAR": "a star",
    "PARAMETER": "a parameter",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """An expression that decides which rows belong to the segment."""

    text: str
    columns: tuple[str, ...]
    """Source columns it uses, spelled as in the expression."""

    @property
    def sql(self) -> str:
        """The expression in brackets; a comment at its end cannot swallow the bracket."""
        return f"({self.text}\n)"


def parse_condition(connection: duckdb.DuckDBPyConnection, where: str | None) -> Condition | None:
    """The checked expression; None where there is none.

    Raises:
        SourceError: it is not one expression over the columns of the source.
    """
    if where is None:
        return None
    if not where.strip():
        raise refused("is empty; remove the key or write an expression")
    answer = connection.sql(
        "SELECT json_serialize_sql($1)", params=[f"SELECT 1 WHERE ({where}\n)"]
    ).fetchall()[0][0]
    parsed = json.loads(answer)
    if parsed["error"]:
        raise refused(f"is not an SQL expression{_reason(str(parsed['error_message']), where)}")
    statements = parsed["statements"]
    node = statements[0]["node"]
    is_plain = (
        len(statements) == 1
        and node["type"] == "SELECT_NODE"
        and node["from_table"]["type"] == "EMPTY"
        and not node["cte_map"]["map"]
        and not any(node.get(part) for part in _EMPTY_PARTS)
        and node["where_clause"] is not None
    )
    if not is_plain:
        raise refused("is more than one expression; write a single true-or-false expression")
    return Condition(text=where, columns=_columns(node["where_clause"]))


def type_fault(
    connection: duckdb.DuckDBPyConnection, condition: Condition, types: Mapping[str, str]
) -> str | None:
    """Why the expression makes no sense for columns of these types; None where it does."""
    # A row of nulls that DuckDB cannot know to be nulls, so that it does not skip the work.
    columns = ", ".join(
        f"unnest([NULL::{type_}]) AS {name_literal(name)}" for name, type_ in types.items()
    )
    try:
        connection.sql(f"SELECT 1 FROM (SELECT {columns or '1'}) WHERE {condition.sql}").fetchall()
    except duckdb.Error as error:
        return _reason(str(error), condition.text)
    return None


def _columns(clause: dict[str, Any]) -> tuple[str, ...]:
    names: dict[str, None] = {}
    parameters: set[str] = set()
    for node in _nodes(clause):
        kind = node.get("class")
        if kind in _REFUSED_CLASSES:
            raise refused(f"holds {_REFUSED_CLASSES[kind]}, which is not allowed there")
        if kind == "COLUMN_REF":
            names[node["column_names"][0]] = None
        if kind == "LAMBDA":
            parameters |= {
                inner["column_names"][0]
                for inner in _nodes(node["lhs"])
                if inner.get("class") == "COLUMN_REF"
            }
    return tuple(name for name in names if name not in parameters)


def _nodes(tree: object) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        for child in tree.values():
            yield from _nodes(child)
    elif isinstance(tree, list):
        for child in tree:
            yield from _nodes(child)


def _reason(message: str, where: str) -> str:
    """DuckDB's own words, unless they quote a text of the expression: it may be an identifier."""
    first = message.splitlines()[0]
    if "'" in where and "'" in first:
        return ""
    quoted = [text for text in re.findall(r"'([^']*)'", where) if text]
    return "" if any(text in first for text in quoted) else f" ({first})"


def refused(reason: str) -> SourceError:
    """The error for an expression that cannot be used."""
    return SourceError(
        f"`where` {reason}; correct `where` in the segment", details={"key": "where"}
    )
