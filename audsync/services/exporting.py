"""What `export` means: the people of a segment who may be sent, written as they stream by.

Rows without consent, and every row of a profile that a suppression list names, stay out: what is
exported is often uploaded by hand. A rejected value is an empty cell; its row stays.
"""

import secrets
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from audsync.config.model import SegmentConfig
from audsync.domain import IDENTIFIERS, Kind, Platform
from audsync.errors import FeatureDisabledError, UsageError
from audsync.identifiers.kernel import PrepareSpec
from audsync.identifiers.rules import COLUMN_KINDS
from audsync.segments.contract import Query
from audsync.segments.reading import read
from audsync.services import export_files
from audsync.services.runtime import Runtime
from audsync.services.segments import prepare_spec, query_of, suppression_query, working_memory
from audsync.sync.inspection import Look, Suppressed, is_taken, looks, profiles
from audsync.sync.known import Flags, Hashes, is_in
from audsync.sync.people import People
from audsync.sync.writers import PACKINGS, writer

_KINDS = {kind.label: kind for kind in COLUMN_KINDS}
_DEFAULT = (Kind.EMAIL, Kind.PHONE)
_PARQUET = "parquet"
BATCH_ROWS = 50_000
"""Raw, examined and written out, a batch is in memory three times."""
NO_CONSENT = "no consent"
SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person asked for."""

    segment: str
    out: str
    """A path; `-` for stdout."""
    format: str
    """csv, json, jsonl or parquet."""
    identifiers: tuple[str, ...] | None = None
    """Types; None: email and phone where they are mapped, else whatever identifies."""
    is_hashed: bool = True
    platform: Platform | None = None
    """Whose form; None: Meta's, and a hash also where Meta takes the value raw."""
    with_traits: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What was written: its JSON, and the rows left out by cause."""

    report: dict[str, Any]
    left_out: Mapping[str, int]


def export(runtime: Runtime, wish: Wish, *, stdout: BinaryIO) -> Done:
    """Write a segment.

    Raises:
        FeatureDisabledError: exports are switched off.
        UsageError: the segment has no such identifiers, or nothing can be written there.
        SegmentNotFoundError, SegmentInactiveError, ConfigError: it cannot be used.
        SourceError: its source cannot be read to its end.
        StateError: the disk is full or refuses.
    """
    if not runtime.config.features.audience_export:
        raise FeatureDisabledError(
            "Exporting is switched off: set `features.audience_export` to true to use it."
        )
    segment = runtime.segment(wish.segment)
    path = export_files.target(wish.out)
    packing = _packing(path, wish.format)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="audsync-export-"))
        job = _Job.of(runtime, wish, segment, Path(folder))
        stream = stack.enter_context(export_files.replacing(path)) if path else stdout
        sink = export_files.Counted(stream)
        with writer(sink, form=wish.format, packing=packing) as out:
            for table in job.tables():
                out.write(table)
        sink.flush()
        count = job.people.count()
    return Done(
        report={
            "download_url": path.as_uri() if path else None,
            "expires_at": None,
            "profile_count": count,
            "file_size_bytes": sink.size_bytes,
            "format": wish.format,
        },
        left_out=job.left_out,
    )


def _packing(path: Path | None, form: str) -> str | None:
    """How the file is packed, by its name."""
    packing = PACKINGS.get(path.suffix.lower()) if path else None
    if packing and form == _PARQUET:
        raise UsageError(
            f"A Parquet file is packed inside already: leave {path.suffix if path else ''} out of"
            " --out.",
            details={"option": "--out"},
        )
    return packing


@dataclass(slots=True, kw_only=True)
class _Job:
    """One reading of one segment for a file."""

    runtime: Runtime
    wish: Wish
    query: Query
    spec: PrepareSpec
    suppressed: Suppressed
    columns: Mapping[str, str]
    """Batch column, such as `email.1` or `trait.plan`, to its name in the file."""
    people: People
    left_out: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, runtime: Runtime, wish: Wish, segment: SegmentConfig, work: Path) -> "_Job":
        salt = secrets.token_hex(32)
        spill = work / "spill"
        spec = prepare_spec(runtime, segment, wish.platform or Platform.META)
        suppress = [
            suppression_query(runtime, entry, salt=salt, spill=spill)
            for entry in runtime.config.suppress
        ]
        return cls(
            runtime=runtime,
            wish=wish,
            query=replace(
                query_of(runtime, segment, salt=salt, spill=spill, in_order=True),
                batch_rows=BATCH_ROWS,
            ),
            spec=spec,
            suppressed=Suppressed(suppress, {spec.platform: spec}),
            columns=_columns(segment, wish),
            people=People(work, memory_bytes=working_memory(runtime)),
        )

    def tables(self) -> Iterator[pa.Table]:
        """The rows to write, in the order of the source."""
        banned = self._banned()
        self.runtime.progress.phase("read", None)
        is_empty = True
        for batch in read(self.query):
            is_empty = False
            links = profiles(batch, self.query.salt)
            keep = self._kept(batch, links, banned)
            self.people.add(links[keep])
            yield self._table(batch.take(pa.array(keep)))
            self._advance(batch.num_rows)
        if is_empty:
            yield pa.table({name: pa.array([], pa.string()) for name in self.columns.values()})

    def _banned(self) -> Hashes:
        """Profiles of which any identifier is suppressed, sorted.

        They take a reading of their own: a profile's last row may hold what bans its first.
        """
        parts = [np.empty(0, dtype=np.uint64)]
        if self.suppressed:
            self.runtime.progress.phase("read", None)
            for batch in read(self.query):
                hits = self._hits(batch)
                parts.append(np.unique(profiles(batch, self.query.salt)[hits]))
                self._advance(batch.num_rows)
        return np.unique(np.concatenate(parts))

    def _hits(self, batch: pa.RecordBatch) -> Flags:
        hits = np.zeros(batch.num_rows, dtype=bool)
        for look in self._looks(batch).values():
            hits |= self.suppressed.hits(look, self.spec.platform)
        has_consent: Flags = batch["has_consent"].to_numpy(zero_copy_only=False)
        return hits & has_consent

    def _kept(self, batch: pa.RecordBatch, links: Hashes, banned: Hashes) -> np.ndarray:
        has_consent = batch["has_consent"].to_numpy(zero_copy_only=False)
        is_banned = is_in(links, banned) & has_consent
        self.left_out[NO_CONSENT] += int((~has_consent).sum())
        self.left_out[SUPPRESSED] += int(is_banned.sum())
        return np.flatnonzero(has_consent & ~is_banned)

    def _table(self, batch: pa.RecordBatch) -> pa.Table:
        seen = self._looks(batch)
        cells = [self._cell(seen[name]) if name in seen else batch[name] for name in self.columns]
        return pa.table(dict(zip(self.columns.values(), cells, strict=True)))

    def _cell(self, look: Look) -> pa.Array:
        if not self.wish.is_hashed:
            # What the source holds hashed has no plain text; it stays the hash it is.
            return pc.coalesce(look.normalized, look.hash)
        return look.hash if self.wish.platform is None else look.sent

    def _looks(self, batch: pa.RecordBatch) -> dict[str, Look]:
        found = looks(batch, {self.spec.platform: self.spec})
        return {name: look for (name, _), look in found.items()}

    def _advance(self, rows: int) -> None:
        self.runtime.stop.check()
        self.runtime.progress.advance(rows)


def _columns(segment: SegmentConfig, wish: Wish) -> dict[str, str]:
    """Batch columns and their names in the file: profile_id, identifiers, traits."""
    columns = {"profile_id": "profile_id"}
    mapped = segment.columns.by_kind
    for kind in _wanted(mapped, wish):
        for place in range(len(mapped[kind])):
            columns[f"{kind.label}.{place}"] = kind.label + (f"_{place + 1}" if place else "")
    for trait in segment.traits if wish.with_traits else ():
        name = trait
        while name in columns.values():
            name = f"trait_{name}"
        columns[f"trait.{trait}"] = name
    return columns


def _wanted(mapped: Mapping[Kind, Sequence[str]], wish: Wish) -> list[Kind]:
    if wish.identifiers is None:
        kinds = [kind for kind in _DEFAULT if kind in mapped]
        kinds = kinds or [kind for kind in IDENTIFIERS if kind in mapped]
        return [kind for kind in kinds if wish.platform is None or is_taken(wish.platform, kind)]
    names = dict.fromkeys(name.strip() for name in wish.identifiers)
    kinds = [_KINDS[name] for name in names if name in _KINDS]
    if len(kinds) < len(names) or any(kind not in mapped for kind in kinds):
        raise UsageError(
            f"--identifiers names a type that the segment does not map. It maps"
            f" {', '.join(kind.label for kind in mapped)}.",
            details={"option": "--identifiers"},
        )
    for kind in kinds:
        if wish.platform and not is_taken(wish.platform, kind):
            raise UsageError(
                f"{wish.platform} does not take {kind.label}: leave it out of --identifiers.",
                details={"option": "--identifiers"},
            )
    return kinds
