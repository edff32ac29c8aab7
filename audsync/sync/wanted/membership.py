"""The rows of a segment, be it of one source or made of others, as they stream by.

A row is in a set if it is of an included segment, and its person of no excluded one. Excluded
people are found first, by readings of their own; then the rows stream by as those of any source,
marked where their person is excluded. Held in memory: eight bytes for each excluded id or value.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from audsync.domain import Platform
from audsync.identifiers.kernel import PrepareSpec, link
from audsync.segments.reading import Source, read
from audsync.sync.tables.hashes import Flags, Hashes, Sieve, distinct
from audsync.sync.wanted.inspection import profiles
from audsync.sync.wanted.sets import (
    EXCLUDED,
    PERSON,
    Combined,
    Leaf,
    People,
    Piece,
    bare,
    is_excluded,
    persons,
    specs_of,
)
from audsync.sync.wanted.suppression import Pool, pool_of

_ANY = PrepareSpec(platform=Platform.META)
"""Every form of a value is looked for, so the platform does not matter."""
_CHANGED = np.uint64(0x9E37_79B9_7F4A_7C15)
"""Makes the fingerprint of an excluded row another one: it is no row that was known before."""
_FIRST = ("fingerprint", "profile_id", "has_consent")


Sizes = dict[str, int]
"""Rows of each excluded segment, by its name with `EXCLUDE` before it."""
EXCLUDE = "exclude "


def pieces(
    people: People, sizes: Sizes | None = None, *, source: Source | None = None
) -> Iterator[Piece]:
    """The rows, as `segments.files.read` describes them; of sets all with the same columns.

    Rows of sets have besides `is_excluded` bool, and `person` string where the profile id alone
    does not tell people apart. `sizes` is told how many rows each excluded segment has;
    `source` is what each is read with, if not alone.

    Raises:
        SourceError: a source cannot be read to its end; then nothing of it may be used.
        ConfigError: a database's URL, query or driver is not what it should be.
    """
    if isinstance(people, Combined):
        streams = _members(
            people, _Way(sizes=sizes if sizes is not None else {}, read=source or read)
        )
        yield from _alike(streams, [f"trait.{trait}" for trait in people.traits])
    else:
        for batch in (source or read)(people):
            yield Piece(batch=batch)


_NONE: Hashes = np.empty(0, dtype=np.uint64)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """How a set is read, and what is told of it."""

    sizes: Sizes
    read: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class _Barrier:
    """Whom a set excludes. Profiles and ids as links."""

    salt: str
    ids: Sieve = field(default_factory=lambda: Sieve(_NONE))
    pool: Pool | None = None
    profiles: Sieve = field(default_factory=lambda: Sieve(_NONE))
    """People with a row that holds a value of the pool."""

    def holds_back(self, batch: pa.RecordBatch) -> Flags:
        if self.pool is not None:
            return self.pool.hits(batch) | self.profiles.holds(profiles(batch, self.salt))
        links = _ids(batch, self.salt)
        is_named: Flags = links.is_valid().to_numpy(zero_copy_only=False)
        return is_named & self.ids.holds(links.fill_null(0).to_numpy())


def _members(people: Leaf | Combined, way: _Way) -> list[Iterator[Piece]]:
    """The rows of each source of a segment, one after the other."""
    if isinstance(people, Leaf):
        return [_read(people, way)]
    barrier = _barrier(people, way)
    return [_kept(rows, barrier) for rows in _included(people, way)]


def _included(people: Combined, way: _Way) -> list[Iterator[Piece]]:
    """The same before anybody is excluded."""
    found = [(part, rows) for part in people.include for rows in _members(part, way)]
    if not people.by_identifier:
        return [rows for _, rows in found]
    return [_apart(part.name, rows) for part, rows in found]


def _read(leaf: Leaf, way: _Way) -> Iterator[Piece]:
    for batch in way.read(leaf.query):
        nobody = pa.array(np.zeros(batch.num_rows, dtype=bool))
        yield Piece(batch=batch.append_column(EXCLUDED, nobody), tune=leaf.tune)


def _apart(name: str, rows: Iterator[Piece]) -> Iterator[Piece]:
    """Rows whose profile ids are those of one segment alone."""
    for piece in rows:
        ids = pc.cast(persons(piece.batch), pa.string())
        own = pc.binary_join_element_wise(pa.scalar(name), ids, "\0")
        yield replace(piece, batch=_with(piece.batch, PERSON, own))


def _kept(rows: Iterator[Piece], barrier: _Barrier | None) -> Iterator[Piece]:
    """The rows, marked where the barrier holds them back."""
    for piece in rows:
        if barrier is None:
            yield piece
            continue
        before = is_excluded(piece.batch)
        now = barrier.holds_back(piece.batch) & ~before
        fingerprint = piece.batch["fingerprint"].to_numpy() ^ np.where(now, _CHANGED, np.uint64(0))
        batch = _with(piece.batch, "fingerprint", pa.array(fingerprint))
        yield replace(piece, batch=_with(batch, EXCLUDED, pa.array(before | now)))


def _barrier(people: Combined, way: _Way) -> _Barrier | None:
    """Read whom a set excludes; None where it excludes nobody."""
    if not people.exclude:
        return None
    excluded = _excluded(people, way)
    if not people.by_identifier:
        links = [_ids(piece.batch, people.salt) for piece in excluded]
        ids = [each.drop_null().to_numpy() for each in links]
        return _Barrier(salt=people.salt, ids=Sieve(distinct(np.concatenate([_NONE, *ids]))))
    pool = pool_of(((piece.batch, piece.spec(_ANY)) for piece in excluded), specs_of(people, _ANY))
    whole = bare(people)
    assert isinstance(whole, Combined), "the same set"
    hit = [
        profiles(piece.batch, people.salt)[pool.hits(piece.batch)]
        for piece in _not_excluded(_included(whole, way) if pool.keys else ())
    ]
    found = Sieve(distinct(np.concatenate([_NONE, *hit])))
    return _Barrier(salt=people.salt, pool=pool, profiles=found)


def _excluded(people: Combined, way: _Way) -> Iterator[Piece]:
    """The rows of all excluded segments, counted."""
    for part in people.exclude:
        name = EXCLUDE + part.name
        way.sizes[name] = 0
        for piece in _not_excluded(_members(part, way)):
            way.sizes[name] += piece.batch.num_rows
            yield piece


def _not_excluded(streams: Iterable[Iterator[Piece]]) -> Iterator[Piece]:
    """The rows that are in a segment, whatever their people agreed to."""
    for rows in streams:
        for piece in rows:
            places = np.flatnonzero(~is_excluded(piece.batch))
            yield replace(piece, batch=piece.batch.take(pa.array(places)))


def _ids(batch: pa.RecordBatch, salt: str) -> pa.Array:
    return link(pc.cast(batch["profile_id"], pa.string()), salt)


def _alike(streams: Sequence[Iterator[Piece]], traits: Sequence[str]) -> Iterator[Piece]:
    """The rows of all, with the columns of all, and all of these traits."""
    with ExitStack() as stack:
        for rows in streams:
            stack.enter_context(closing(rows))  # type: ignore[type-var]
        firsts = [next(rows, None) for rows in streams]
        schemas = [first.batch.schema for first in firsts if first]
        names = _shared(schemas)
        types = {name: _common(schemas, name) for name in traits}
        for first, rows in zip(firsts, streams, strict=True):
            if first:
                yield _aligned(first, names, types)
            for piece in rows:
                yield _aligned(piece, names, types)


def _shared(schemas: Iterable[pa.Schema]) -> list[str]:
    """Every column but the traits, those that all have first."""
    names = dict.fromkeys(_FIRST)
    for schema in schemas:
        names |= dict.fromkeys(name for name in schema.names if not name.startswith("trait."))
    return list(names)


def _common(schemas: Iterable[pa.Schema], name: str) -> pa.DataType:
    """The type that holds a trait of all sources that have it; text where there is none."""
    found = [pa.schema([schema.field(name)]) for schema in schemas if name in schema.names]
    if not found:
        return pa.string()
    try:
        common = pa.unify_schemas(found, promote_options="permissive")
    except pa.ArrowTypeError:
        return pa.string()
    return common.field(name).type


def _aligned(piece: Piece, names: Sequence[str], types: Mapping[str, pa.DataType]) -> Piece:
    columns = [_column(piece.batch, name) for name in names]
    columns += [_trait(piece.batch, name, type_) for name, type_ in types.items()]
    aligned = pa.RecordBatch.from_arrays(columns, names=[*names, *types])
    return replace(piece, batch=aligned)


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    """A column of the rows, or what they have instead where others have it."""
    if name in batch.schema.names:
        return batch[name]
    if name.startswith("has_consent."):
        return batch["has_consent"]
    if name == PERSON:
        return pc.cast(batch["profile_id"], pa.string())
    return pa.nulls(batch.num_rows, pa.string())


def _trait(batch: pa.RecordBatch, name: str, type_: pa.DataType) -> pa.Array:
    """A trait of the rows; nothing where their source has none of that name."""
    if name not in batch.schema.names:
        return pa.nulls(batch.num_rows, type_)
    # A whole number above 2**53 may stand beside fractions: nearly is near enough there.
    return pc.cast(batch[name], type_, safe=False)


def _with(batch: pa.RecordBatch, name: str, column: pa.Array) -> pa.RecordBatch:
    if name not in batch.schema.names:
        return batch.append_column(name, column)
    place = batch.schema.get_field_index(name)
    return batch.set_column(place, name, column)
