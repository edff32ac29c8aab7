"""The wanted members of an audience: its segment read once, into this run's own durable files.

Rows are streamed; those an earlier preparation knows are not normalised again. What ends in the
files: for each profile its prepared values, together and by kind, and for each source row what it
came to. A segment that changes while it is used changes nothing.
"""

import gc
import hashlib
import json
import logging
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from audsync.domain import YES_WORDS
from audsync.identifiers.kernel import rules_version
from audsync.snapshots import parquet
from audsync.snapshots.folder import AudienceFolder
from audsync.sync.contract import Cache, Desired, Patch, StateFiles
from audsync.sync.tables.hashes import Hashes, distinct
from audsync.sync.tables.layers import Layers
from audsync.sync.wanted import compose, recognition, tally
from audsync.sync.wanted.agreement import has_agreed
from audsync.sync.wanted.digest import IDENTIFIERS, Digested, digest
from audsync.sync.wanted.inspection import profiles
from audsync.sync.wanted.known import (
    BYTES_A_ROW,
    NEEDED,
    ROWS,
    Known,
    TooMuchIsNewError,
    known_here,
)
from audsync.sync.wanted.known_file import known_file
from audsync.sync.wanted.membership import pieces
from audsync.sync.wanted.parts import Parts, Reading
from audsync.sync.wanted.recognition import Preparation, unchanged
from audsync.sync.wanted.sets import Piece, is_excluded, signature, specs_of
from audsync.sync.wanted.suppression import Listed, read_lists

WORKERS = 2
_IN_FLIGHT = WORKERS + 1
_FULL_ROWS = 100_000

_log = logging.getLogger(__name__)


def rules_of(reading: Reading) -> str:
    """What a preparation depends on beside the rows: when it changes, old files help no more."""
    basis: list[object] = [
        rules_version(reading.spec),
        duckdb.__version__,  # its hash, which fingerprints are made of, is its own
        signature(reading.query),
    ]
    if reading.spec.yes_words != YES_WORDS:
        basis.append(sorted(reading.spec.yes_words))
    if reading.holdouts:
        basis.append(sorted((each.name, each.limit) for each in reading.holdouts))
    return hashlib.sha256(json.dumps(basis).encode()).hexdigest()[:24]


def prepare_segment(reading: Reading, cache: Cache | None) -> Desired:
    """Read and prepare the segment.

    Args:
        reading: what, for whom, where.
        cache: an earlier preparation of this segment by the same rules; None for none.

    Raises:
        SourceError: the source cannot be read to its end; nothing of it is used.
        StateError: the files cannot be written.
    """
    proof = recognition.proof_of(reading)
    if proof and cache and (standing := recognition.standing(reading, cache, proof)):
        return standing
    if proof and not proof.holds():
        proof = None  # replaced since: nothing is proved, and it is read as it stands now
    if proof:
        reading = replace(reading, query=proof.query)
    desired = _read(reading, cache.files if cache else None)
    return recognition.told(desired, proof) if proof else desired


def _read(reading: Reading, cache: StateFiles | None) -> Desired:
    # A cluster prepares all rows anew: what an earlier preparation knows is here, and they there.
    if reading.cluster is None and (old := _Old.of(reading, cache)):
        try:
            return _read_upon(reading, old)
        except TooMuchIsNewError:
            _log.info("too much has changed to go by the last preparation: all is prepared anew")
    return _read_upon(reading, None)


