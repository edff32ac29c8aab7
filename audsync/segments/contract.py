"""What a caller asks of a segment's source, whatever kind of source it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from audsync.domain import YES_WORDS
from audsync.objects.stores import ObjectAccess

if TYPE_CHECKING:
    from audsync.objects.bucket import Stored
    from audsync.segments.listing import SourceFile

PROFILE_ID = "profile_id"
CONSENT = "consent"
"""Also begins the labels of further consent columns: `consent.meta` becomes `has_consent.meta`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One reading of one source. Labels are the canonical ones, such as `email` or `zip_code`."""

    columns: Mapping[str, tuple[str, ...]]
    """Label -> source columns. `profile_id`: the first that is filled counts. `consent`: all must
    agree. Every other column becomes one column of the batches."""
    where: str | None
    """SQL expression over the source's columns; rows where it is not true are left out."""
    traits: tuple[str, ...]
    salt: str = field(repr=False)
    """Mixed into fingerprints: another salt, other fingerprints."""
    memory_bytes: int
    """Limit for DuckDB; Arrow batches on their way to the caller come on top."""
    spill: Path
    """A private folder for DuckDB's temporary files."""
    in_order: bool = False
    """Whether rows come in the order of the files' names and lines, or of the database's answer."""
    batch_rows: int = 100_000
    yes_words: tuple[str, ...] = YES_WORDS
    """What means yes in a column of consent, in lower case."""
    not_before: datetime | None = None
    """Aware UTC: a source that was last brought up to date before it is refused."""

    @property
    def mapped(self) -> tuple[str, ...]:
        """Every source column that `columns` names, once, in the order of the config."""
        return tuple(dict.fromkeys(name for names in self.columns.values() for name in names))


@dataclass(frozen=True, slots=True, kw_only=True)
class FileQuery(Query):
    """One reading of files."""

    path: str
    """An absolute file, folder or glob, or the like of objects; what exists under that very name
    is no glob."""
    format: str | None
    """csv, jsonl, json or parquet; None: each file's ending says."""
    delimiter: str | None = None
    """Of CSV: one character; None: comma, semicolon, tab or bar, whichever fits the header."""
    access: ObjectAccess = field(default=ObjectAccess(), repr=False)
    """The ways into object stores, where `path` is the address of objects."""
    encoding: str = "utf-8"
    """Of CSV: utf-8 or latin-1. JSON is UTF-8 always; a byte order mark is no part of the data."""
    only: "tuple[SourceFile, ...] | None" = field(default=None, repr=False)
    """The files behind `path` where they were found already; None: they are yet to be found."""
    objects: "tuple[Stored, ...] | None" = None
    """The same of objects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableQuery(Query):
    """One reading of a table of a cluster's catalog, there. `where` is in the cluster's dialect."""

    table: str
    """Its name, such as `catalog.schema.name`."""

    @property
    def needed(self) -> tuple[str, ...]:
        """Every column that is read, once."""
        return tuple(dict.fromkeys((*self.mapped, *self.traits)))


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlQuery(Query):
    """One reading of a database. `where` is in its dialect, and it is the database that judges."""

    url: str = field(repr=False)
    """`dialect+driver://user:password@host/name`, as SQLAlchemy has it."""
    select: str
    """One SELECT, or the name of a table or view where `is_table`."""
    is_table: bool = False
    vars: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Values for the :names in `select` and `where`."""
    timeout_s: float = 600.0
    """How long the whole reading may take."""
    freshness: str | None = None
    """One SELECT of one time, which `not_before` is compared with."""
