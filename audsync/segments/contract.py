"""What a caller asks of a segment's source, whatever kind of file it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PROFILE_ID = "profile_id"
CONSENT = "consent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One reading of one source. Labels are the canonical ones, such as `email` or `zip_code`."""

    path: str
    """An absolute file, folder or glob; what exists under that very name is no glob."""
    format: str | None
    """csv, jsonl, json or parquet; None: each file's ending says."""
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
    delimiter: str | None = None
    """Of CSV: one character; None: comma, semicolon, tab or bar, whichever fits the header."""
    encoding: str = "utf-8"
    """Of CSV: utf-8 or latin-1. JSON is UTF-8 always; a byte order mark is no part of the data."""
    in_order: bool = False
    """Whether rows come in the order of the files' names and lines."""
    batch_rows: int = 100_000

    @property
    def mapped(self) -> tuple[str, ...]:
        """Every source column that `columns` names, once, in the order of the config."""
        return tuple(dict.fromkeys(name for names in self.columns.values() for name in names))