def _read_upon(reading: Reading, old: "_Old | None") -> Desired:
    suppressed = reading.work / "suppressed.parquet" if reading.suppress else None
    listed = _listed(reading, suppressed)
    parts = _prepared(reading, old.known if old else None, listed)
    if old and old.is_confirmed and not reading.suppress and parts.is_unchanged(old.known):
        return unchanged(reading, old.preparation, list_sizes=parts.excluded)
    composed = compose.compose(
        compose.Parts(
            new_identifiers=parts.identifiers,
            new_rows=parts.rows,
            old=old.layers if old else None,
            known=old.known if old else None,
            suppressed=suppressed,
            suppressed_profiles=parts.suppressed,
        ),
        work=reading.work,
        memory_bytes=reading.memory_bytes,
    )
    counts = tally.count(composed.layers)
    sizes = parts.sizes.by_kind() if old is None and suppressed is None else None
    touched = composed.touched if old and old.is_confirmed else None
    identifiers, rows, patch = _kept(reading.folder, composed.layers, old)
    return Desired(
        identifiers=identifiers,
        rows=rows,
        patch=patch,
        counts=counts,
        sizes=sizes,
        touched=reading.folder.keep(touched, "touched") if touched else None,
        list_sizes={**(listed.sizes if listed else {}), **parts.excluded},
    )


def _kept(folder: AudienceFolder, found: Layers, old: "_Old | None") -> tuple[str, str, Patch]:
    """Names of the segment's files, those that are new made durable."""
    patch = Patch(
        **{
            role: folder.keep(path, role)
            for role, path in (
                ("outdated", found.outdated),
                ("later_identifiers", found.later_identifiers),
                ("later_rows", found.later_rows),
            )
            if path
        }
    )
    if old and found.identifiers == old.layers.identifiers:
        return old.preparation.identifiers, old.preparation.rows, patch
    assert found.rows is not None, "what was read has rows"
    return folder.keep(found.identifiers, "identifiers"), folder.keep(found.rows, "rows"), patch


@dataclass(frozen=True, slots=True, kw_only=True)
class _Old:
    """The earlier preparation that is built upon."""

    preparation: Preparation
    known: Known

    @classmethod
    def of(cls, reading: Reading, cache: StateFiles | None) -> "_Old | None":
        found = Preparation.of(reading.folder, cache) if cache else None
        if found is None:
            return None
        at_most, memory_bytes = found.layers.row_count(), reading.memory_bytes // 2
        rows = found.layers.row_batches(NEEDED)
        if at_most * BYTES_A_ROW <= memory_bytes:
            return cls(preparation=found, known=known_here(rows, at_most=at_most))
        known = known_file(rows, reading.work, at_most=at_most, memory_bytes=memory_bytes)
        return cls(preparation=found, known=known) if known else None

    @property
    def layers(self) -> Layers:
        """Its files."""
        return self.preparation.layers

    @property
    def is_confirmed(self) -> bool:
        """Whether these very files are also what is confirmed to be on the platform."""
        return self.preparation.is_confirmed


def _prepared(reading: Reading, known: Known | None, listed: Listed | None) -> Parts:
    """Read and prepare the rows that are not known, here or on a cluster."""
    if reading.cluster is None:
        return _stream(reading, known, listed)
    from audsync.sync.spark import parts  # noqa: PLC0415 - loaded only where there is a cluster

    return parts.prepare(reading, reading.cluster, listed)


