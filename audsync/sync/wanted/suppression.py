"""Lists of people who are never sent: what is on them, and who of a segment is meant.

A match on any identifier counts, whether list and segment hold it plain or hashed, in whichever
platform's normal form. A platform's own form is compared out of core, with what was prepared for
it anyway. The rest, hashes in other forms and kinds that the platform does not take, is looked for
in the source's rows as they pass, by the first 64 bits of hashes: eight bytes each in memory.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from audsync.domain import IDENTIFIERS, Kind, Platform
from audsync.errors import SourceError
from audsync.identifiers import hashing
from audsync.identifiers.kernel import PrepareSpec, prepare
from audsync.identifiers.rules import Form, column_rule
from audsync.segments.contract import FileQuery, Query, SqlQuery
from audsync.segments.reading import Source, read
from audsync.snapshots import parquet
from audsync.sync.tables.hashes import Flags, Hashes, Sieve, distinct
from audsync.sync.wanted.digest import IDENTIFIERS as LINES

_HASH = r"^\s*[0-9a-fA-F]{64}\s*$"
_KEY_HEX = 16
_WORDS_A_DIGEST = 4
_COUNTRY = "country"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Values to look for in rows as they pass."""

    keys: Mapping[Kind, Sieve] = field(repr=False)
    specs: tuple[PrepareSpec, ...]
    """Forms in which the rows' values may meet them."""

    def hits(self, batch: pa.RecordBatch) -> Flags:
        """Which rows hold one of the values.

        Args:
            batch: as `segments.files.read` yields them.
        """
        hits = np.zeros(batch.num_rows, dtype=bool)
        wanted = {kind.label for kind in self.keys}
        names = [name for name in batch.schema.names if _label(name) in wanted]
        if not names:
            return hits
        names += [name for name in batch.schema.names if _label(name) == _COUNTRY]
        numbered = _numbered(batch.select(names))
        for spec in self.specs:
            for kind, rows, keys in _keys(prepare(numbered, spec), spec):
                if kind in self.keys:
                    hits[rows[self.keys[kind].holds(keys)]] = True
        return hits


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What is on all lists together."""

    pool: Pool
    sizes: Mapping[str, int]
    """People that each list names, by a name of the list that stays."""


def read_lists(
    lists: Sequence[Query],
    specs: Sequence[PrepareSpec],
    *,
    platform: Platform | None = None,
    lines: Path | None = None,
    source: Source | None = None,
) -> Listed:
    """Read every list to its end.

    Args:
        lists: what to read.
        specs: how the segment's phones are read; the platform in them does not matter.
        platform: whose own form is looked for in `lines`; None: all is looked for in the pool.
        lines: where to write the lists' values in every form, as `digest.IDENTIFIERS`.
        source: what each is read with, if not alone.

    Raises:
        SourceError: one cannot be read, or holds no value that means anything.
        StateError: the file cannot be written.
    """
    every = [form for spec in specs for form in _forms(spec, IDENTIFIERS)]
    collector = _Collector(platform)
    sizes: dict[str, int] = {}
    with ExitStack() as stack:
        writer = stack.enter_context(parquet.writer(lines, LINES)) if lines else None
        for number, query in enumerate(lists):
            rows = (source or read)(query)
            sizes[_name(query, sizes)] = _read(number, rows, every, collector, writer)
    keys = collector.keys()
    beside = [
        form
        for spec in specs
        for form in _forms(spec, tuple(keys), without=_compared(platform, keys))
    ]
    return Listed(pool=Pool(keys=_sieves(keys), specs=tuple(beside)), sizes=sizes)


def pool_of(
    batches: Iterable[tuple[pa.RecordBatch, PrepareSpec]], specs: Sequence[PrepareSpec]
) -> Pool:
    """The values of some rows, to look for in others.

    Args:
        batches: the rows, and how their values are read.
        specs: how those of the others are read.
    """
    collector = _Collector(None)
    for batch, spec in batches:
        _gather(batch, _forms(spec, IDENTIFIERS), collector, None)
    keys = collector.keys()
    forms = [form for spec in specs for form in _forms(spec, tuple(keys))]
    return Pool(keys=_sieves(keys), specs=tuple(forms))


def _sieves(keys: Mapping[Kind, Hashes]) -> dict[Kind, Sieve]:
    return {kind: Sieve(found) for kind, found in keys.items()}


class _Collector:
    """Gathers what goes into the pool."""

    def __init__(self, platform: Platform | None) -> None:
        self._platform = platform
        self._parts: dict[Kind, list[Hashes]] = defaultdict(list)

    def add_hashes(self, batch: pa.RecordBatch) -> None:
        """Cells that are hashes already: nobody knows of which form."""
        for name in batch.schema.names:
            kind = _KINDS.get(_label(name))
            if kind is not None:
                texts = pl.Series(pl.from_arrow(batch[name])).cast(pl.String)
                digits = texts.filter(texts.str.contains(_HASH).fill_null(value=False))
                digits = digits.str.strip_chars().str.slice(0, _KEY_HEX)
                self._add(kind, digits.str.to_integer(base=16, dtype=pl.UInt64).to_numpy())

    def add(self, kind: Kind, keys: Hashes) -> None:
        """Values in some platform's form, unless the platform's own form is compared elsewhere."""
        if self._platform is None or column_rule(self._platform, kind) is None:
            self._add(kind, keys)

    def keys(self) -> dict[Kind, Hashes]:
        return {kind: distinct(np.concatenate(parts)) for kind, parts in self._parts.items()}

    def _add(self, kind: Kind, keys: Hashes) -> None:
        if len(keys):
            self._parts[kind].append(distinct(keys))


def _read(
    number: int,
    rows: Iterator[pa.RecordBatch],
    specs: Iterable[PrepareSpec],
    collector: _Collector,
    writer: pq.ParquetWriter | None,
) -> int:
    """How many people one list names.

    Raises:
        SourceError: it holds values, and none that means anything.
    """
    people = 0
    is_filled = False
    for batch in rows:
        is_usable, has_values = _gather(batch, specs, collector, writer)
        is_filled |= has_values
        people += int(is_usable.sum())
    if is_filled and not people:
        raise SourceError(
            f"suppress.{number}: not one of its values can be used, so nobody could be kept out;"
            " see whether its `columns` name the right ones. Nothing was sent.",
            details={"key": f"suppress.{number}"},
        )
    return people


def _gather(
    batch: pa.RecordBatch,
    specs: Iterable[PrepareSpec],
    collector: _Collector,
    writer: pq.ParquetWriter | None,
) -> tuple[Flags, bool]:
    """Take in the values of some rows: which rows have one that counts, and is there any value."""
    numbered = _numbered(batch)
    is_usable = np.zeros(batch.num_rows, dtype=bool)
    is_filled = False
    for spec in specs:
        out = prepare(numbered, spec)
        is_filled |= bool(out.num_rows)
        for kind, rows, keys in _keys(out, spec):
            is_usable[rows] = True
            collector.add(kind, keys)
        if writer is not None:
            writer.write_batch(pa.RecordBatch.from_arrays(out.columns, schema=LINES))
    collector.add_hashes(batch)
    return is_usable, is_filled


def _keys(out: pa.RecordBatch, spec: PrepareSpec) -> Iterator[tuple[Kind, np.ndarray, Hashes]]:
    """Of each kind: rows with a value that counts, and 64 bits of its SHA-256."""
    row, code = out["profile"].to_numpy(), out["kind"].to_numpy()
    is_good = out["reason"].to_numpy() == 0
    for kind in IDENTIFIERS:
        places = np.flatnonzero(is_good & (code == int(kind)))
        rule = column_rule(spec.platform, kind)
        if rule is None or not len(places):
            continue
        values = out["value"].take(pa.array(places))
        yield kind, row[places], _of_texts(values) if rule.is_raw else _of_digests(values)


def _of_texts(values: pa.Array) -> Hashes:
    keys: Hashes = hashing.links(pl.Series(pl.from_arrow(values.cast(pa.string())))).to_numpy()
    return keys


def _of_digests(values: pa.Array) -> Hashes:
    words = np.frombuffer(values.buffers()[2], ">u8", _WORDS_A_DIGEST * len(values))
    return words[::_WORDS_A_DIGEST].astype(np.uint64)


def _forms(
    spec: PrepareSpec, kinds: Sequence[Kind], *, without: Iterable[tuple[Kind, Form]] = ()
) -> list[PrepareSpec]:
    """The same for as few platforms as have all forms of these kinds among them."""
    seen = set(without)
    found = []
    for platform in Platform:
        new = set(_forms_of(platform, kinds)) - seen
        if new:
            found.append(replace(spec, platform=platform, carried=None))
            seen |= new
    return found


def _forms_of(platform: Platform, kinds: Iterable[Kind]) -> list[tuple[Kind, Form]]:
    """The form of each kind that the platform takes."""
    rules = {kind: column_rule(platform, kind) for kind in kinds}
    return [(kind, rule.form) for kind, rule in rules.items() if rule is not None]


def _compared(platform: Platform | None, kinds: Iterable[Kind]) -> list[tuple[Kind, Form]]:
    """Forms in which a hash of a list is found among what is prepared for the platform."""
    if platform is None:
        return []
    rules = {kind: column_rule(platform, kind) for kind in kinds}
    return [(kind, rule.form) for kind, rule in rules.items() if rule and not rule.is_raw]


def _name(query: Query, taken: Mapping[str, int]) -> str:
    """What a list is called in what is kept: by where it is, whatever is changed about it."""
    assert isinstance(query, FileQuery | SqlQuery), "there are two kinds of query"
    place = query.path if isinstance(query, FileQuery) else query.select
    name = hashlib.sha256(place.encode()).hexdigest()[:_KEY_HEX]
    while name in taken:
        name += "+"
    return name


def _numbered(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch.append_column("profile", pa.array(np.arange(batch.num_rows, dtype=np.uint64)))


def _label(name: str) -> str:
    return name.partition(".")[0]


_KINDS = {kind.label: kind for kind in IDENTIFIERS}
