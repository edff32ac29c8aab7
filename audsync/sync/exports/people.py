"""The rows of a segment that may be sent, as they stream by.

Rows without consent, and every row of a profile that a suppression list names, stay out: what is
exported is often uploaded by hand. A rejected value is an empty cell; its row stays.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from audsync.domain import Kind
from audsync.identifiers.kernel import PrepareSpec
from audsync.segments.contract import Query
from audsync.sync.tables.hashes import Flags, Hashes, Sieve, distinct
from audsync.sync.wanted.agreement import has_agreed
from audsync.sync.wanted.holdout import Holdout, is_held_out
from audsync.sync.wanted.inspection import Look, looks, profiles
from audsync.sync.wanted.membership import pieces
from audsync.sync.wanted.sets import People, Piece, is_excluded, specs_of
from audsync.sync.wanted.suppression import read_lists

NO_CONSENT = "no consent"
SUPPRESSED = "suppressed"
EXCLUDED = "excluded"
HELD_OUT = "held out"
NOT_HELD_OUT = "not held out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to read, and how."""

    query: People
    """With `in_order`, so that two exports of one source are the same."""
    spec: PrepareSpec
    suppress: Sequence[Query]
    work: Path
    """A private folder that the caller removes."""
    memory_bytes: int
    begin: Callable[[], None]
    """Told when a reading begins."""
    advance: Callable[[int], None]
    """Told how many rows were read; may raise to stop."""
    kinds: Collection[Kind]
    """What is written; nothing else is looked at."""
    holdouts: Sequence[Holdout] = ()
    """Draws that keep people out."""
    is_of_holdout: bool = False
    """Whether those are wanted, and nobody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Some rows that may be sent; every array is as long as `batch`."""

    batch: pa.RecordBatch
    """As `segments.files.read` yields them."""
    links: Hashes
    """Whose rows these are."""
    looks: Mapping[str, Look]
    """Each column of a kind that is wanted, such as `email.0`, as the platform sees it."""

    def columns_of(self, label: str) -> list[str]:
        """The batch's columns of one kind, such as `email.0` and `email.1`."""
        return [name for name in self.batch.schema.names if name.partition(".")[0] == label]


class Admission:
    """Reads a segment and lets pass who may be sent."""

    def __init__(self, order: Order) -> None:
        self.left_out: Counter[str] = Counter()
        self.order = order
        self._listed = read_lists(order.suppress, specs_of(order.query, order.spec)).pool
        self._banned: Sieve | None = None

    def rows(self) -> Iterator[Rows]:
        """The rows, in the order of the source; they can be read more than once.

        Raises:
            SourceError: the source cannot be read to its end.
        """
        banned = self._found_banned()
        self.left_out = Counter()
        for piece in self._pieces():
            links = profiles(piece.batch, self.order.query.salt)
            keep = self._kept(piece.batch, links, banned)
            kept = piece.batch.take(pa.array(keep))
            specs = {self.order.spec.platform: piece.spec(self.order.spec)}
            found = looks(kept, specs, self.order.kinds)
            seen = {name: look for (name, _), look in found.items()}
            yield Rows(batch=kept, links=links[keep], looks=seen)

    def _found_banned(self) -> Sieve:
        """Profiles of which any identifier is suppressed, sorted.

        They take a reading of their own: a profile's last row may hold what bans its first.
        """
        if self._banned is None:
            parts = [np.empty(0, dtype=np.uint64)]
            if self._listed.keys:
                for batch in (piece.batch for piece in self._pieces()):
                    hits = self._listed.hits(batch) & self._has_agreed(batch) & ~is_excluded(batch)
                    parts.append(distinct(profiles(batch, self.order.query.salt)[hits]))
            self._banned = Sieve(distinct(np.concatenate(parts)))
        return self._banned

    def _pieces(self) -> Iterator[Piece]:
        self.order.begin()
        for piece in pieces(self.order.query):
            yield piece
            self.order.advance(piece.batch.num_rows)

    def _kept(self, batch: pa.RecordBatch, links: Hashes, banned: Sieve) -> np.ndarray:
        has_consent = self._has_agreed(batch)
        is_banned = banned.holds(links) & has_consent
        self.left_out[NO_CONSENT] += int((~has_consent).sum())
        self.left_out[SUPPRESSED] += int(is_banned.sum())
        out = is_excluded(batch) & has_consent & ~is_banned
        self.left_out[EXCLUDED] += int(out.sum())
        may_be_sent = has_consent & ~is_banned & ~out
        held_out = is_held_out(batch["profile_id"], self.order.holdouts)
        is_wanted = held_out if self.order.is_of_holdout else ~held_out
        cause = NOT_HELD_OUT if self.order.is_of_holdout else HELD_OUT
        self.left_out[cause] += int((may_be_sent & ~is_wanted).sum())
        return np.flatnonzero(may_be_sent & is_wanted)

    def _has_agreed(self, batch: pa.RecordBatch) -> Flags:
        return has_agreed(batch, self.order.spec.platform)


def shown(look: Look, *, is_hashed: bool, is_sent_form: bool) -> pa.Array:
    """The cells of a column as they are written; null where there is nothing to write.

    Args:
        look: the column.
        is_hashed: hashes; else normal forms. What the source holds hashed has no plain text, and
            stays the hash it is.
        is_sent_form: raw where the platform takes it raw; else a hash there, too.
    """
    if not is_hashed:
        return pc.coalesce(look.normalized, look.hash)
    return look.sent if is_sent_form else look.hash
