"""Objects as the files of a source: fetched once for a reading, in one state, and gone with it.

The copies hold people's identifiers in the clear. On Linux they have no name, so that nothing of
them is left whatever ends the process; elsewhere, and where there are too many to keep open, they
are private files in the reading's own folder, removed with it.
"""

import os
import tempfile
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

from audsync.errors import SourceError
from audsync.objects.address import Address, address_of
from audsync.objects.bucket import Bucket, Stored
from audsync.segments.contract import FileQuery
from audsync.segments.listing import (
    DELTA_LOG,
    SourceFile,
    check_age,
    delta_table,
    formats_of,
    inspect_file,
    is_passed_over,
)

_DESCRIPTORS = Path("/proc/self/fd")
_MOST_NAMELESS = 200
"""Each takes a descriptor, of which a process often may have 1,024."""
_AT_ONCE = 4
_MAGIC = frozenset("*?[")
_ANY_DEPTH = "**"


def find_objects(query: FileQuery) -> tuple[Stored, ...]:
    """The objects behind the query's path, by name: one, those below a folder, or a glob's.

    Raises:
        SourceError: there is none, they are too old, or the store does not tell.
        ConfigError: the store cannot be asked.
    """
    address = address_of(query.path)
    bucket = Bucket(address, query.access, fault=SourceError)
    exact = bucket.find(address.key) if address.key and not address.key.endswith("/") else None
    found = [exact] if exact else _matching(bucket, address)
    if not found:
        raise SourceError(
            f"{query.path} matches no object; check `path` and whether the export has run",
            details={"path": query.path},
        )
    check_age({str(one.address): one.written_at for one in found}, query.not_before)
    return tuple(sorted(found, key=lambda one: one.address.key))


def fetch_files(query: FileQuery, most: int | None) -> tuple[SourceFile, ...]:
    """Copies of the query's objects, or of those behind its path; or of the first few by name.

    Raises:
        SourceError: as for `find_objects`, or one cannot be fetched, or is no file of a format.
        ConfigError: the store cannot be asked.
    """
    found = query.objects or find_objects(query)
    formats = formats_of([str(one.address) for one in found], query.format)[:most]
    bucket = Bucket(found[0].address, query.access, fault=SourceError)
    is_nameless = _DESCRIPTORS.is_dir() and len(formats) <= _MOST_NAMELESS
    try:
        query.spill.mkdir(mode=0o700, parents=True, exist_ok=True)
        fetch = partial(_fetched, bucket, query.spill, is_nameless=is_nameless)
        with ThreadPoolExecutor(_AT_ONCE, "audsync-fetch") as pool:
            copies = list(pool.map(fetch, found[:most]))
    except OSError as error:
        raise SourceError(
            f"{query.path} cannot be fetched into {query.spill}: {error.strerror}; make room there",
            details={"path": query.path},
        ) from None
    return tuple(
        inspect_file(copy.path, format_, name=str(one.address), held=copy)
        for one, copy, format_ in zip(found, copies, formats, strict=False)
    )


class _Copy:
    """A private file; it is gone when nobody holds it any more."""

    def __init__(self, folder: Path, *, is_nameless: bool) -> None:
        descriptor, name = tempfile.mkstemp(prefix="object-", dir=folder)
        self.path = Path(name)
        self._close = weakref.finalize(self, os.close, descriptor)
        if is_nameless:
            self.path.unlink()
            self.path = _DESCRIPTORS / str(descriptor)
        else:
            weakref.finalize(self, self.path.unlink, missing_ok=True)

    def is_written(self) -> None:
        """Let go of what only the writing needs."""
        if self.path.parent != _DESCRIPTORS:
            self._close()


def _fetched(bucket: Bucket, folder: Path, wanted: Stored, *, is_nameless: bool) -> _Copy:
    copy = _Copy(folder, is_nameless=is_nameless)
    with copy.path.open("wb") as target:
        bucket.fetch(wanted, target)
    copy.is_written()
    return copy


def _matching(bucket: Bucket, address: Address) -> list[Stored]:
    """The objects below the folder, or that match the glob; folders that match count whole."""
    pattern = address.key.strip("/").split("/") if address.key.strip("/") else []
    plain = next((at for at, part in enumerate(pattern) if _MAGIC & set(part)), len(pattern))
    named = [part for part in pattern if is_passed_over(part)]
    taken = []
    for one in bucket.below("/".join(pattern[:plain])):
        parts = one.address.key.split("/")
        depth = _matched_depth(parts, pattern)
        if depth is None:
            continue
        if DELTA_LOG in parts[depth:]:
            raise delta_table(str(address.at("/".join(parts[: parts.index(DELTA_LOG)]))))
        hidden = [part for part in parts if is_passed_over(part)]
        if all(any(fnmatchcase(part, each) for each in named) for part in hidden):
            taken.append(one)
    return taken


def _matched_depth(parts: Sequence[str], pattern: Sequence[str]) -> int | None:
    """How many parts of a key the pattern takes up, the object itself or a folder above it."""
    return next(
        (depth for depth in range(len(parts) + 1) if _fits(parts[:depth], pattern)),
        None,
    )


def _fits(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == _ANY_DEPTH:
        return any(_fits(parts[at:], pattern[1:]) for at in range(len(parts) + 1))
    is_first = bool(parts) and fnmatchcase(parts[0], pattern[0])
    return is_first and _fits(parts[1:], pattern[1:])
