"""The SQL of one reading: from raw cells to the columns that callers get. Pure text, no I/O.

Inside, columns are `audsync:…`; the names of the source appear only around the user's `where`.
"""

# ruff: noqa: S608 - SQL is the craft here: names and texts go through `engine`, `where` is proved

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from audsync.errors import SourceError
from audsync.segments import kinds
from audsync.segments.condition import Condition
from audsync.segments.contract import CONSENT, PROFILE_ID, Query
from audsync.segments.engine import name_literal, text_literal
from audsync.segments.kinds import NESTED
from audsync.segments.layout import Layout
from audsync.segments.listing import SourceFile

MAX_CELL_BYTES = 65_536
"""No identifier comes near it; above it, one row could take the memory of a whole batch."""
TOO_LONG = "audsync:too-long"
_BLANK = r"E' \t\r\n'"
_NESTED_TYPES = ("STRUCT", "MAP", "UNION", "VARIANT")
_EXACT_FLOAT = 10**18


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Files of one layout, next to each other in the order of names."""

    files: tuple[SourceFile, ...]
    layout: Layout
    types: Mapping[str, str]
    """Column -> type, for the columns of `where` and the traits."""
    suspicions: tuple[tuple[str, str], ...] = ()
    """Of lists that are taken apart: SQL that is true where a cell of the rows before cannot be
    used, and what to say then."""


def statement(query: Query, parts: Sequence[Part], condition: Condition | None) -> str:
    """The query over all files."""
    return " UNION ALL ".join(_select(query, part, condition) for part in parts)


def prepared(query: Query, part: Part, condition: Condition | None) -> str:
    """A table with `audsync:N` (text of the N-th mapped column), traits, and `where`'s columns."""
    columns = [f"{_text(part, name)} AS {_inner(query, name)}" for name in query.mapped]
    columns += [f"{_typed(part, name)} AS {_trait(name)}" for name in query.traits]
    names = condition.columns if condition else ()
    columns += [f"{_typed(part, name)} AS {name_literal(name)}" for name in names]
    needed = tuple(dict.fromkeys((*query.mapped, *query.traits, *names)))
    return f"(SELECT {', '.join(columns)} FROM {part.layout.scan_of(part.files, needed)})"


def faults(query: Query, part: Part) -> Iterator[tuple[str, str, str]]:
    """What can be wrong with a cell: its column, the mark of the error, SQL that is true then."""
    for name in dict.fromkeys((*query.mapped, *query.traits)):
        cell = part.layout.cell(name)
        yield name, TOO_LONG, f"strlen(CAST({cell} AS VARCHAR)) > {MAX_CELL_BYTES}"
        if part.layout.type_of(name) == "JSON":
            yield name, NESTED, f"json_type({cell}) IN ('OBJECT', 'ARRAY')"


def _select(query: Query, part: Part, condition: Condition | None) -> str:
    columns = [
        f"{_fingerprint(query, part)} AS fingerprint",
        f"{_profile_id(query)} AS profile_id",
        *(f"{sql} AS {name_literal(name)}" for name, sql in _consents(query)),
    ]
    columns += [
        f"{_inner(query, name)} AS {name_literal(f'{label}.{position}')}"
        for label, names in query.columns.items()
        if label.partition(".")[0] not in {PROFILE_ID, CONSENT}
        for position, name in enumerate(names)
    ]
    columns += [f"{_trait(name)} AS {name_literal(f'trait.{name}')}" for name in query.traits]
    rows = prepared(query, part, condition)
    if condition:  # a level of its own, where it sees no alias of ours
        rows = f"(SELECT * FROM {rows} WHERE {condition.sql})"
    return f"SELECT {', '.join(columns)} FROM {rows}"