def _stream(reading: Reading, known: Known | None, listed: Listed | None) -> Parts:
    """Read the source to its end; prepare the rows that are not known, a few batches at once."""
    identifiers, rows = reading.work / "new-identifiers.parquet", reading.work / "new-rows.parquet"
    sizes = tally.Sizes(memory_bytes=reading.memory_bytes // 4 if known is None else 0)
    row_count = 0
    hits: list[Hashes] = [np.empty(0, dtype=np.uint64)]
    excluded: dict[str, int] = {}
    with (
        parquet.writer(identifiers, IDENTIFIERS) as values,
        parquet.writer(rows, ROWS) as states,
        ExitStack() as stack,
    ):
        # Closed at once when something fails: whoever reads the same rows must not wait for us.
        rows_read = stack.enter_context(closing(_watched(reading, listed, hits, excluded)))
        for done in _digested(_unknown(rows_read, known), reading):
            values.write_batch(done.identifiers)
            states.write_batch(done.rows)
            sizes.add(done.identifiers)
            row_count += done.rows.num_rows
            if known:
                known.check(row_count)
    if known:
        known.check(row_count, is_over=True)
    return Parts(
        identifiers=identifiers,
        rows=rows,
        row_count=row_count,
        sizes=sizes,
        suppressed=distinct(np.concatenate(hits)),
        excluded=excluded,
    )


def _watched(
    reading: Reading, listed: Listed | None, hits: list[Hashes], excluded: dict[str, int]
) -> Generator[Piece, None, None]:
    """The segment's rows, as they come; profiles among them that are on a list go to `hits`."""
    for piece in pieces(reading.query, excluded, source=reading.source):
        batch = piece.batch
        reading.advance(batch.num_rows)
        if listed is not None and listed.pool.keys:
            may_be_sent = has_agreed(batch, reading.spec.platform) & ~is_excluded(batch)
            places = np.flatnonzero(listed.pool.hits(batch) & may_be_sent)
            hits.append(profiles(batch.take(pa.array(places)), reading.salt))
        yield piece


def _unknown(rows: Iterable[Piece], known: Known | None) -> Iterable[Piece]:
    """The rows that are not known, in pieces of about the size in which they came."""
    if known is None:
        yield from rows
        return
    held: list[Piece] = []
    for piece in _without_known(rows, known):
        if held and held[0].tune != piece.tune:
            yield _joined(held)
            held = []
        if piece.batch.num_rows:
            held.append(piece)
        # A batch costs a fixed price to prepare, however few rows it has.
        if sum(part.batch.num_rows for part in held) >= _FULL_ROWS:
            yield _joined(held)
            held = []
    if held:
        yield _joined(held)


def _without_known(rows: Iterable[Piece], known: Known) -> Iterator[Piece]:
    """The pieces without the rows that are known; as many looked up at once as `known` likes."""
    for stretch in _stretches(rows, known.stretch_bytes):
        fingerprints = [piece.batch["fingerprint"].to_numpy() for piece in stretch]
        is_known = known.match(np.concatenate(fingerprints))
        start = 0
        for piece in stretch:
            stop = start + piece.batch.num_rows
            is_new = np.flatnonzero(~is_known[start:stop])
            yield replace(piece, batch=piece.batch.take(pa.array(is_new)))
            start = stop
        stretch.clear()  # else it would be held while the next one is gathered


def _stretches(rows: Iterable[Piece], size_bytes: int) -> Iterator[list[Piece]]:
    """The pieces in lists of at least this size, the last one apart."""
    held: list[Piece] = []
    held_bytes = 0
    for piece in rows:
        held.append(piece)
        held_bytes += piece.batch.nbytes
        if held_bytes >= size_bytes:
            yield held
            held, held_bytes = [], 0
    if held:
        yield held


def _joined(some: Sequence[Piece]) -> Piece:
    return replace(some[0], batch=pa.concat_batches([piece.batch for piece in some]))


def _digested(rows: Iterable[Piece], reading: Reading) -> Iterable[Digested]:
    """Prepare in threads (the kernel lets go of the interpreter), in order, bounded."""
    waiting: deque[Future[Digested]] = deque()
    prepared = partial(digest, salt=reading.salt, holdouts=reading.holdouts)
    with ThreadPoolExecutor(WORKERS) as pool, _lean():
        for piece in rows:
            waiting.append(pool.submit(prepared, piece.batch, piece.spec(reading.spec)))
            if len(waiting) >= _IN_FLIGHT:
                yield waiting.popleft().result()
                gc.collect()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def _lean() -> Iterator[None]:
    """Make collecting cheap for a while: what is alive now is not looked at.

    Frames are caught in reference cycles, and their memory is nothing that the collector counts:
    left to itself it comes so rarely that 4 million rows held 190 MB more than they need.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _listed(reading: Reading, lines: Path | None) -> Listed | None:
    """What is on the lists of people who are never sent; None for no lists."""
    if lines is None:
        return None
    platform = reading.spec.platform
    specs = specs_of(reading.query, reading.spec)
    return read_lists(
        reading.suppress, specs, platform=platform, lines=lines, source=reading.source
    )
