"""Fingerprints of an earlier preparation that are too many for memory: in a file, sorted.

To look something up the whole file is read, so it is done for many rows at once: of a hundred
million rows some two million at a time, which reads the file fifty times. Preparing the rows would
take ten times as long.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from audsync.snapshots import parquet
from audsync.sync.tables.hashes import Flags, Hashes, Places, distinct
from audsync.sync.wanted.known import Known, stand_alone, unusable_of

_SCHEMA = pa.schema([("fingerprint", pa.uint64())])
_GROUP_ROWS = 1 << 20
_SORTING_BYTES_A_ROW = 24
_EXCEPTION_BYTES = 40
"""What a row that came or went takes in memory until the segment is put together, about."""


def known_file(
    rows: Iterable[pa.RecordBatch], work: Path, *, at_most: int, memory_bytes: int
) -> Known | None:
    """The rows of an earlier preparation, as a file in `work`; None where that would not help.

    Args:
        rows: with the columns `known.NEEDED`.
        work: a private folder.
        at_most: there are no more rows than this.
        memory_bytes: how much may be held of the source, and as much again of what changed.
    """
    most_exceptions = memory_bytes // _EXCEPTION_BYTES
    if at_most > 2 * memory_bytes:
        return None  # So many times would the file be read that preparing the rows is quicker.
    buckets = _Buckets(work, bits=_bits(at_most * _SORTING_BYTES_A_ROW, memory_bytes))
    unusable: list[Hashes] = [np.empty(0, dtype=np.uint64)]
    unusable_rows = 0
    for batch in buckets.filled(rows, hold_bytes=memory_bytes // 2):
        unusable.append(unusable_of(batch))
        unusable_rows += len(unusable[-1])
        if unusable_rows > most_exceptions:
            return None
    bad = distinct(np.concatenate(unusable))
    path = work / "known.parquet"
    left_out: list[Hashes] = [np.empty(0, dtype=np.uint64)]
    firsts: list[Hashes] = [np.empty(0, dtype=np.uint64)]
    with parquet.writer(path, _SCHEMA) as file:
        for ordered in buckets.ordered():
            is_usable = stand_alone(ordered, bad)
            left_out.append(distinct(ordered[~is_usable]))
            usable = ordered[is_usable]
            firsts.append(usable[::_GROUP_ROWS].copy())  # a view would hold all of them
            if len(usable):
                file.write_table(_table(usable), row_group_size=_GROUP_ROWS)
    return Known(
        FiledMembers(path, np.concatenate(firsts)),
        unusable=np.concatenate(left_out),
        old_rows=buckets.rows,
        stretch_bytes=memory_bytes // 2,
        most_exceptions=most_exceptions,
    )


class FiledMembers:
    """The sorted fingerprints of a file; see `known.Members`."""

    def __init__(self, path: Path, firsts: Hashes) -> None:
        """`firsts` are the first of each of its row groups."""
        self._file = parquet.opened(path)
        self._firsts = firsts
        metadata = self._file.metadata
        sizes = [metadata.row_group(number).num_rows for number in range(len(firsts))]
        self._starts = np.append(0, np.cumsum(sizes, dtype=np.intp)).astype(np.intp)

    def __len__(self) -> int:
        """How many there are."""
        return int(self._starts[-1])

    def at(self, places: Places) -> Hashes:
        """Those at these places, which are sorted."""
        found = [np.empty(0, dtype=np.uint64)]
        for number, wanted in self._by_group(np.searchsorted(places, self._starts)):
            found.append(self._group(number)[places[wanted] - self._starts[number]])
        return np.concatenate(found)

    def find(self, values: Hashes) -> tuple[Places, Flags]:
        """For each value its place, and whether it is there: else any place."""
        order = np.argsort(values)
        ordered = values[order]
        place = np.zeros(len(values), dtype=np.intp)
        is_there = np.zeros(len(values), dtype=bool)
        for number, wanted in self._by_group(
            np.append(np.searchsorted(ordered, self._firsts), len(values))
        ):
            group, some = self._group(number), ordered[wanted]
            within = np.searchsorted(group, some)
            np.minimum(within, len(group) - 1, out=within)
            is_there[order[wanted]] = group[within] == some
            place[order[wanted]] = within + self._starts[number]
        return place, is_there

    def _by_group(self, cuts: Places) -> Iterator[tuple[int, slice]]:
        """The numbers of the row groups that something is wanted of, and what."""
        for number, (start, stop) in enumerate(pairwise(cuts.tolist())):
            if start < stop:
                yield number, slice(start, stop)

    def _group(self, number: int) -> Hashes:
        group: Hashes = self._file.read_row_group(number)["fingerprint"].to_numpy()
        return group


class _Buckets:
    """Files of fingerprints by their leading bits, each small enough to be sorted in memory."""

    def __init__(self, work: Path, *, bits: int) -> None:
        self._paths = [work / f"known-{number}.parquet" for number in range(1 << bits)]
        self._shift = np.uint64(64 - bits)
        self.rows = 0

    def filled(
        self, rows: Iterable[pa.RecordBatch], *, hold_bytes: int
    ) -> Iterator[pa.RecordBatch]:
        """Write the fingerprints of the rows, which pass through."""
        held: list[list[Hashes]] = [[] for _ in self._paths]
        held_bytes = 0
        with ExitStack() as stack:
            files = [stack.enter_context(parquet.writer(each, _SCHEMA)) for each in self._paths]
            for batch in rows:
                fingerprint = batch["fingerprint"].to_numpy()
                self.rows += len(fingerprint)
                for number, part in self._parts(fingerprint):
                    held[number].append(part)
                held_bytes += fingerprint.nbytes
                if held_bytes >= hold_bytes:
                    _write(files, held)
                    held_bytes = 0
                yield batch
            _write(files, held)

    def ordered(self) -> Iterator[Hashes]:
        """All of them, sorted, in several arrays; the files are gone then."""
        for path in self._paths:
            fingerprints: Hashes = parquet.read(path, _SCHEMA.names)["fingerprint"].to_numpy()
            path.unlink()
            yield np.sort(fingerprints)

    def _parts(self, fingerprint: Hashes) -> Iterator[tuple[int, Hashes]]:
        if len(self._paths) == 1:
            yield 0, fingerprint
            return
        bucket = (fingerprint >> self._shift).astype(np.uint16)
        order = np.argsort(bucket, kind="stable")
        cuts = np.cumsum(np.bincount(bucket, minlength=len(self._paths)))[:-1]
        yield from enumerate(np.split(fingerprint[order], cuts))


def _bits(needed: int, memory_bytes: int) -> int:
    """The leading bits by which to part what needs so many bytes."""
    return (needed // max(memory_bytes, 1)).bit_length()


def _write(files: list[pq.ParquetWriter], held: list[list[Hashes]]) -> None:
    for file, parts in zip(files, held, strict=True):
        if sum(map(len, parts)):
            file.write_table(_table(np.concatenate(parts)))
        parts.clear()


def _table(fingerprints: Hashes) -> pa.Table:
    return pa.table({"fingerprint": pa.array(fingerprints)})