def _fingerprint(query: Query, part: Part) -> str:
    """SQL for the hash of all mapped cells, which also refuses cells that are too long.

    One test for all of them: a test in every column costs as much as the rest of the query.
    """
    cells = [_inner(query, name) for name in query.mapped]
    texts = cells + [_trait(name) for name in query.traits if part.types[name] == kinds.TEXT]
    is_long = " OR ".join(f"strlen({text}) > {MAX_CELL_BYTES}" for text in texts) or "false"
    hashed = ", ".join([text_literal(query.salt), *cells])
    return f"CASE WHEN {is_long} THEN error('{TOO_LONG}') ELSE hash({hashed}) END"


def _inner(query: Query, name: str) -> str:
    return name_literal(f"audsync:{query.mapped.index(name)}")


def _trait(name: str) -> str:
    return name_literal(f"audsync:trait.{name}")


def _profile_id(query: Query) -> str:
    cells = [_inner(query, name) for name in query.columns.get(PROFILE_ID, ())]
    # From "!" on no text begins with a space; the pattern alone costs half as much as the hash.
    filled = [
        rf"CASE WHEN {cell} >= '!' OR regexp_matches({cell}, '\S') THEN {cell} END"
        for cell in cells
    ]
    return f"coalesce({', '.join(filled)})" if filled else "CAST(NULL AS VARCHAR)"


def _consents(query: Query) -> Iterator[tuple[str, str]]:
    """Name and SQL of each column that says who agreed."""
    labels = [label for label in query.columns if label.startswith(f"{CONSENT}.")]
    for label in (CONSENT, *labels):
        yield f"has_{label}", _has_consent(query, label)


def _has_consent(query: Query, label: str) -> str:
    cells = [_inner(query, name) for name in query.columns.get(label, ())]
    yes = ", ".join(text_literal(word) for word in query.yes_words)
    agreed = [f"coalesce(lower(trim({cell}, {_BLANK})) IN ({yes}), false)" for cell in cells]
    return " AND ".join(agreed) or "true"


def _typed(part: Part, name: str) -> str:
    source, cell = part.layout.type_of(name), part.layout.cell(name)
    if source not in {kinds.TEXT, "JSON"} or source == part.types[name]:
        return cell
    return kinds.typed(cell, source=source, target=part.types[name])


def _text(part: Part, name: str) -> str:
    """SQL for a cell as the text that stands in the file, or would stand in a CSV of it."""
    cell, type_ = part.layout.cell(name), part.layout.type_of(name)
    text = f"CAST({cell} AS VARCHAR)"
    if type_ == kinds.TEXT:
        return cell
    if type_ == "JSON":
        return _json_text(cell)
    if type_.endswith("]") or type_.startswith(_NESTED_TYPES):
        path = str(part.files[0])
        raise SourceError(f"{path}: {kinds.nested(name)}", details={"path": path, "column": name})
    if type_ in {"DOUBLE", "FLOAT"}:
        # A nullable integer often comes as a float: 4.9e12 was a phone, NaN was nothing. Parquet's
        # statistics pass over NaN, and DuckDB 2.0.0 takes them for the proof that there is none:
        # it asks `isnan` no more, and what cannot be a number must not fail then.
        return (
            f"CASE WHEN isnan({cell}) THEN NULL "
            f"WHEN {cell} = trunc({cell}) AND abs({cell}) < {_EXACT_FLOAT} "
            f"THEN CAST(TRY_CAST({cell} AS BIGINT) AS VARCHAR) ELSE {text} END"
        )
    if type_.startswith("DECIMAL"):
        return rf"regexp_replace({text}, '\.0+$', '')"
    if type_.startswith("TIMESTAMP"):
        return rf"regexp_replace({text}, ' 00:00:00(\+00)?$', '')"
    return text


def _json_text(cell: str) -> str:
    text = f"({cell} ->> '$')"
    return (
        f"CASE json_type({cell}) WHEN 'VARCHAR' THEN {text} "
        rf"WHEN 'DOUBLE' THEN regexp_replace({text}, '\.0+$', '') "
        f"WHEN 'OBJECT' THEN error('{NESTED}') WHEN 'ARRAY' THEN error('{NESTED}') "
        f"ELSE {text} END"
    )
