"""How ready a segment is to be matched: one pass over its source, in bounded memory.

What must be counted exactly (different values, profiles on several rows) goes as 64-bit hashes
into files of a private folder, and DuckDB counts there, out of core.
"""

# ruff: noqa: S608 - SQL here is our own text, paths we made and numbers

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from audsync.domain import Platform
from audsync.identifiers.kernel import PrepareSpec
from audsync.segments.contract import Query
from audsync.sync.looks.column_tally import ColumnTally, Sharing
from audsync.sync.tables import duck
from audsync.sync.tables.hashes import Hashes
from audsync.sync.wanted.agreement import has_agreed
from audsync.sync.wanted.holdout import Holdout, is_held_out
from audsync.sync.wanted.inspection import Look, identifies, is_taken, looks, profiles
from audsync.sync.wanted.membership import pieces
from audsync.sync.wanted.sets import People, is_excluded, specs_of
from audsync.sync.wanted.suppression import read_lists

SHARED_BY = 10
"""A value that so many profiles have is hardly a person's own."""

_CELLS = pa.schema([("place", pa.uint8()), ("key", pa.uint64()), ("profile", pa.uint64())])
_ROWS = pa.schema([("profile", pa.uint64()), ("marks", pa.uint8()), ("gates", pa.uint8())])
_SUPPRESSED_SHIFT = 4
"""Marks of a row: bit i where platform i can use it, bit i + 4 where its list forbids it; none
where its person has not agreed to that platform. Gates: bit i where they have, and the others."""
_CONSENTS, _HELD_OUT, _EXCLUDED = np.uint8(15), np.uint8(16), np.uint8(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What to read, for whom, and where to work."""

    query: People
    suppress: Sequence[Query]
    specs: Mapping[Platform, PrepareSpec]
    work: Path
    """A private folder; the caller removes it."""
    memory_bytes: int
    advance: Callable[[int], None]
    """Told the number of source rows that were read since it was told last."""
    holdouts: Sequence[Holdout] = ()
    """Draws that keep people out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How many people one platform would get, and why not the others; as a job counts them."""

    sendable: int
    no_valid_identifier: int
    no_consent: int
    suppressed: int
    excluded: int
    held_out: int
    duplicate: int


@dataclass(slots=True)
class Findings:
    """What a segment is like. `columns` is by batch column, such as `email.0`."""

    rows: int = 0
    nameless_rows: int = 0
    """Rows without a profile id: each counts as a profile of its own."""
    profiles: int = 0
    repeated_profiles: int = 0
    """Profiles that stand on several rows."""
    columns: dict[str, ColumnTally] = field(default_factory=dict)
    reach: dict[Platform, Reach] = field(default_factory=dict)


def assess(assessment: Assessment) -> Findings:
    """Read the segment once and count.

    Raises:
        SourceError: the source, or a list of suppressed people, cannot be read to its end.
        StateError: the work folder is full.
    """
    findings = Findings()
    one = next(iter(assessment.specs.values()))
    listed = read_lists(assessment.suppress, specs_of(assessment.query, one)).pool
    cells, rows = assessment.work / "cells.parquet", assessment.work / "rows.parquet"
    with ExitStack() as stack:
        to_cells = stack.enter_context(_writer(cells, _CELLS))
        to_rows = stack.enter_context(_writer(rows, _ROWS))
        for piece in pieces(assessment.query):
            batch = piece.batch
            specs = {platform: piece.spec(spec) for platform, spec in assessment.specs.items()}
            seen = looks(batch, specs)
            profile = profiles(batch, assessment.query.salt)
            findings.rows += batch.num_rows
            findings.nameless_rows += batch["profile_id"].null_count
            _add_columns(findings, batch, seen)
            for place, (name, tally) in enumerate(findings.columns.items()):
                to_cells.write_batch(_cells(place, seen[name, tally.seen_by], profile))
            marks = _marks(seen, assessment.specs)
            marks[listed.hits(batch)] |= _CONSENTS << _SUPPRESSED_SHIFT
            gates = _gates(batch, assessment)
            marks &= gates & _CONSENTS | (gates & _CONSENTS) << _SUPPRESSED_SHIFT
            marks[is_excluded(batch)] = 0
            to_rows.write_batch(
                pa.record_batch([pa.array(profile), pa.array(marks), pa.array(gates)], schema=_ROWS)
            )
            assessment.advance(batch.num_rows)
    with duck.session(assessment.work, memory_bytes=assessment.memory_bytes) as con:
        _count_cells(con, cells, findings)
        _count_rows(con, rows, findings, tuple(assessment.specs))
    return findings


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(path, schema, compression="none", use_dictionary=False)


def _add_columns(
    findings: Findings, batch: pa.RecordBatch, seen: Mapping[tuple[str, Platform], Look]
) -> None:
    by_name: dict[str, dict[Platform, Look]] = {}
    for (name, platform), look in seen.items():
        by_name.setdefault(name, {})[platform] = look
    for name, by_platform in by_name.items():
        if name not in findings.columns:
            kind = next(iter(by_platform.values())).kind
            taking = [platform for platform in by_platform if is_taken(platform, kind)]
            seen_by = next(iter([*taking, *by_platform]))
            findings.columns[name] = ColumnTally(kind=kind, seen_by=seen_by)
        findings.columns[name].add(batch[name], by_platform)


def _cells(place: int, look: Look, profile: Hashes) -> pa.RecordBatch:
    good = np.flatnonzero(look.is_good)
    places = np.full(len(good), place, dtype=np.uint8)
    return pa.record_batch(
        [pa.array(places), pa.array(look.keys()[good]), pa.array(profile[good])], schema=_CELLS
    )


def _marks(
    seen: Mapping[tuple[str, Platform], Look],
    specs: Mapping[Platform, PrepareSpec],
) -> np.ndarray:
    """Which platforms could use each row; see `_SUPPRESSED_SHIFT`."""
    rows = len(next(iter(seen.values())).hash)
    marks = np.zeros(rows, dtype=np.uint8)
    bits = {platform: bit for bit, platform in enumerate(specs)}
    for (_, platform), look in seen.items():
        if not identifies(platform, look.kind):
            continue
        bit = bits[platform]
        carried = specs[platform].carried
        if carried is None or look.kind in carried:
            marks[look.is_good] |= np.uint8(1 << bit)
    return marks


def _gates(batch: pa.RecordBatch, assessment: Assessment) -> np.ndarray:
    """Who may be sent where, whatever the identifiers are; see `_SUPPRESSED_SHIFT`."""
    gates = np.zeros(batch.num_rows, dtype=np.uint8)
    for bit, platform in enumerate(assessment.specs):
        gates[has_agreed(batch, platform)] |= np.uint8(1 << bit)
    gates[is_excluded(batch)] |= _EXCLUDED
    gates[is_held_out(batch["profile_id"], assessment.holdouts)] |= _HELD_OUT
    return gates


def _count_cells(con: duckdb.DuckDBPyConnection, cells: Path, findings: Findings) -> None:
    con.execute(f"""
        create temp view held as
        select place, key, sum(cells)::bigint as cells, count(*) as profiles from (
          select place, key, profile, count(*) as cells from read_parquet({duck.text(cells)})
          group by all)
        group by all
        """)
    found = con.execute(f"""
        select place, count(*), sum(cells - 1), count(*) filter (profiles >= {SHARED_BY}),
          coalesce(sum(profiles) filter (profiles >= {SHARED_BY}), 0)
        from held group by place
        """).fetchall()
    tallies = list(findings.columns.values())
    for place, *numbers in found:
        distinct, repeated, values, shared = map(int, numbers)
        tallies[place].sharing = Sharing(distinct, repeated, values, shared)


def _count_rows(
    con: duckdb.DuckDBPyConnection, rows: Path, findings: Findings, platforms: Sequence[Platform]
) -> None:
    source = f"read_parquet({duck.text(rows)})"
    asked = ", ".join(
        f"count(*) filter (gates & {1 << bit} <> 0) as asked_{bit},"
        f" count(*) filter (gates & {(1 << bit) + _EXCLUDED} = {1 << bit}) as in_{bit}"
        for bit in range(len(platforms))
    )
    con.execute(f"""
        create temp table whole as
        select profile, count(*) as every, bit_or(marks) as marks,
          bit_or(gates & {_HELD_OUT}) <> 0 as is_held_out, {asked}
        from {source} group by profile
        """)
    findings.profiles = duck.count(con, "select count(*) from whole")
    findings.repeated_profiles = duck.count(con, "select count(*) from whole where every > 1")
    for bit, platform in enumerate(platforms):
        findings.reach[platform] = _reach(con, bit, rows=findings.rows)


def _reach(con: duckdb.DuckDBPyConnection, bit: int, *, rows: int) -> Reach:
    """How many people the platform of that bit would get, from the table `whole`."""
    usable, forbidden = 1 << bit, 1 << bit + _SUPPRESSED_SHIFT
    found = con.execute(f"""
        select coalesce(sum(asked_{bit}), 0), count(*),
          count(*) filter (is_held_out),
          count(*) filter (not is_held_out and in_{bit} = 0),
          count(*) filter (not is_held_out and marks & {forbidden} <> 0),
          count(*) filter (not is_held_out and marks & {usable + forbidden} = {usable})
        from whole where asked_{bit} > 0
        """).fetchall()
    asked, people, held_out, excluded, suppressed, sendable = map(int, found[0])
    return Reach(
        sendable=sendable,
        suppressed=suppressed,
        excluded=excluded,
        held_out=held_out,
        no_valid_identifier=people - held_out - excluded - suppressed - sendable,
        no_consent=rows - asked,
        duplicate=asked - people,
    )
