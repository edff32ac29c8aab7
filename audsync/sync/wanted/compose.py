"""Old and new parts put together: lines of values, a profile's together, and source rows.

Where little has changed since the old files were written, they stay, and a patch says what counts
no more and what counts beside them. Else everything is written anew.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import tee
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from audsync.domain import FIRST_FIELD
from audsync.snapshots import parquet
from audsync.sync.tables import duck, layers
from audsync.sync.tables.hashes import Hashes, Sieve, distinct, is_in
from audsync.sync.tables.layers import Layers
from audsync.sync.wanted.known import ROWS, Known, State, repeated

_NEAR_SHARE = 0.3
"""Where more profiles than this share may differ, looking at all of them is cheaper."""
_PATCH_SHARE = 0.1
"""Where more than this share of its rows is outdated, a large file is written anew: each run
writes the whole patch again, and looks past the lines that count no more."""
_NONE: Hashes = np.empty(0, dtype=np.uint64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What there is: new values and rows; an older segment and which of its rows were seen."""

    new_identifiers: Path
    new_rows: Path
    old: Layers | None
    known: Known | None
    suppressed: Path | None
    """Identifiers that are on a list of people who are never sent."""
    suppressed_profiles: Hashes
    """Profiles that are known to be on one beside those that these find, sorted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """The finished segment. `touched`: profiles that may differ from the old one, if not all."""

    layers: Layers
    touched: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """Profiles, each list sorted."""

    gone: Hashes
    """With an old row that is not in the source any more."""
    new: Hashes
    """With a row that was prepared anew."""
    shared: Hashes
    """With several rows, at least one of them prepared anew or seen more than once."""

    def touched(self, suppressed: Hashes) -> Hashes:
        return distinct(np.concatenate([self.gone, self.new, self.shared, suppressed]))


def compose(parts: Parts, *, work: Path, memory_bytes: int) -> Composed:
    """Put the parts together.

    A profile with several rows has the union of their values, once each. A profile of which any
    identifier is suppressed keeps its rows, marked, and loses its values.
    """
    change = _change(parts, memory_bytes=memory_bytes)
    composer = _Composer(parts, work, memory_bytes, change)
    suppressed = composer.suppressed()
    if parts.old is None:
        return Composed(layers=composer.whole(suppressed), touched=None)
    touched = change.touched(suppressed)
    outdated = distinct(np.concatenate([parts.old.outdated_profiles(), touched]))
    assert parts.old.rows is not None, "without rows nothing is built upon it"
    base_rows = parquet.rows_in(parts.old.rows)
    if len(outdated) <= _PATCH_SHARE * base_rows:
        found = composer.patched(parts.old, suppressed, touched=touched, outdated=outdated)
    else:
        found = composer.whole(suppressed)
    if len(touched) > _NEAR_SHARE * base_rows:
        return Composed(layers=found, touched=None)
    return Composed(layers=found, touched=write_profiles(touched, work / "touched.parquet"))


def write_profiles(profiles: Hashes, path: Path) -> Path:
    """A file of profiles: one column, `profile`."""
    table = pa.table({"profile": pa.array(profiles, pa.uint64())})
    with parquet.writer(path, table.schema) as file:
        file.write_table(table)
    return path


def _change(parts: Parts, *, memory_bytes: int) -> _Change:
    if parts.old is None or parts.known is None:
        # Nothing old: who is new does not matter, and may be everybody.
        several = repeated(parts.new_rows, memory_bytes=memory_bytes // 4)
        return _Change(gone=_NONE, new=_NONE, shared=several)
    profiles: Hashes = parquet.read(parts.new_rows, ["profile"])["profile"].to_numpy()
    ordered = np.sort(profiles)
    new = distinct(ordered)
    is_new = Sieve(new)
    gone: list[Hashes] = [_NONE]
    shared: list[Hashes] = [ordered[1:][ordered[1:] == ordered[:-1]]]
    for batch, times in _old_rows(parts.old, parts.known):
        profile = batch["profile"].to_numpy()
        gone.append(profile[times == 0])
        # Old rows that stand for themselves were their profile's only one.
        shared.append(profile[(times > 1) | ((times == 1) & is_new.holds(profile))])
    return _Change(
        gone=distinct(np.concatenate(gone)), new=new, shared=distinct(np.concatenate(shared))
    )


def _old_rows(old: Layers, known: Known) -> Iterator[tuple[pa.RecordBatch, npt.NDArray[np.uint32]]]:
    """All old rows, and how often each was seen."""
    mine, its = tee(old.row_batches(ROWS.names))
    times = known.times(batch["fingerprint"].to_numpy() for batch in its)
    yield from zip(mine, times, strict=True)


class _Composer:
    """Writes the files of one segment."""

    def __init__(self, parts: Parts, work: Path, memory_bytes: int, change: _Change) -> None:
        self._parts = parts
        self._work = work
        self._memory_bytes = memory_bytes
        self._change = change

    def suppressed(self) -> Hashes:
        """Profiles any of whose identifiers is on a list of those that are never sent, sorted."""
        known = self._parts.suppressed_profiles
        if self._parts.suppressed is None:
            return known
        with duck.session(self._work, memory_bytes=self._memory_bytes) as con:
            self._register(con, suppressed=_NONE)
            listed = duck.source(con, self._parts.suppressed)
            found = con.sql(
                f"select distinct t.profile from ({self._standing()} union all {self._fresh()}) t"
                f" semi join (select kind, value from {listed}"
                f" where reason = 0 and kind < {FIRST_FIELD}) s"
                " on t.kind = s.kind and t.value = s.value order by 1"
            )
            profiles: Hashes = found.fetchnumpy()["profile"].astype(np.uint64)
        return distinct(np.concatenate([profiles, known]))

    def whole(self, suppressed: Hashes) -> Layers:
        """Everything in two files."""
        parts, shared = self._parts, self._change.shared
        if parts.old is None and not len(suppressed) and not len(shared):
            return Layers(identifiers=parts.new_identifiers, rows=parts.new_rows)
        identifiers, rows = self._work / "identifiers.parquet", self._work / "rows.parquet"
        with duck.session(self._work, memory_bytes=self._memory_bytes) as con:
            self._register(con, suppressed=suppressed)
            lines = f"({self._standing()} union all {self._fresh()})"
            duck.write(con, f"select * from {lines} where {_NOT_SUPPRESSED}", identifiers)
        old = (_repeated(*pair) for pair in self._old_rows())
        self._write_rows(rows, old, suppressed=suppressed)
        return Layers(identifiers=identifiers, rows=rows)

    def patched(
        self, old: Layers, suppressed: Hashes, *, touched: Hashes, outdated: Hashes
    ) -> Layers:
        """The old files, and small ones with all of everybody who changed since they were made."""
        identifiers, rows = self._work / "later-identifiers.parquet", self._work / "later.parquet"
        with duck.session(self._work, memory_bytes=self._memory_bytes) as con:
            self._register(con, suppressed=suppressed, touched=touched)
            lines = self._fresh()
            if old.later_identifiers:
                later = duck.source(con, old.later_identifiers)
                lines = (
                    f"select {_COLUMNS} from {later} where {_not_in('touched')} union all {lines}"
                )
            count = duck.write(con, f"select * from ({lines}) where {_NOT_SUPPRESSED}", identifiers)
        stays = self._later_rows(old, touched, is_suppressing=len(suppressed) > 0)
        row_count = self._write_rows(rows, stays, suppressed=suppressed)
        return Layers(
            identifiers=old.identifiers,
            rows=old.rows,
            outdated=write_profiles(outdated, self._work / "outdated.parquet"),
            later_identifiers=identifiers if count else None,
            later_rows=rows if row_count else None,
        )

    def _register(self, con: duckdb.DuckDBPyConnection, **more: Hashes) -> None:
        """Make the views and the tables of profiles that `_standing` and `_fresh` read."""
        change, parts = self._change, self._parts
        new = duck.source(con, parts.new_identifiers)
        con.execute(f"create temp view old as select * from {layers.identifiers(con, parts.old)}")
        con.execute(f"create temp view new as select {_COLUMNS} from {new}")
        lists = {
            "dropped": distinct(np.concatenate([change.gone, change.shared])),
            "shared": change.shared,
            "shared_old": change.shared[~is_in(change.shared, change.gone)],
            **more,
        }
        for name, profiles in lists.items():
            con.register(f"{name}_profiles", pa.table({"profile": pa.array(profiles)}))

    def _standing(self) -> str:
        """SQL for the old lines that stand."""
        return f"select * from old where {_not_in('dropped')}"

    def _fresh(self) -> str:
        """SQL for all lines of everybody who has a new row, or whose rows are more than one."""
        return f"""
            select * from new where {_not_in("shared")}
            union all
            select * from (select distinct * from (
              select * from old semi join shared_old_profiles using (profile)
              union all
              select * from new semi join shared_profiles using (profile))
              order by profile, kind, value)
            """

    def _old_rows(self) -> Iterator[tuple[pa.RecordBatch, npt.NDArray[np.uint32]]]:
        if self._parts.old is None or self._parts.known is None:
            return iter(())
        return _old_rows(self._parts.old, self._parts.known)

    def _later_rows(
        self, old: Layers, touched: Hashes, *, is_suppressing: bool
    ) -> Iterator[pa.RecordBatch]:
        """Rows of an older patch that stay, and old ones of those that are in the new one."""
        theirs = Sieve(touched)
        if old.later_rows:
            for batch in parquet.batches(old.later_rows, ROWS.names):
                stays = ~theirs.holds(batch["profile"].to_numpy())
                yield batch.take(pa.array(np.flatnonzero(stays)))
        if not len(self._change.shared) and not is_suppressing:
            return  # Whoever is touched has no old row that was seen.
        for batch, times in self._old_rows():
            is_theirs = theirs.holds(batch["profile"].to_numpy())
            yield _repeated(batch, times * is_theirs)

    def _write_rows(self, path: Path, old: Iterable[pa.RecordBatch], *, suppressed: Hashes) -> int:
        """Old rows and the new ones, with their marks; returns how many."""
        count = 0
        listed, shared = Sieve(suppressed), Sieve(self._change.shared)
        with parquet.writer(path, ROWS) as writer:
            for batches in (old, parquet.batches(self._parts.new_rows)):
                for batch in batches:
                    if batch.num_rows:
                        writer.write_batch(_marked(batch, listed, shared))
                        count += batch.num_rows
        return count


def _marked(batch: pa.RecordBatch, listed: Sieve, shared: Sieve) -> pa.RecordBatch:
    """The rows with their marks set for this run; they had none before."""
    profile = batch["profile"].to_numpy()
    state = batch["state"].to_numpy().copy()
    may_be_sent = (state != int(State.NO_CONSENT)) & (state != int(State.HELD_OUT))
    state[listed.holds(profile) & may_be_sent] = int(State.SUPPRESSED)
    is_shared = pa.array(shared.holds(profile))
    return pa.record_batch(
        [batch["fingerprint"], batch["profile"], pa.array(state), is_shared], schema=ROWS
    )


def _repeated(batch: pa.RecordBatch, times: npt.NDArray[np.uint32]) -> pa.RecordBatch:
    """Each row so often."""
    if (times == 1).all():
        return batch
    return batch.take(pa.array(np.repeat(np.arange(len(times)), times)))


def _not_in(profiles: str) -> str:
    # An anti join may be turned round, and a profile's lines would not stand together then.
    return f"profile not in (select profile from {profiles}_profiles)"


_COLUMNS = "profile, kind, value, reason"
_NOT_SUPPRESSED = _not_in("suppressed")
