"""Proof that a source holds the very bytes that it held before: its rows need no reading."""

import hashlib
import json
from dataclasses import dataclass, fields

from audsync.objects.address import is_object
from audsync.segments.contract import FileQuery, Query
from audsync.segments.files import found
from audsync.segments.listing import SourceFile

_NOT_OF_THE_ROWS = {
    "memory_bytes",
    "spill",
    "in_order",
    "batch_rows",
    "not_before",
    "access",
    "only",
}
"""Fields of a query that change neither the rows nor their fingerprints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The bytes of some files, and how they are read."""

    digest: str
    """Equal digests, equal rows, under one version of DuckDB."""
    files: tuple[SourceFile, ...]

    def holds(self) -> bool:
        """Whether these are still the files that were looked at."""
        return not any(file.has_changed() for file in self.files)


def proof_of(query: Query) -> Proof | None:
    """The proof of a source; None of one that cannot have any.

    Neither a database can, nor objects, which would have to be fetched; nor rows under a condition,
    since that may ask what day it is; nor bytes that cannot be read, whatever is wrong with them.

    Raises:
        SourceError: there are no such files, or they are too old.
    """
    if not isinstance(query, FileQuery) or query.where is not None or is_object(query.path):
        return None
    files = found(query)
    ways = {
        one.name: repr(getattr(query, one.name))
        for one in fields(query)
        if one.name not in _NOT_OF_THE_ROWS
    }
    try:
        held = [[str(file), file.size, _sha256(file)] for file in files]
    except OSError:
        return None  # whoever reads it next says what is wrong with it
    basis = json.dumps([ways, held], sort_keys=True)
    return Proof(digest=hashlib.sha256(basis.encode()).hexdigest(), files=files)


def _sha256(file: SourceFile) -> str:
    with file.path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
