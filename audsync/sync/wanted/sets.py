"""A segment that is made of others, as a value, and what its rows say of themselves. Pure."""

from dataclasses import asdict, dataclass, field, replace

import numpy as np
import pyarrow as pa

from audsync.domain import IDENTIFIERS, YES_WORDS
from audsync.identifiers.kernel import PhonePolicy, PrepareSpec
from audsync.segments.contract import Query
from audsync.sync.tables.hashes import Flags

EXCLUDED = "is_excluded"
"""Column of the rows of sets: whether their person is excluded."""
PERSON = "person"
"""Column of rows that the profile id alone does not tell apart."""
_TELLING = frozenset({"profile_id", "country", *(kind.label for kind in IDENTIFIERS)})
"""Labels of what makes somebody a person; a phone may need its country."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tune:
    """How the raw values of one source are read."""

    region: str | None = None
    phone_policy: PhonePolicy = PhonePolicy.VALID
    yes_words: tuple[str, ...] = YES_WORDS

    def of(self, spec: PrepareSpec) -> PrepareSpec:
        """The same for this source."""
        return replace(
            spec,
            region=self.region,
            phone_policy=self.phone_policy,
            yes_words=self.yes_words,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A segment with a source."""

    name: str
    query: Query
    """With a salt of its own: the same row of two segments is two rows."""
    tune: Tune


@dataclass(frozen=True, slots=True, kw_only=True)
class Combined:
    """A segment made of others."""

    name: str
    include: tuple["Leaf | Combined", ...]
    exclude: tuple["Leaf | Combined", ...] = ()
    by_identifier: bool = False
    """Somebody is excluded for any shared identifier, and profile ids of two segments have nothing
    to do with each other; else the same profile id is the same person."""
    traits: tuple[str, ...] = ()
    """Columns besides that its rows have, whether their source does or not."""
    salt: str = field(repr=False)
    """Of the links of profiles."""


People = Query | Combined
"""Whom a segment means: rows of one source, or a set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some rows, and how their values are read; None: as the segment says."""

    batch: pa.RecordBatch
    tune: Tune | None = None

    def spec(self, spec: PrepareSpec) -> PrepareSpec:
        """How a platform takes these rows."""
        return self.tune.of(spec) if self.tune else spec


def bare(people: "Leaf | Combined") -> "Leaf | Combined":
    """The same people with just what tells who they are, to be read in any order."""
    if isinstance(people, Combined):
        return replace(
            people,
            include=tuple(bare(part) for part in people.include),
            exclude=tuple(bare(part) for part in people.exclude),
            traits=(),
        )
    columns = {label: names for label, names in people.query.columns.items() if label in _TELLING}
    return replace(people, query=replace(people.query, columns=columns, traits=(), in_order=False))


def leaves(people: "Leaf | Combined") -> tuple[Leaf, ...]:
    """Everything that is read for it, at whatever depth."""
    if isinstance(people, Leaf):
        return (people,)
    return tuple(leaf for part in (*people.include, *people.exclude) for leaf in leaves(part))


def specs_of(people: People, spec: PrepareSpec) -> tuple[PrepareSpec, ...]:
    """Each way in which values are read."""
    if not isinstance(people, Combined):
        return (spec,)
    return tuple(dict.fromkeys(leaf.tune.of(spec) for leaf in leaves(people)))


def signature(people: People) -> list[object]:
    """What the rows of a segment and their links depend on, beside the rows of the sources."""
    if isinstance(people, Combined):
        parts = [[leaf.name, _columns(leaf.query), asdict(leaf.tune)] for leaf in leaves(people)]
        return [sorted(parts, key=repr), _identities(people)]
    return _columns(people)


def is_excluded(batch: pa.RecordBatch) -> Flags:
    """Which rows' people are excluded."""
    if EXCLUDED not in batch.schema.names:
        return np.zeros(batch.num_rows, dtype=bool)
    flags: Flags = batch[EXCLUDED].to_numpy(zero_copy_only=False)
    return flags


def persons(batch: pa.RecordBatch) -> pa.Array:
    """What tells people apart; null for a row that stands for itself."""
    return batch[PERSON if PERSON in batch.schema.names else "profile_id"]


def _columns(query: Query) -> list[object]:
    return [[label, list(names)] for label, names in sorted(query.columns.items())]


def _identities(people: "Leaf | Combined") -> list[object]:
    """Whose profile ids are told apart."""
    if isinstance(people, Leaf):
        return [people.name]
    return [people.name, people.by_identifier, *map(_identities, people.include)]
