"""A segment's rows as the columns of a file in our own form: names of ours, traits, events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import polars as pl
import pyarrow as pa

from audsync.domain import Kind
from audsync.sync.exports.people import Rows, shown
from audsync.sync.tables.hashes import Flags

PROFILE_ID = "profile_id"
EVENTS = "events"


class Layout(Protocol):
    """What one kind of file looks like."""

    @property
    def name(self) -> str:
        """Tells the file from its siblings; "" for the only one."""
        ...

    @property
    def header(self) -> tuple[str, ...] | None:
        """The header line of a CSV; empty: none; None: the names of the table's columns."""
        ...

    def empty(self) -> pa.Table:
        """No rows, with the columns that there would be."""
        ...


class Sheet(Layout, Protocol):
    """What becomes of rows in one kind of file."""

    def table(self, rows: Rows) -> tuple[pa.Table, Flags]:
        """The file's rows, and which of `rows` stand in it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is written of a segment, and how."""

    kinds: Mapping[Kind, int]
    """Kinds of value, and how many columns the config names for each."""
    traits: Sequence[str]
    is_hashed: bool
    is_sent_form: bool
    """Raw where the platform takes it raw; else a hash there, too."""
    has_events: bool = False
    has_lists: bool
    """Several values of a kind in one cell; else each in a column of its own (`email_2`)."""


class PlainSheet:
    """profile_id, identifiers, traits, in this order: one row a row of the source.

    A kind with more than one column, or with arrays, is a list of all its values where the format
    has lists, else `email`, `email_2` and so on: as many columns as there may be values, so that a
    file's columns do not depend on its rows.
    """

    name = ""
    header = None

    def __init__(self, choice: Choice) -> None:
        self._choice = choice

    def table(self, rows: Rows) -> tuple[pa.Table, Flags]:
        cells: dict[str, pa.Array] = {PROFILE_ID: rows.batch[PROFILE_ID]}
        for kind in self._choice.kinds:
            names = rows.columns_of(kind.label)
            columns = [self._cells(rows, name) for name in names]
            if self._choice.has_lists and len(columns) > 1:
                cells[kind.label] = _listed(columns)
            else:
                cells |= zip(_numbered(kind.label, len(columns)), columns, strict=True)
        for trait in self._choice.traits:
            cells[_free(trait, cells)] = rows.batch[f"trait.{trait}"]
        return pa.table(cells), np.ones(rows.batch.num_rows, dtype=bool)

    def with_events(self, table: pa.Table, events: pa.Array) -> pa.Table:
        """The file's rows with what their people did, lists of structs, in a column at the end."""
        cells = events if self._choice.has_lists else _as_json(events)
        taken = dict.fromkeys(table.column_names)
        return table.append_column(_free(EVENTS, taken), cells)

    def empty(self) -> pa.Table:
        columns: dict[str, pa.DataType] = {PROFILE_ID: pa.string()}
        for kind, count in self._choice.kinds.items():
            if self._choice.has_lists and count > 1:
                columns[kind.label] = pa.large_list(pa.large_string())
            else:
                columns |= dict.fromkeys(_numbered(kind.label, count), pa.string())
        for trait in self._choice.traits:
            columns[_free(trait, columns)] = pa.string()
        if self._choice.has_events:
            lists = pa.large_list(pa.large_string())
            columns[_free(EVENTS, columns)] = lists if self._choice.has_lists else pa.string()
        return pa.schema(columns.items()).empty_table()

    def _cells(self, rows: Rows, name: str) -> pa.Array:
        look = rows.looks[name]
        return shown(look, is_hashed=self._choice.is_hashed, is_sent_form=self._choice.is_sent_form)


def values_of(columns: Sequence[pa.Array]) -> pl.Series:
    """Every row's values as a list: no nulls, each value once, in the order of the columns."""
    frame = pl.DataFrame(
        [pl.Series(str(place), pl.from_arrow(column)) for place, column in enumerate(columns)]
    )
    listed = pl.concat_list(pl.all().cast(pl.String))
    return frame.select(listed.list.drop_nulls().list.unique(maintain_order=True)).to_series()


def _listed(columns: Sequence[pa.Array]) -> pa.Array:
    return values_of(columns).to_arrow()


def _as_json(lists: pa.Array) -> pa.Array:
    """Each list of structs as the text of a JSON array."""
    events = pl.Series(pl.from_arrow(lists))
    texts = events.list.eval(pl.element().struct.json_encode()).list.join(",")
    return ("[" + texts + "]").to_arrow()


def _numbered(label: str, count: int) -> list[str]:
    return [label + (f"_{place + 1}" if place else "") for place in range(count)]


def _free(trait: str, taken: Mapping[str, object]) -> str:
    """The trait's name, or one that no other column has."""
    name = trait
    while name in taken:
        name = f"trait_{name}"
    return name
