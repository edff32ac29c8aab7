"""A segment in layers: two large files, and a patch of what changed since they were written.

The large ones, one of identifiers and one of source rows, are not written again because a
hundredth of them changed. Whole profiles are replaced: the lines of an outdated one count in no
large file, and all that she has now is in the small ones.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from audsync.domain import FIRST_FIELD
from audsync.snapshots import parquet
from audsync.sync.tables import duck
from audsync.sync.tables.hashes import Hashes, Sieve

Codes = npt.NDArray[np.uint8]
NEXT = "next_"
"""Begins the roles of the files of an open plan's segment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """Where a segment's files are; None for a small one that is empty, or for rows not known."""

    identifiers: Path
    rows: Path | None = None
    outdated: Path | None = None
    later_identifiers: Path | None = None
    later_rows: Path | None = None

    @classmethod
    def of(cls, paths: Mapping[str, Path], prefix: str = "") -> "Layers | None":
        """The layers among the files of a state, by role; None where there are none."""
        identifiers = paths.get(f"{prefix}identifiers")
        if identifiers is None:
            return None
        return cls(
            identifiers=identifiers,
            rows=paths.get(f"{prefix}rows"),
            outdated=paths.get(f"{prefix}outdated"),
            later_identifiers=paths.get(f"{prefix}later_identifiers"),
            later_rows=paths.get(f"{prefix}later_rows"),
        )

    def has_identifiers_of(self, other: "Layers | None") -> bool:
        """Whether these are the very lines of another, whatever is known of their rows."""
        return other is not None and self == replace(
            other, rows=self.rows, later_rows=self.later_rows
        )

    def row_count(self) -> int:
        """Source rows, counting those that are outdated."""
        return sum(parquet.rows_in(path) for path in (self.rows, self.later_rows) if path)

    def outdated_profiles(self) -> Hashes:
        """Profiles whose lines in the large files count no more, sorted."""
        if self.outdated is None:
            return np.empty(0, dtype=np.uint64)
        profiles: Hashes = parquet.read(self.outdated, ["profile"])["profile"].to_numpy()
        return profiles

    def row_batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """These columns of all source rows that count, always in the same order."""
        outdated = self.outdated_profiles()
        if self.rows is not None and not len(outdated):
            yield from parquet.batches(self.rows, columns)
        elif self.rows is not None:
            sieve = Sieve(outdated)
            for batch in parquet.batches(self.rows, list(dict.fromkeys([*columns, "profile"]))):
                counts = np.flatnonzero(~sieve.holds(batch["profile"].to_numpy()))
                yield batch.select(columns).take(pa.array(counts))
        if self.later_rows is not None:
            yield from parquet.batches(self.later_rows, columns)

    def rejected(self) -> Iterator[tuple[Codes, Codes]]:
        """Kinds and reasons of the lines that count and that the platform does not take."""
        outdated = Sieve(self.outdated_profiles())
        for path in filter(None, (self.identifiers, self.later_identifiers)):
            for batch in parquet.batches(path, ["profile", "kind", "reason"]):
                reason = batch["reason"].to_numpy()
                places = np.flatnonzero(reason)
                if path is self.identifiers:
                    places = places[~outdated.holds(batch["profile"].to_numpy()[places])]
                yield batch["kind"].to_numpy()[places], reason[places]


def identifiers(con: duckdb.DuckDBPyConnection, layers: Layers | None) -> str:
    """SQL for (profile, kind, value, reason) of all lines that count."""
    if layers is None:
        return f"({duck.EMPTY_IDENTIFIERS})"
    return _together(
        con,
        large=layers.identifiers,
        small=layers.later_identifiers,
        outdated=layers.outdated,
        columns="profile, kind, value, reason",
    )


def accepted(
    con: duckdb.DuckDBPyConnection, layers: Layers | None, *, less: Path | None = None
) -> str:
    """SQL for (profile, kind, value) of the lines that count and can be sent; see `without`."""
    every = f"(select profile, kind, value from {identifiers(con, layers)} where reason = 0)"
    return without(con, every, less) if less else every


def without(con: duckdb.DuckDBPyConnection, links: str, unwanted: Path) -> str:
    """SQL for links without those of some values, and without match fields that then stand alone.

    Args:
        con: where it is to run.
        links: SQL for (profile, kind, value), a profile's whole.
        unwanted: a file of links with these values.
    """
    values = f"(select kind, value from {duck.source(con, unwanted)})"
    return f"""(
        with every as (select * from {links}),
        hit as (select distinct profile from every semi join {values} using (kind, value)),
        bare as (select profile from hit anti join
          (select profile from every semi join hit using (profile)
           anti join {values} using (kind, value) where kind < {FIRST_FIELD}) using (profile))
        select * from every anti join {values} using (kind, value)
          where profile not in (select profile from bare))"""


def rows(con: duckdb.DuckDBPyConnection, layers: Layers) -> str:
    """SQL for the source rows that count, as `known.ROWS`."""
    assert layers.rows is not None, "only a segment that was prepared is asked for its rows"
    return _together(
        con,
        large=layers.rows,
        small=layers.later_rows,
        outdated=layers.outdated,
        columns="fingerprint, profile, state, is_shared",
    )


def profiles(con: duckdb.DuckDBPyConnection, path: Path | None) -> str:
    """SQL for the one column of a file of profiles."""
    return duck.source(con, path) if path else "(select 0::ubigint as profile where false)"


def _together(
    con: duckdb.DuckDBPyConnection,
    *,
    large: Path,
    small: Path | None,
    outdated: Path | None,
    columns: str,
) -> str:
    sql = f"select {columns} from {duck.source(con, large)}"
    if outdated:
        # An anti join may be turned round, and a profile's lines would not stand together then.
        sql += f" where profile not in (select profile from {profiles(con, outdated)})"
    if small:
        sql += f" union all select {columns} from {duck.source(con, small)}"
    return f"({sql})"
