"""Columns of files that hold lists, taken apart into columns of one value each. Pure text."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from audsync.segments.cells import Cells, cells_of
from audsync.segments.contract import FileQuery
from audsync.segments.engine import name_literal
from audsync.segments.layout import Apart
from audsync.segments.selection import Part


def taken_apart(
    query: FileQuery, parts: Sequence[Part], needed: Sequence[str]
) -> tuple[FileQuery, tuple[Part, ...]]:
    """The query and its parts without lists; as they are where there is none.

    Args:
        query: what is mapped.
        parts: the files.
        needed: every column that the query, its traits and its `where` use.

    Raises:
        SourceError: a list stands where one value is wanted, or holds structures.
    """
    listed = frozenset(
        name for part in parts for name in query.mapped if part.layout.type_of(name).endswith("]")
    )
    if not listed:
        return query, tuple(parts)
    names = dict.fromkeys(
        name
        for columns in query.columns.values()
        if not listed.isdisjoint(columns)
        for name in columns
    )
    found = [
        cells_of(
            query,
            {name: part.layout.type_of(name) for name in names},
            place=str(part.files[0].path),
            listed_elsewhere=listed,
        )
        for part in parts
    ]
    firsts = {name: f"audsync:{name}[1]" for name in names}
    labels = {
        label: columns
        if listed.isdisjoint(columns)
        else tuple(firsts.get(name, name) for name in found[0].labels[label])
        for label, columns in query.columns.items()
    }
    return replace(query, columns=labels), tuple(
        _part(part, cells, firsts, needed) for part, cells in zip(parts, found, strict=True)
    )


def _part(part: Part, cells: Cells, firsts: Mapping[str, str], needed: Sequence[str]) -> Part:
    """The part with a column for each value, beside those that it has."""
    layout = part.layout
    taken = {firsts.get(name, name): sql for name, sql in cells.sql.items()}
    return replace(
        part,
        layout=replace(
            layout,
            columns=(*needed, *taken),
            types=(*map(layout.type_of, needed), *cells.types.values()),
            ways={},
            apart=Apart(
                reads=tuple(
                    dict.fromkeys(
                        layout.ways[name][0] if name in layout.ways else name for name in needed
                    )
                ),
                cells=", ".join(f"{layout.cell(name)} AS {name_literal(name)}" for name in needed),
                values=", ".join(f"{sql} AS {name_literal(name)}" for name, sql in taken.items()),
            ),
        ),
        suspicions=tuple((predicate, words) for _, predicate, words in cells.suspicions),
    )
