"""A segment's rows as the files of a platform's upload page: its headers, its order, its limits.

A person with more values than a row may hold takes further rows, in which the match fields stand
again. Rows without an identifier are left out: no page could do anything with them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from audsync.domain import Kind, Platform
from audsync.sync.exports.pages import PAGES, Header
from audsync.sync.exports.people import Rows, shown
from audsync.sync.exports.sheets import Sheet, values_of
from audsync.sync.tables.hashes import Flags

_ROW, _TURN = "row", "turn"
"""Beside columns that are named by numbers."""


def sheets(platform: Platform, kinds: Mapping[Kind, int], *, is_hashed: bool) -> list[Sheet]:
    """The files that the page wants for these kinds, in the order of the page.

    Args:
        platform: whose page.
        kinds: what is written, each of which the page takes, and how many columns each has.
        is_hashed: hashes; else normal forms.
    """
    page = PAGES[platform]
    families = [
        [kind for kind in page.columns if kind in kinds and kind in family] for family in page.apart
    ]
    families = [family for family in families if family]
    fields = [kind for kind in page.columns if kind in kinds and not kind.is_identifier]
    found: list[Sheet] = []
    for family in families:
        is_first = page.apart[0].issuperset(family)
        chosen = [kind for kind in page.columns if kind in {*family, *(fields if is_first else ())}]
        found.append(
            UploadSheet(
                name="-".join(kind.label for kind in family) if len(families) > 1 else "",
                columns={kind: page.columns[kind] for kind in chosen},
                counts={kind: kinds[kind] for kind in chosen},
                is_hashed=is_hashed,
                has_header=page.has_header,
            )
        )
    return found


@dataclass(slots=True, kw_only=True, eq=False)
class UploadSheet:
    """One file of an upload page."""

    name: str
    columns: Mapping[Kind, Header]
    counts: dict[Kind, int]
    """Columns of each kind: what the config names, until the first rows show what arrays add."""
    is_hashed: bool
    has_header: bool

    @property
    def header(self) -> tuple[str, ...]:
        """The header line; empty: none."""
        if not self.has_header:
            return ()
        return tuple(
            header.hashed if self.is_hashed else header.plain
            for kind, header in self.columns.items()
            for _ in range(self._width(kind))
        )

    def table(self, rows: Rows) -> tuple[pa.Table, Flags]:
        self.counts = {kind: len(rows.columns_of(kind.label)) for kind in self.columns}
        values = {kind: self._values(rows, kind) for kind in self.columns}
        taken = _joined([self._turn(values, turn) for turn in range(self._turns(values))])
        written = np.zeros(rows.batch.num_rows, dtype=bool)
        written[taken[_ROW].to_numpy()] = True
        return taken.drop(_ROW, _TURN).to_arrow(), written

    def empty(self) -> pa.Table:
        width = sum(self._width(kind) for kind in self.columns)
        return pa.schema([(str(place), pa.string()) for place in range(width)]).empty_table()

    def _width(self, kind: Kind) -> int:
        return min(self.columns[kind].repeats, self.counts[kind])

    def _turns(self, values: Mapping[Kind, pl.Series]) -> int:
        """How many rows the person with the most values takes; at least one."""
        needed = [1]
        for kind, listed in values.items():
            if kind.is_identifier and len(listed):
                most = int(listed.list.len().to_numpy().max())
                needed.append(-(-most // self._width(kind)))
        return max(needed)

    def _turn(self, values: Mapping[Kind, pl.Series], turn: int) -> pl.DataFrame:
        """The rows that hold everybody's values number `turn` of those that fit into a row."""
        cells: list[pl.Series] = []
        identifying: list[str] = []
        for kind, listed in values.items():
            width = self._width(kind)
            first = turn * width if kind.is_identifier else 0
            for place in range(first, first + width):
                name = str(len(cells))
                cells.append(listed.list.get(place, null_on_oob=True).alias(name))
                identifying += [name] if kind.is_identifier else []
        frame = pl.DataFrame(cells).with_columns(pl.lit(turn).alias(_TURN)).with_row_index(_ROW)
        return frame.filter(pl.any_horizontal(pl.col(identifying).is_not_null()))

    def _values(self, rows: Rows, kind: Kind) -> pl.Series:
        listed = values_of(
            [
                shown(rows.looks[name], is_hashed=self.is_hashed, is_sent_form=True)
                for name in rows.columns_of(kind.label)
            ]
        )
        if kind is not Kind.DATE_OF_BIRTH or not self.is_hashed:
            return listed
        # On its way to a platform a date is three hashes, commas between: the year comes first.
        return listed.list.eval(pl.element().str.split(",").list.first())


def _joined(turns: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The rows of all turns, those of one person together."""
    return pl.concat(turns).sort(_ROW, _TURN)
