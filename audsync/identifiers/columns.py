"""One column of a batch, on its way to the values that a platform takes.

Nearly all cells of a column are ordinary: written so that one look tells their normal form. Each
kind's module knows what is ordinary, for kinds that have a quick look; every other cell is judged
the long way, which is right for all. Where cells can only be few different ones, each is judged
and hashed once.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from audsync.domain import Kind
from audsync.identifiers import device, email, phone_ordinary
from audsync.identifiers import text as texts
from audsync.identifiers.judging import Cells, Judged, judge
from audsync.identifiers.packing import Rejections, Rows, Values, Way
from audsync.identifiers.place import Regions
from audsync.identifiers.reasons import Reason
from audsync.identifiers.rules import BIRTH_SLICES, Form, Rule

_Recogniser = Callable[[pa.Array, Regions], texts.Found]

_RECOGNISERS: Mapping[Form, _Recogniser] = {
    Form.EMAIL: lambda cells, _: email.ordinary(cells),
    Form.EMAIL_SPACELESS: lambda cells, _: email.ordinary(cells),
    Form.EMAIL_GMAIL: lambda cells, _: email.ordinary_gmail(cells),
    Form.DEVICE: lambda cells, _: device.ordinary(cells),
    Form.DEVICE_LETTERS: lambda cells, _: device.ordinary_letters(cells),
    Form.DEVICE_AS_GIVEN: lambda cells, _: device.ordinary_as_given(cells),
    Form.PHONE_DIGITS: phone_ordinary.ordinary,
    Form.PHONE_PLUS: phone_ordinary.ordinary_plus,
}

_OF_FEW = frozenset({Kind.COUNTRY, Kind.GENDER, Kind.DATE_OF_BIRTH})
"""Kinds with few different cells, whose verdict does not depend on the row's region."""

_Picks = Callable[[Rows], tuple[Rows, Rows | None]]
"""From numbers of judged cells to the rows that have them, and which of them each has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """Raw cells of one kind, and how to read them."""

    name: str
    kind: Kind
    rule: Rule | None
    """None where the platform does not take the kind."""
    form: Form
    cells: pa.Array
    """Strings, as the source gave them."""
    regions: Regions
    is_lenient: bool
    """Whether possible phone numbers are kept."""

    @property
    def is_raw(self) -> bool:
        """Whether the platform takes the text itself."""
        return self.rule is not None and self.rule.is_raw

    def judge(self, rows: Rows) -> Judged:
        """The verdict on these rows' cells, the long way."""
        text = texts.series(self.cells).gather(rows)
        return self._judge(Cells(rows, text, self.regions.of(rows)))

    def judge_each(self, different: pl.Series) -> Judged:
        """The verdict on cells that stand for many; their rows are their numbers here."""
        nowhere = pl.Series([None], dtype=pl.String).new_from_index(0, len(different))
        return self._judge(Cells(np.arange(len(different)), different, nowhere))

    def _judge(self, cells: Cells) -> Judged:
        return judge(
            cells, kind=self.kind, form=self.form, is_raw=self.is_raw, is_lenient=self.is_lenient
        )


def prepared(column: Column) -> tuple[list[Values], list[Rejections]]:
    """What becomes of each cell that is not blank."""
    if column.kind in _OF_FEW:
        different, numbers = texts.few(column.cells)
        return _sorted_out(column, column.judge_each(different), _spread(numbers, len(different)))
    is_filled = pc.greater(pc.binary_length(column.cells), 0).fill_null(False)
    rest = is_filled.to_numpy(zero_copy_only=False)
    values: list[Values] = []
    recognise = _RECOGNISERS.get(column.form)
    if recognise is not None:
        where, normal = recognise(column.cells, column.regions)
        is_ordinary = where.to_numpy()
        way = Way.TEXT if column.is_raw else Way.DIGEST
        rows = np.flatnonzero(is_ordinary)
        values.append(Values(kind=column.kind, way=way, text=normal, rows=rows))
        rest &= ~is_ordinary
    left = np.flatnonzero(rest)
    if not len(left):
        return values, []
    found, rejections = _sorted_out(column, column.judge(left), lambda rows: (rows, None))
    return values + found, rejections


def _spread(numbers: Rows, count: int) -> _Picks:
    """For cells that stand for many: `numbers` says for each row which cell it has."""

    def picks(cells: Rows) -> tuple[Rows, Rows]:
        place = np.full(count + 1, -1, dtype=np.intp)  # the last one is that of null, number -1
        place[cells] = np.arange(len(cells))
        picked = place[numbers]
        rows = np.flatnonzero(picked >= 0)
        return rows, picked[rows]

    return picks


def _sorted_out(
    column: Column, judged: Judged, picks: _Picks
) -> tuple[list[Values], list[Rejections]]:
    """Judged cells as values and rejections; of a good date of birth three values."""
    is_good = judged.reason == int(Reason.ACCEPTED)
    way = Way.TEXT if column.is_raw else Way.DIGEST
    values = []
    for chosen, each_way in (
        (is_good & ~judged.is_hash, way),
        (is_good & judged.is_hash, Way.SPELT),
    ):
        if chosen.any():
            rows, picked = picks(judged.rows[chosen])
            values += [
                Values(kind=kind, way=each_way, text=text, rows=rows, picks=picked)
                for kind, text in _wire_texts(column.kind, judged.text.filter(pl.Series(chosen)))
            ]
    bad = np.flatnonzero(~is_good)
    if not len(bad):
        return values, []
    rows, picked = picks(judged.rows[bad])
    reasons = judged.reason[bad] if picked is None else judged.reason[bad][picked]
    return values, [Rejections(kind=column.kind, rows=rows, reasons=reasons)]


def _wire_texts(kind: Kind, text: pl.Series) -> Iterator[tuple[Kind, pl.Series]]:
    if kind is not Kind.DATE_OF_BIRTH:
        yield kind, text
        return
    for part, (start, length) in BIRTH_SLICES.items():
        yield part, text.str.slice(start, length)
