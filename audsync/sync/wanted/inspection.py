"""One batch of raw source rows seen through the rules of several platforms at once.

For `check` and `export`, which look at cells where they stand. Platforms that judge a kind alike
share one look. Values are compared by the first 64 bits of their SHA-256: two of ten million are
taken for one about once in half a million runs.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from audsync.domain import Kind, Platform
from audsync.identifiers.kernel import PrepareSpec, examine, link
from audsync.identifiers.rules import COLUMN_KINDS, Form, column_rule, shown_form
from audsync.sync.tables.hashes import Flags, Hashes
from audsync.sync.wanted.sets import persons

_KINDS = {kind.label: kind for kind in COLUMN_KINDS}
_COUNTRY = "country.0"
_KEY_HEX = 16
View = tuple[Kind, Platform]
"""How values of a kind are seen: by the rules of the first platform that judges them so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One column as some platform sees it; every array is as long as the batch."""

    name: str
    """As in the batch, such as `email.0`."""
    kind: Kind
    normalized: pa.Array
    hash: pa.Array
    sent: pa.Array
    rejected: pa.Array
    already_hashed: pa.Array

    @property
    def is_good(self) -> Flags:
        """Which cells have a value that counts."""
        good: Flags = self.hash.is_valid().to_numpy(zero_copy_only=False)
        return good

    def keys(self) -> Hashes:
        """64 bits for each value; 0 where there is none."""
        digits = pl.Series(pl.from_arrow(self.hash)).cast(pl.String).str.slice(0, _KEY_HEX)
        keys: Hashes = digits.str.to_integer(base=16, dtype=pl.UInt64).fill_null(0).to_numpy()
        return keys


def view(platforms: Sequence[Platform], platform: Platform, kind: Kind) -> Platform:
    """The first of `platforms` that judges values of this kind as `platform` does."""
    wanted = _judgement(platform, kind)
    return next(other for other in platforms if _judgement(other, kind) == wanted)


def looks(
    batch: pa.RecordBatch,
    specs: Mapping[Platform, PrepareSpec],
    kinds: Collection[Kind] = COLUMN_KINDS,
) -> dict[tuple[str, Platform], Look]:
    """Every mapped column as every platform sees it.

    Args:
        batch: as `segments.files.read` yields them.
        specs: the platforms, and how to read phones.
        kinds: whose columns to look at.
    """
    platforms = tuple(specs)
    names = [name for name in batch.schema.names if _KINDS.get(name.partition(".")[0]) in kinds]
    wanted: dict[Platform, list[str]] = defaultdict(list)
    for name in names:
        for seen_by in {view(platforms, one, _kind(name)) for one in platforms}:
            wanted[seen_by].append(name)
    found = {
        (name, platform): look
        for platform, columns in wanted.items()
        for name, look in _examined(batch, columns, specs[platform])
    }
    return {
        (name, platform): found[name, view(platforms, platform, _kind(name))]
        for name in names
        for platform in platforms
    }


def profiles(batch: pa.RecordBatch, salt: str) -> Hashes:
    """Links of the rows' profiles; a row without a profile id is a profile of its own."""
    ids = pc.cast(persons(batch), pa.string())
    links: Hashes = link(ids, salt).fill_null(0).to_numpy()
    nameless = ids.is_null().to_numpy(zero_copy_only=False)
    if nameless.any():
        links = links.copy()
        own = pc.binary_join_element_wise(
            pa.scalar("\0row"), pc.cast(batch["fingerprint"], pa.string()), ""
        )
        links[nameless] = link(own, salt).to_numpy()[nameless]
    return links


def is_taken(platform: Platform, kind: Kind) -> bool:
    """Whether columns of this kind go to the platform."""
    return column_rule(platform, kind) is not None


def identifies(platform: Platform, kind: Kind) -> bool:
    """Whether the platform finds people by this kind."""
    return kind.is_identifier and is_taken(platform, kind)


def _examined(
    batch: pa.RecordBatch, names: Sequence[str], spec: PrepareSpec
) -> Iterator[tuple[str, Look]]:
    has_country = _COUNTRY in batch.schema.names
    columns = list(dict.fromkeys([*names, _COUNTRY] if has_country else names))
    seen = examine(batch.select(columns), spec, names)
    for name in names:
        parts = {
            part: seen.column(f"{name}.{part}")
            for part in ("normalized", "hash", "sent", "rejected", "already_hashed")
        }
        yield name, Look(name=name, kind=_kind(name), **parts)


def _judgement(platform: Platform, kind: Kind) -> tuple[Form, bool, bool]:
    """Platforms for which this is equal give a value one hash and one verdict."""
    rule = column_rule(platform, kind)
    return shown_form(platform, kind), rule is not None, rule is not None and rule.is_raw


def _kind(name: str) -> Kind:
    return _KINDS[name.partition(".")[0]]
