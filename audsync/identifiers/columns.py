"""One column of a batch, on its way to the values that a platform takes.

Nearly all cells of a column are ordinary: written so that one look tells their normal form. Each
kind's module knows what is ordinary, for kinds that have a quick look; every other cell is judged
the long way, which is right for all. Where cells can only be few different ones, each is judged
and hashed once.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from audsync.domain import Kind
from audsync.identifiers import device, email, phone_ordinary
from audsync.identifiers import text as texts
from audsync.identifiers.judging import Cells, Judged, Reading, judge
from audsync.identifiers.packing import Rejections, Rows, Values, Way
from audsync.identifiers.place import Regions
from audsync.identifiers.reasons import Reason
from audsync.identifiers.rules import BIRTH_SLICES, Form, Rule

_Flags = npt.NDArray[np.bool_]
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

_OF_REGIONS = frozenset({Kind.PHONE, Kind.STATE, Kind.ZIP_CODE})
"""Kinds whose verdict depends on the row's region, too."""

_FEW = 64
_REMEMBERED = 64
"""So many verdicts on up to so many different cells are kept: the countries of a segment, say."""
_SELDOM = 2
"""A cell that comes less often on average is not worth looking for its equals."""

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
        return judge(Cells(rows, text, self.regions.of(rows)), self.reading)

    @property
    def reading(self) -> Reading:
        """What a verdict depends on beside the cells."""
        return Reading(
            kind=self.kind, form=self.form, is_raw=self.is_raw, is_lenient=self.is_lenient
        )


def prepared(column: Column) -> tuple[list[Values], list[Rejections]]:
    """What becomes of each cell that is not blank."""
    rest = texts.have_length(column.cells)
    values, rejections = _at_a_glance(column, rest)
    left = np.flatnonzero(rest)
    if len(left):
        more_values, more_rejections = _sorted_out(column, *_judged(column, left))
        values, rejections = values + more_values, rejections + more_rejections
    return values, rejections


def _at_a_glance(column: Column, rest: _Flags) -> tuple[list[Values], list[Rejections]]:
    """What needs no second look; it is taken out of `rest`."""
    recognise = _RECOGNISERS.get(column.form)
    if recognise is None:
        return [], []
    found = recognise(column.cells, column.regions)
    where = found.where.to_numpy()
    rest &= ~where
    way = Way.TEXT if column.is_raw else Way.DIGEST
    values = [Values(kind=column.kind, way=way, text=found.normal, rows=np.flatnonzero(where))]
    if found.refused is None or column.is_lenient:
        return values, []
    rest &= ~found.refused
    rows = np.flatnonzero(found.refused)
    reasons = np.full(len(rows), int(Reason.INVALID_PHONE), np.uint8)
    return values, [Rejections(kind=column.kind, rows=rows, reasons=reasons)]


def _judged(column: Column, rows: Rows) -> tuple[Judged, _Picks]:
    """The verdict on cells, each different one judged once where that is less work."""
    if column.kind in _OF_REGIONS:
        return column.judge(rows), lambda chosen: (chosen, None)
    is_whole = len(rows) == len(column.cells)
    cells = column.cells if is_whole else column.cells.take(pa.array(rows))
    different, numbers = texts.few(cells)
    if len(different) <= _FEW:
        return _judged_few(tuple(different), column.reading), _spread(rows, numbers)
    if len(different) * _SELDOM > len(rows):
        return column.judge(rows), lambda chosen: (chosen, None)
    return _judged_each(different, column.reading), _spread(rows, numbers)


@lru_cache(maxsize=_REMEMBERED)
def _judged_few(different: tuple[str, ...], reading: Reading) -> Judged:
    """The same few cells are left over from batch after batch."""
    return _judged_each(pl.Series(different, dtype=pl.String), reading)


def _judged_each(different: pl.Series, reading: Reading) -> Judged:
    """The verdict on cells that stand for many; their rows are their numbers here."""
    nowhere = pl.Series([None], dtype=pl.String).new_from_index(0, len(different))
    return judge(Cells(np.arange(len(different)), different, nowhere), reading)


def _spread(rows: Rows, numbers: Rows) -> _Picks:
    """For cells that stand for many: `numbers` says for each row which cell it has."""

    def picks(chosen: Rows) -> tuple[Rows, Rows]:
        place = np.full(int(numbers.max()) + 1, -1, dtype=np.intp)
        place[chosen] = np.arange(len(chosen))
        picked = place[numbers]
        is_chosen = picked >= 0
        return rows[is_chosen], picked[is_chosen]

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
