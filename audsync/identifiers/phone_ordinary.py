"""Phone numbers written as nearly everybody writes them, settled in one pass over each column.

A number with "+", or a national one with or without its one-digit prefix, or with its calling
code in front, is accepted here if a region of its calling code has it and nothing else in
`phonenumbers.parse` could touch it, and refused if no region of the code has it. The rest is left
to audsync.identifiers.phone. Digits are picked out of the column's bytes at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from audsync.identifiers import text as texts
from audsync.identifiers.phone_rules import Plan, Region, compiled
from audsync.identifiers.place import Regions

_SIMPLE = r"^\(?\+?[0-9(][0-9 ().\-/]{3,60}$"
"""Digits and signs between them that phonenumbers skips; a "+" only in front."""
_PLUS = ord("+")
_ZERO = ord("0")
_DIGITS = 10
_LONGEST_CODE = 3

_UNREADABLE = Region(calling_code="", longest=0, has_main_lengths=False, abroad=(), prefix=("", ""))

_Flags = npt.NDArray[np.bool_]
_Places = npt.NDArray[np.intp]
_Bytes = npt.NDArray[np.uint8]


def ordinary(cells: pa.Array, regions: Regions) -> texts.Found:
    """The numbers that are ordinary, as digits in international form.

    Args:
        cells: as the source gave them.
        regions: of the countries to read national numbers with.
    """
    asked = pl.col("text").str.contains(_SIMPLE).fill_null(value=False)
    is_simple = texts.series(cells).to_frame("text").select(asked).to_series()
    rows = np.flatnonzero(is_simple.to_numpy())
    digits = _Digits.of(cells.filter(is_simple.to_arrow()))
    numbers = _Numbers.of(digits, regions.names, regions.numbers[rows])
    is_valid, is_refused = numbers.verdicts()
    where, refused = (np.zeros(len(cells), dtype=bool) for _ in range(2))
    where[rows[is_valid]] = True
    refused[rows[is_refused]] = True
    return texts.Found(pl.Series(where), numbers.text.filter(pl.Series(is_valid)), refused)


def ordinary_plus(cells: pa.Array, regions: Regions) -> texts.Found:
    """As `ordinary`, with "+" in front."""
    found = ordinary(cells, regions)
    plus = found.normal.to_frame("digits").select("+" + pl.col("digits")).to_series()
    return found._replace(normal=plus)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Numbers:
    """Calling numbers, and how they were found in the digits of the texts."""

    text: pl.Series
    unstripped: Callable[[_Flags], pl.Series]
    """Some national ones with all the digits of the text behind their calling code."""
    is_read: _Flags
    """Whether it is known how to read the text, and its digits are not all zero."""
    has_prefix: _Flags
    """Whether a national prefix was taken off."""
    has_code: _Flags
    """Whether the calling code was there already, without "+"."""

    @classmethod
    def of(cls, digits: "_Digits", names: pl.Series, region: _Places) -> "_Numbers":
        """Read texts of digits.

        Args:
            digits: of each text.
            names: of the different regions.
            region: for each text which of these it has.
        """
        plans = _Plans.of(names)
        heads, have_heads = digits.heads()
        is_national = ~digits.has_plus & plans.are_readable[region] & have_heads
        may_be = is_national & plans.begin_abroad[region, heads]
        is_dialled, dialled = _dialled_abroad(digits, names, region, may_be)
        is_home = is_national & ~is_dialled
        has_code = is_home & plans.begin_with_code[region, heads]
        has_prefix = is_home & plans.begin_with_prefix[region, heads]
        codes = plans.codes.take(pa.array(np.where(is_home & ~has_code, region, len(names))))
        bare = digits.without_first(has_prefix).text()
        text = texts.series(pc.binary_join_element_wise(codes, bare, ""))
        return cls(
            text=text.scatter(np.flatnonzero(is_dialled), dialled),
            unstripped=partial(_with_heads, plans.codes, digits, region),
            is_read=((digits.has_plus & have_heads) | is_national) & (heads > 0),
            has_prefix=has_prefix,
            has_code=has_code,
        )

    def verdicts(self) -> tuple[_Flags, _Flags]:
        """Which are valid beyond doubt, and which are beyond doubt not."""
        is_valid, is_odd = _verdicts(self.text)
        is_sure = self.is_read & (self.has_prefix | ~is_odd)
        is_refused = is_sure & ~is_valid & ~self.has_code
        is_valid &= is_sure
        # With its code in front, it may be a number that only begins like the code.
        asked = is_valid & self.has_code
        if asked.any():
            general = compiled().main.general
            is_valid[asked] = ~self.unstripped(asked).str.contains(general).to_numpy()
        if is_refused.any():
            is_refused[is_refused] = _are_of_no_region(self.text.filter(pl.Series(is_refused)))
        # `parse` may take off the prefix or not: either way there must be no such number.
        asked = is_refused & self.has_prefix
        if asked.any():
            is_refused[asked] = _are_of_no_region(self.unstripped(asked))
        return is_valid, is_refused


def _verdicts(number: pl.Series) -> tuple[_Flags, _Flags]:
    """Whether each calling number is valid, and whether it might be read otherwise."""
    rules, column = compiled(), pl.col("number")
    asked = number.to_frame("number").select(
        "number",
        has_type=column.str.contains(rules.main.types),
        is_general=column.str.contains(rules.main.general),
        is_odd=column.str.contains(rules.not_as_it_stands),
    )
    is_valid = (asked["has_type"] & asked["is_general"]).to_numpy().copy()
    # The other regions of a shared code are asked about the few that its main one does not have.
    further = asked["is_general"] & ~asked["has_type"]
    if further.any():
        is_further = _fits_others() & ~column.str.contains(rules.others_leading)
        is_valid[further.to_numpy()] = asked.filter(further).select(is_further).to_series()
    return is_valid, asked["is_odd"].to_numpy()


def _are_of_no_region(number: pl.Series) -> _Flags:
    """Whether each calling number has a calling code, and no region of that code has it."""
    rules, column = compiled(), pl.col("number")
    is_of_any = _fits(rules.main) | _fits_others() | column.str.contains(rules.others_leading)
    is_of_none = column.str.contains(rules.calling_code) & ~is_of_any
    return number.to_frame("number").select(is_of_none).to_series().to_numpy()


def _fits_others() -> pl.Expr:
    return pl.any_horizontal(_fits(plan) for plan in compiled().others)


def _fits(plan: Plan) -> pl.Expr:
    number = pl.col("number")
    return number.str.contains(plan.types) & number.str.contains(plan.general)


def _dialled_abroad(
    digits: "_Digits", names: pl.Series, region: _Places, may_be: _Flags
) -> tuple[_Flags, pl.Series]:
    """Where the prefix that dials abroad from the region is in front, and what is behind it."""
    pattern = compiled().dialled_abroad
    headed = _with_heads(texts.cells_of(names.to_arrow()), digits, region, may_be)
    are_dialled = headed.str.contains(pattern)
    is_dialled = may_be.copy()
    is_dialled[may_be] = are_dialled.to_numpy()
    dialled = headed.filter(are_dialled)
    return is_dialled, dialled.str.replace(pattern, "") if len(dialled) else dialled


def _with_heads(heads: pa.Array, digits: "_Digits", region: _Places, where: _Flags) -> pl.Series:
    """Some of the digits, each with its region's head in front."""
    chosen = heads.take(pa.array(region[where]))
    given = digits.text().filter(pa.array(where))
    return texts.series(pc.binary_join_element_wise(chosen, given, ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plans:
    """How to read national numbers, for each of a column's different regions."""

    codes: pa.Array
    """The calling codes as text; one more, which is empty."""
    begin_with_code: _Flags
    """For each region and three first digits, as a number: whether its own code begins them..."""
    begin_with_prefix: _Flags
    """... and whether its national prefix does, and the code does not..."""
    begin_abroad: _Flags
    """... and whether what dials abroad from there may."""
    are_readable: _Flags

    @classmethod
    def of(cls, names: pl.Series) -> "_Plans":
        known = compiled().regions
        regions = [known.get(name or "", _UNREADABLE) for name in names]
        codes = [region.calling_code for region in regions]
        has_code = np.array([_begins(code) for code in codes])
        has_prefix = np.array([_begins_with_prefix(region) for region in regions])
        return cls(
            codes=pa.array([*codes, ""], pa.string()),
            begin_with_code=has_code,
            begin_with_prefix=has_prefix & ~has_code,
            begin_abroad=np.array([_begins(*region.abroad) for region in regions]),
            are_readable=np.array([region is not _UNREADABLE for region in regions], dtype=bool),
        )


def _begins_with_prefix(region: Region) -> _Flags:
    if not region.prefix[0]:
        return _begins()
    digit, others = region.prefix
    return _begins(digit) & ~_begins(*(digit + other for other in others))


@cache
def _begins(*heads: str) -> _Flags:
    """For each number of three digits, whether it begins with one of these, or one with it."""
    firsts = tuple(head[:_LONGEST_CODE] for head in heads)
    return np.array([f"{digits:03}".startswith(firsts) for digits in range(1000)], dtype=bool)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Digits:
    """The digits of a column's texts, in one row of bytes."""

    data: _Bytes
    """ASCII; with a few zeros behind the last one, so that all can be asked for their head."""
    starts: npt.NDArray[np.int32]
    """Where each text's digits begin, and where the last one's end."""
    has_plus: _Flags

    @classmethod
    def of(cls, text: pa.Array) -> "_Digits":
        """Of simple texts: the first or second sign may be a "+"."""
        _, offsets, data = text.buffers()
        ends = np.frombuffer(offsets, np.int32, len(text) + 1, 4 * text.offset)
        signs = np.frombuffer(data or b"", np.uint8)[: ends[-1]]
        is_digit = (signs - np.uint8(_ZERO)) < _DIGITS
        before = np.zeros(len(signs) + 1, dtype=np.int32)
        np.cumsum(is_digit, out=before[1:])
        starts = ends[:-1]
        return cls(
            data=np.append(signs[is_digit], np.full(_LONGEST_CODE, _ZERO, np.uint8)),
            starts=before[ends],
            has_plus=(signs[starts] == _PLUS) | (signs[starts + 1] == _PLUS),
        )

    def heads(self) -> tuple[npt.NDArray[np.uint16], _Flags]:
        """The three first digits of each as a number, and whether it has three."""
        head = np.zeros(len(self.has_plus), dtype=np.uint16)
        for at in range(_LONGEST_CODE):
            head = head * np.uint16(10) + (self.data[self.starts[:-1] + at] - np.uint8(_ZERO))
        return head, np.diff(self.starts) >= _LONGEST_CODE

    def without_first(self, where: _Flags) -> "_Digits":
        """Without the first digit of some."""
        keep = np.ones(len(self.data), dtype=bool)
        keep[self.starts[:-1][where]] = False
        dropped = np.zeros(len(self.starts), dtype=np.int32)
        np.cumsum(where, out=dropped[1:])
        return _Digits(data=self.data[keep], starts=self.starts - dropped, has_plus=self.has_plus)

    def text(self) -> pa.Array:
        """As strings."""
        buffers = [None, pa.py_buffer(self.starts), pa.py_buffer(self.data)]
        return pa.Array.from_buffers(pa.string(), len(self.has_plus), buffers)
