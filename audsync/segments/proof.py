"""Proof that a source holds the very bytes that it held before: its rows need no reading."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

from audsync.errors import LocalError
from audsync.objects.address import is_object
from audsync.segments.contract import FileQuery, Query
from audsync.segments.fetching import find_objects
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
    "objects",
}
"""Fields of a query that change neither the rows nor their fingerprints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The bytes of some files, and how they are read."""

    digest: str
    """Equal digests, equal rows, under one version of DuckDB."""
    query: FileQuery = field(repr=False)
    """Reads the very files or objects that were looked at: what came since is for the next run."""

    def holds(self) -> bool:
        """Whether these are still the files that were looked at."""
        if self.query.objects is None:
            return not any(file.has_changed() for file in self.query.only or ())
        try:
            return find_objects(self.query) == self.query.objects
        except LocalError:
            return False  # nothing is proved then, and whoever reads them says what is wrong


def proof_of(query: Query) -> Proof | None:
    """The proof of a source; None of one that cannot have any.

    A file is told by the SHA-256 of its bytes, an object by what its store calls this state of it
    (a strong entity tag, which two different states never share:
    https://www.rfc-editor.org/rfc/rfc9110#section-8.8.1, read 2026-11-23), its size and its time.
    No proof has a database, nor rows under a condition, since that may ask what day it is; nor
    bytes that cannot be read, whatever is wrong with them.

    Raises:
        SourceError: there are no such files, or they are too old.
    """
    if not isinstance(query, FileQuery) or query.where is not None:
        return None
    if is_object(query.path):
        objects = find_objects(query)
        if not all(one.has_strong_etag for one in objects):
            return None
        held = [
            [str(one.address), one.size_bytes, one.written_at.isoformat(), one.etag]
            for one in objects
        ]
        return Proof(digest=_digest(query, held), query=replace(query, objects=objects))
    files = found(query)
    try:
        held = [[str(file), file.size, _sha256(file)] for file in files]
    except OSError:
        return None  # whoever reads it next says what is wrong with it
    return Proof(digest=_digest(query, held), query=replace(query, only=files))


def _digest(query: FileQuery, held: Sequence[Sequence[object]]) -> str:
    ways = {
        one.name: repr(getattr(query, one.name))
        for one in fields(query)
        if one.name not in _NOT_OF_THE_ROWS
    }
    return hashlib.sha256(json.dumps([ways, held], sort_keys=True).encode()).hexdigest()


def _sha256(file: SourceFile) -> str:
    with file.path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
