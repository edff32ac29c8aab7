"""From a path in the config to the files behind it: one format, in the order of their names.

Nothing is left out in silence: a file that cannot be placed is an error. Only names that begin
with a dot or an underscore are passed over, as Spark, Hive and Hadoop agree that they hold no rows.
"""

import glob
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path

from audsync.errors import SourceError
from audsync.segments.bytestream import Compression, compression_of

DELTA_LOG = "_delta_log"
"""The folder that makes a folder of Parquet files a Delta table."""
_MAX_NAMED = 5
_OF_CONTENT = 2
"""From there on a stamp says the same on every host: size and time, after device and inode."""


class Format(StrEnum):
    """How rows are written down."""

    CSV = "csv"
    JSONL = "jsonl"
    JSON = "json"
    PARQUET = "parquet"


_SUFFIXES = {
    ".csv": Format.CSV,
    ".tsv": Format.CSV,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".json": Format.JSON,
    ".parquet": Format.PARQUET,
    ".pq": Format.PARQUET,
}
_PACKED = {".gz", ".zst"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file of the source, and the state in which it was found."""

    path: Path
    """Where its bytes are on this machine."""
    format: Format
    compression: Compression
    stamp: tuple[int, ...]
    name: str
    """What people call it: its path, or the address of the object that it is a copy of."""
    held: object = field(default=None, repr=False, compare=False)
    """What keeps a copy alive."""

    def __str__(self) -> str:
        return self.name

    @property
    def size(self) -> int:
        """In bytes."""
        return self.stamp[2]

    @property
    def written_at(self) -> datetime:
        """When it was last written to, aware UTC."""
        return datetime.fromtimestamp(self.stamp[-1] / 1e9, UTC)

    def has_changed(self) -> bool:
        """Whether the file is not the one that was found: replaced, written to, or gone."""
        try:
            return _stamp(self.path.stat()) != self.stamp
        except OSError:
            return True


def find_files(path: str, format_name: str | None) -> tuple[SourceFile, ...]:
    """The files behind `path`, by name.

    Args:
        path: an absolute file, folder (with what is below it) or glob.
        format_name: the format of all of them; None: by their endings.

    Raises:
        SourceError: nothing there, no permission, more than one format, an unknown ending.
    """
    found = sorted(_expand(path), key=str)
    if not found:
        raise SourceError(
            f"{path} matches no file; check `path` and whether the export has run",
            details={"path": path},
        )
    formats = formats_of([str(file) for file in found], format_name)
    return tuple(inspect_file(file, format_) for file, format_ in zip(found, formats, strict=True))


def seen_from_here(file: SourceFile) -> SourceFile:
    """The same file where another host found it: mounts differ, its size and time do not.

    Raises:
        SourceError: it is not there, or is another one.
    """
    try:
        here = _stamp(file.path.stat())
    except OSError as error:
        raise _unreadable(file.path, error) from error
    if here[_OF_CONTENT:] != file.stamp[_OF_CONTENT:]:
        raise SourceError(
            f"{file} is not the file that was found as the reading began; let the export finish"
            " (write to another name, then rename) and run again",
            details={"path": str(file)},
        )
    return replace(file, stamp=here)


def check_age(written_at: Mapping[str, datetime], not_before: datetime | None) -> None:
    """Refuse an export that is too old; of several files the newest says when it was made.

    Args:
        written_at: when each file was written to, by its name; at least one.
        not_before: aware UTC; None for any age.

    Raises:
        SourceError: the newest was written to before that.
    """
    newest, at = max(written_at.items(), key=lambda each: each[1])
    if not_before is not None and at < not_before:
        raise SourceError(
            f"{newest} was written at {at:%Y-%m-%d %H:%M} UTC, and `max_age` "
            f"wants {not_before:%Y-%m-%d %H:%M} UTC or later; see why the export did not "
            "run, or raise `max_age`",
            details={"path": newest, "updated_at": at.isoformat(), "key": "source.max_age"},
        )


def _expand(path: str) -> set[Path]:
    if os.path.lexists(path):
        return _under(Path(path))
    if not glob.has_magic(path):
        raise SourceError(
            f"{path} does not exist; check `path` and whether the export has run",
            details={"path": path},
        )
    named = [part for part in Path(path).parts if is_passed_over(part)]
    files: set[Path] = set()
    for match in map(Path, glob.iglob(path, recursive=True)):  # noqa: PTH207 - absolute pattern
        hidden = [part for part in match.parts if is_passed_over(part)]
        if all(any(fnmatchcase(part, pattern) for pattern in named) for part in hidden):
            files |= _under(match)
    return files


def _under(path: Path) -> set[Path]:
    """The file itself, or all files below the folder."""
    if not path.is_dir():
        return {path}
    return set(_walk(path, set()))


def _walk(folder: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    try:
        state = folder.stat()
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise _unreadable(folder, error) from None
    if (state.st_dev, state.st_ino) in seen:
        return  # a link that leads back to a folder already read
    seen.add((state.st_dev, state.st_ino))
    if (folder / DELTA_LOG).is_dir():
        raise delta_table(str(folder))
    for entry in entries:
        if is_passed_over(entry.name):
            continue
        if entry.is_dir():
            yield from _walk(entry, seen)
        else:
            yield entry


def delta_table(folder: str) -> SourceError:
    """The error for a folder that holds more than its rows."""
    return SourceError(
        f"{folder} is a Delta table: some of its files are no longer part of it; export it to "
        "plain Parquet and give that as `path`",
        details={"path": folder},
    )


def is_passed_over(name: str) -> bool:
    """Whether a file or folder of that name holds no rows."""
    return name.startswith((".", "_"))


def formats_of(files: Sequence[str], format_name: str | None) -> list[Format]:
    """The format of each file: the one that is named, else what the names end with.

    Raises:
        SourceError: they are of more than one, or it cannot be told.
    """
    if format_name is not None:
        if format_name not in list(Format):
            raise SourceError(
                f"`format: {format_name}` is not known; choose one of {', '.join(Format)}"
            )
        return [Format(format_name)] * len(files)
    formats = {file: _format_by_name(file) for file in files}
    unknown = [file for file, format_ in formats.items() if format_ is None]
    if unknown:
        raise SourceError(
            f"{_named(unknown)}: the ending does not tell the format; set `format` in the source, "
            "or move what is not data out of the way",
            details={"files": unknown[:_MAX_NAMED]},
        )
    known = [format_ for format_ in formats.values() if format_ is not None]
    if len(set(known)) > 1:
        first_of = {format_: file for file, format_ in reversed(formats.items())}
        mix = ", ".join(f"{file} ({format_})" for format_, file in sorted(first_of.items()))
        raise SourceError(
            f"The source mixes formats: {mix}; narrow `path` down to one of them",
            details={"formats": sorted(set(known))},
        )
    return known


def _format_by_name(name: str) -> Format | None:
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    if suffixes and suffixes[-1] in _PACKED:
        suffixes.pop()
    return _SUFFIXES.get(suffixes[-1]) if suffixes else None


def inspect_file(
    path: Path, format_: Format, *, name: str | None = None, held: object = None
) -> SourceFile:
    """The file as it is found now.

    Args:
        path: where it is on this machine.
        format_: how its rows are written down.
        name: what people call it; None: its path.
        held: what keeps it there.

    Raises:
        SourceError: it cannot be read, or cannot be a whole file of that format.
    """
    name = name or str(path)
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise SourceError(
            f"A file in {str(path.parent)!a} has a name that is not UTF-8; rename it"
        ) from None
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):
            raise SourceError(
                f"{name} is not a regular file; write the rows to one and give that as `path`",
                details={"path": name},
            )
        compression = compression_of(path)
    except OSError as error:
        raise _unreadable(path, error) from None
    if state.st_size == 0 and (format_ is not Format.JSONL or Path(name).suffix.lower() in _PACKED):
        raise SourceError(
            f"{name} is empty (0 bytes), which no complete export is; run the export again",
            details={"path": name, "byte": 0},
        )
    if format_ is Format.PARQUET and compression is not Compression.NONE:
        raise SourceError(
            f"{name} is Parquet packed with {compression}; Parquet is compressed inside, so unpack "
            "it and give that as `path`",
            details={"path": name},
        )
    return SourceFile(
        path=path,
        format=format_,
        compression=compression,
        stamp=_stamp(state),
        name=name,
        held=held,
    )


def _stamp(state: os.stat_result) -> tuple[int, ...]:
    return (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns)


def _unreadable(path: Path, error: OSError) -> SourceError:
    reason = (error.strerror or "cannot be read").lower()
    is_closed = isinstance(error, PermissionError)
    remedy = "let the user that runs audsync read it" if is_closed else "check `path`"
    return SourceError(
        f"{path} cannot be read: {reason}; {remedy}",
        details={"path": str(path)},
    )


def _named(files: list[str]) -> str:
    more = f" and {len(files) - _MAX_NAMED} more" if len(files) > _MAX_NAMED else ""
    return ", ".join(files[:_MAX_NAMED]) + more
