"""What travels from executors to the client: one table of lines, and proof that it came whole.

Spark knows neither unsigned numbers nor two outputs of one task. So identifiers, rows and what
else a share came to are lines of one table, and 64 bits are kept as they are under another name.
"""

from enum import IntEnum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from audsync.sync.tables.hashes import Hashes
from audsync.sync.wanted.digest import IDENTIFIERS, Digested
from audsync.sync.wanted.known import ROWS

DDL = (
    "share int, part tinyint, profile bigint, kind tinyint, value binary, reason tinyint,"
    " fingerprint bigint, state tinyint, note string"
)
SCHEMA = pa.schema(
    [
        ("share", pa.int32()),
        ("part", pa.int8()),
        ("profile", pa.int64()),
        ("kind", pa.int8()),
        ("value", pa.binary()),
        ("reason", pa.int8()),
        ("fingerprint", pa.int64()),
        ("state", pa.int8()),
        ("note", pa.string()),
    ]
)
NO_SHARE = -1
"""Of lines that an exchange brought together from several."""
_STIR = np.uint64(0xBF58_476D_1CE4_E5B9)
_STIR_AGAIN = np.uint64(0x94D0_49BB_1331_11EB)
_SHIFT = np.uint64(31)
_BASE = 0x9E37_79B9_7F4A_7C15
_MASK = (1 << 64) - 1


class Part(IntEnum):
    """What a line is."""

    IDENTIFIER = 0
    """Columns of `digest.IDENTIFIERS`."""
    ROW = 1
    """Columns of `known.ROWS`; none is shared yet."""
    LISTED = 2
    """A profile: of a row that is on a list of people who are never sent; or one that differs."""
    RECEIPT = 3
    """The last line of a share: its note is a `Receipt`."""
    FAULT = 4
    """Why a share cannot be read: its note is an error without any value."""
    SETTLED = 5
    """What was taken in after an exchange, and what came of it: its note is four numbers."""


def of_identifiers(share: int, done: Digested) -> pa.RecordBatch:
    """The prepared values of some rows."""
    return _lines(share, Part.IDENTIFIER, {name: done.identifiers[name] for name in _NAMES})


def of_rows(share: int, done: Digested) -> pa.RecordBatch:
    """What some rows came to."""
    columns = ("fingerprint", "profile", "state")
    return _lines(share, Part.ROW, {name: done.rows[name] for name in columns})


def of_links(share: int, links: pa.RecordBatch) -> pa.RecordBatch:
    """Lines of a state file: profile, kind, value."""
    return _lines(share, Part.IDENTIFIER, {name: links[name] for name in LINKS.names})


def of_profiles(share: int, profiles: Hashes) -> pa.RecordBatch:
    """People on a list, or who differ."""
    return _lines(share, Part.LISTED, {"profile": pa.array(profiles)})


def of_note(share: int, part: Part, note: str) -> pa.RecordBatch:
    """The one line of a receipt or a fault."""
    return _lines(share, part, {"note": pa.array([note])})


def identifiers_in(lines: pa.RecordBatch) -> pa.RecordBatch:
    """As `digest.IDENTIFIERS`, in their order."""
    picked = _of_part(lines, Part.IDENTIFIER)
    columns = [_as(picked[field.name], field.type) for field in IDENTIFIERS]
    return pa.RecordBatch.from_arrays(columns, schema=IDENTIFIERS)


def links_in(lines: pa.RecordBatch) -> pa.RecordBatch:
    """As `LINKS`: identifiers without what became of them."""
    return identifiers_in(lines).select(LINKS.names)


def rows_in(lines: pa.RecordBatch) -> pa.RecordBatch:
    """As `known.ROWS`, in their order."""
    picked = _of_part(lines, Part.ROW)
    shared = pa.array(np.zeros(picked.num_rows, dtype=bool))
    columns = [
        shared if field.name == "is_shared" else _as(picked[field.name], field.type)
        for field in ROWS
    ]
    return pa.RecordBatch.from_arrays(columns, schema=ROWS)


def profiles_in(lines: pa.RecordBatch) -> Hashes:
    """People on a list, or who differ."""
    found: Hashes = _as(_of_part(lines, Part.LISTED)["profile"], pa.uint64()).to_numpy()
    return found


def fingerprint(lines: pa.RecordBatch) -> int:
    """64 bits that tell these lines from others, in whatever order: they may be added up."""
    with np.errstate(over="ignore"):
        total = _of_values(lines["value"])
        for place, name in enumerate(("part", "profile", "kind", "reason", "fingerprint", "state")):
            column = lines[name]
            numbers = column.fill_null(-1).cast(pa.int64()).to_numpy().view(np.uint64)
            total = _stirred(total + numbers * np.uint64(2 * place + 3))
            total += column.is_null().to_numpy(zero_copy_only=False).astype(np.uint64)
        return int(_stirred(total).sum(dtype=np.uint64))


def fingerprint_of(profiles: Hashes, marks: Hashes) -> int:
    """The same of pairs of two numbers, as an exchange carries them."""
    with np.errstate(over="ignore"):
        total = _stirred(_stirred(profiles) + marks * np.uint64(3))
        return int(_stirred(total).sum(dtype=np.uint64))


def added(one: int, other: int) -> int:
    """The fingerprint of two sets of lines together."""
    return (one + other) & _MASK


LINKS = pa.schema([IDENTIFIERS.field(name) for name in ("profile", "kind", "value")])
_NAMES = tuple(field.name for field in IDENTIFIERS)


def _lines(share: int, part: Part, columns: dict[str, pa.Array]) -> pa.RecordBatch:
    rows = len(next(iter(columns.values())))
    same = {
        "share": pa.array(np.full(rows, share, dtype=np.int32)),
        "part": pa.array(np.full(rows, int(part), dtype=np.int8)),
    }
    arrays = [
        same.get(field.name)
        if field.name in same
        else _as(columns[field.name], field.type)
        if field.name in columns
        else pa.nulls(rows, field.type)
        for field in SCHEMA
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def _of_part(lines: pa.RecordBatch, part: Part) -> pa.RecordBatch:
    return lines.filter(pc.equal(lines["part"], int(part)))


def _as(column: pa.Array, wanted: pa.DataType) -> pa.Array:
    """The same bits under another name."""
    if column.type == wanted or not pa.types.is_integer(wanted):
        return column.cast(wanted)
    return column.view(wanted)


def _of_values(values: pa.Array) -> Hashes:
    """A number for each value, from all of its bytes and their places."""
    filled = values.fill_null(b"")
    lengths = pc.binary_length(filled).to_numpy().astype(np.int64)
    ends = np.cumsum(lengths)
    data = np.frombuffer(b"".join(filled.to_pylist()), dtype=np.uint8)
    places = np.arange(len(data)) - np.repeat(ends - lengths, lengths)
    powers = np.cumprod(np.full(int(lengths.max(initial=0)) + 1, _BASE, dtype=np.uint64))
    sums = np.append(np.uint64(0), np.cumsum((data + np.uint64(1)) * powers[places]))
    numbers: Hashes = sums[ends] - sums[ends - lengths]
    return _stirred(numbers + lengths.astype(np.uint64))


def _stirred(numbers: Hashes) -> Hashes:
    numbers = (numbers ^ (numbers >> _SHIFT)) * _STIR
    numbers = (numbers ^ (numbers >> _SHIFT)) * _STIR_AGAIN
    return numbers ^ (numbers >> _SHIFT)
