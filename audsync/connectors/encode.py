"""A batch's members as JSON text, whole columns at a time: no Python object a member.

A platform says which kinds it wants and which of them travel as hashes; what comes out goes
into a template of its own. Values are quoted here and nowhere else, so that no text of anybody's
can end a JSON string early.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from audsync.domain import Kind

_CONTROLS = [chr(code) for code in range(0x20)]
_UNSAFE = ["\\", '"', *_CONTROLS]
_ESCAPED = ["\\\\", '\\"', *(f"\\u{ord(control):04x}" for control in _CONTROLS)]
"""What JSON (RFC 8259, section 7) does not let stand inside a string, and how it is written."""


@dataclass(frozen=True, slots=True)
class Column:
    """One kind as a platform takes it."""

    kind: Kind
    is_hashed: bool
    """True for 32-byte digests, written as lower-case hex; False for UTF-8 text."""


def arrays(
    members: pa.Table, columns: Sequence[Column], *, before: str = "", after: str = ""
) -> bytes:
    """A JSON array with one array a person: a string a column, "" where there is no value.

    Args:
        members: columns `row`, `kind`, `value`, ordered by row, as in `UploadBatch.members`.
        columns: the kinds in the order wanted, at least one; every kind in `members` is here.
        before: what stands before the array: to copy so much text costs more than to make it.
        after: what stands after it.

    Raises:
        ValueError: `members` holds a kind that no column takes.
    """
    cells = _cells(members, columns)
    row = '["' + '","'.join("{}" for _ in columns) + '"]'
    return _text(cells, pl.format(row, *cells.columns), ",", f"{before}[", f"]{after}")


def slots(
    members: pa.Table,
    columns: Sequence[Column],
    *,
    opening: str,
    closing: str,
    before: str = "",
    after: str = "",
) -> bytes:
    """A JSON array with one array a person: an object a column, `{}` where there is no value.

    Args:
        members: as for `arrays`; no value in it is empty.
        columns: as for `arrays`.
        opening: what stands before each value: an object up to the quote that begins its text.
        closing: what stands after it, from the quote that ends its text.
        before: as for `arrays`.
        after: as for `arrays`.

    Raises:
        ValueError: `members` holds a kind that no column takes.
    """
    cells = _cells(members, columns)
    objects = [
        pl.when(pl.col(name) == "")
        .then(pl.lit("{}"))
        .otherwise(pl.concat_str(pl.lit(opening), pl.col(name), pl.lit(closing)))
        for name in cells.columns
    ]
    row = pl.concat_str(pl.lit("["), pl.concat_str(objects, separator=","), pl.lit("]"))
    return _text(cells, row, ",", f"{before}[", f"]{after}")


def lines(members: pa.Table, kinds: Sequence[Kind], *, before: str = "", after: str = "") -> bytes:
    """One line a person, without an end of its last: a field a kind, "" where there is no value.

    Args:
        members: as for `arrays`.
        kinds: in the order wanted, at least one; all of them travel as hashes.
        before: as for `arrays`.
        after: as for `arrays`.

    Raises:
        ValueError: `members` holds another kind.
    """
    cells = _cells(members, [Column(kind, is_hashed=True) for kind in kinds])
    return _text(cells, pl.concat_str(pl.all(), separator=","), "\n", before, after)


def only_kind(members: pa.Table) -> Kind:
    """The one kind that all members have.

    Raises:
        ValueError: there are several, or no members.
    """
    kinds = [Kind(kind) for kind in sorted(pl.Series(members["kind"]).unique())]
    if len(kinds) != 1:
        labels = ", ".join(kind.label for kind in kinds)
        raise ValueError(f"a request carries values of one kind, not of ({labels})")
    return kinds[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """What some entries say beside their values: all of it, or nothing."""

    texts: Mapping[Column, str]
    """The kinds in the order wanted, and how each is written; `%s` stands for its text."""
    missing: Mapping[Column, str]
    """The text of a kind that an entry lacks while it has another."""
    around: str
    """How it is written; `%s` stands for the texts, with commas between them."""


def entries(
    members: pa.Table,
    values: Mapping[Column, str],
    *,
    entry: str,
    aside: Aside | None = None,
    before: str = "",
    after: str = "",
) -> bytes:
    """A JSON array with one entry a person, which holds only the values that there are.

    Args:
        members: as for `arrays`; no value in it is empty.
        values: the kinds in the order wanted, and how one value of each is written; `%s` stands
            for its text, which belongs into quotes.
        entry: how one person is written; `%s` stands for the values, with commas between them.
        aside: what is written before the last character of an entry that has anything of it.
        before: as for `arrays`.
        after: as for `arrays`.

    Raises:
        ValueError: `members` holds a kind that no column takes.
    """
    cells = _cells(members, (*values, *(aside.texts if aside else ())))
    written = [
        pl.when(pl.col(column.kind.label) != "").then(
            pl.concat_str(*_around(template, pl.col(column.kind.label)))
        )
        for column, template in values.items()
    ]
    joined = pl.concat_str(written, separator=",", ignore_nulls=True)
    opening, inside, closing = _around(entry[:-1], joined)
    whole = pl.concat_str(opening, inside, closing, _beside(aside), pl.lit(entry[-1]))
    return _text(cells, whole, ",", f"{before}[", f"]{after}")


def without(members: pa.Table, positions: Collection[int]) -> pa.Table:
    """`members` less the rows at these positions, counted from 0 in the order of the table."""
    frame = pl.DataFrame(members)
    is_left_out = frame["row"].rle_id().is_in(list(positions))
    return frame.filter(~is_left_out).to_arrow().cast(members.schema)


def _text(cells: pl.DataFrame, row: pl.Expr, between: str, before: str, after: str) -> bytes:
    """All rows as one UTF-8 text, copied once."""
    whole = pl.concat_str(pl.lit(before), row.str.join(between), pl.lit(after))
    text: bytes = cells.select(whole.cast(pl.Binary)).item()
    return text


def _beside(aside: Aside | None) -> pl.Expr:
    if aside is None:
        return pl.lit("")
    is_there = [pl.col(column.kind.label) != "" for column in aside.texts]
    written = [
        pl.concat_str(
            *_around(
                template,
                pl.when(there).then(pl.col(column.kind.label)).otherwise(pl.lit(missing)),
            )
        )
        for (column, template), there, missing in zip(
            aside.texts.items(), is_there, aside.missing.values(), strict=True
        )
    ]
    whole = pl.concat_str(*_around(aside.around, pl.concat_str(written, separator=",")))
    return pl.when(pl.any_horizontal(is_there)).then(whole).otherwise(pl.lit(""))


def _around(template: str, inside: pl.Expr) -> tuple[pl.Expr, ...]:
    """`template` with `inside` in the place of its `%s`."""
    before, after = template.split("%s")
    return pl.lit(before), inside, pl.lit(after)


def _cells(members: pa.Table, columns: Sequence[Column]) -> pl.DataFrame:
    """One row a person, one String column a kind named by its label: text fit for quotes."""
    frame = pl.DataFrame(members.select(["row", "kind", "value"]))
    unknown = set(frame["kind"].unique()) - {column.kind for column in columns}
    if unknown:
        labels = ", ".join(Kind(kind).label for kind in sorted(unknown))
        raise ValueError(f"no column of this platform takes {labels}")
    position = frame["row"].rle_id()
    people = position[-1] + 1 if len(position) else 0
    empty = pl.Series([""], dtype=pl.String).new_from_index(0, people)
    series = []
    for column in columns:
        has_it = frame["kind"] == int(column.kind)
        values = _quotable(frame["value"].filter(has_it), column)
        full = values
        if len(values) < people:
            full = empty.clone().scatter(position.filter(has_it), values)
        series.append(full.alias(column.kind.label))
    return pl.DataFrame(series)


def _quotable(values: pl.Series, column: Column) -> pl.Series:
    if column.is_hashed:
        return values.bin.encode("hex")
    text = values.cast(pl.String)
    return text.str.replace_many(_UNSAFE, _ESCAPED) if _has_unsafe(text) else text


def _has_unsafe(text: pl.Series) -> bool:
    """Whether there may be anything to escape: ids hardly ever have it, and to look costs less."""
    data = text.rechunk().to_arrow().buffers()[2]
    if data is None:
        return False
    codes = np.frombuffer(data, dtype=np.uint8)
    # In UTF-8 a byte below 0x80 is that character, wherever it stands.
    return bool(((codes < 0x20) | (codes == ord('"')) | (codes == ord("\\"))).any())  # noqa: PLR2004
