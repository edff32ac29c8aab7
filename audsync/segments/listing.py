"""From a path in the config to the files behind it: one format, in the order of their names.

Nothing is left out in silence: a file that cannot be placed is an error. Only names that begin
with a dot or an underscore are passed over, as Spark, Hive and Hadoop agree that they hold no rows.
"""

import glob
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path

from audsync.errors import SourceError
from audsync.segments.bytestream import Compression, compression_of

_MAX_NAMED = 5


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
    format: Format
    compression: Compression
    stamp: tuple[int, ...]

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
    if "://" in path:
        raise SourceError(
            f"{path} is not on this machine; copy it to a folder and give that as `path`",
            details={"path": path},
        )
    found = sorted(_expand(path), key=str)
    if not found:
        raise SourceError(
            f"{path} matches no file; check `path` and whether the export has run",
            details={"path": path},
        )
    formats = _formats(found, format_name)
    return tuple(_inspect(file, format_) for file, format_ in zip(found, formats, strict=True))


def _expand(path: str) -> set[Path]:
    if os.path.lexists(path):
        return _under(Path(path))
    if not glob.has_magic(path):
        raise SourceError(
            f"{path} does not exist; check `path` and whether the export has run",
            details={"path": path},
        )
    named = [part for part in Path(path).parts if _is_passed_over(part)]
    files: set[Path] = set()
    for match in map(Path, glob.iglob(path, recursive=True)):  # noqa: PTH207 - absolute pattern
        hidden = [part for part in match.parts if _is_passed_over(part)]
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
    if (folder / "_delta_log").is_dir():
        raise SourceError(
            f"{folder} is a Delta table: some of its files are no longer part of it; export it to "
            "plain Parquet and give that as `path`",
            details={"path": str(folder)},
        )
    for entry in entries:
        if _is_passed_over(entry.name):
            continue
        if entry.is_dir():
            yield from _walk(entry, seen)
        else:
            yield entry


def _is_passed_over(name: str) -> bool:
    return name.startswith((".", "_"))


def _formats(files: list[Path], format_name: str | None) -> list[Format]:
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
            details={"files": [str(file) for file in unknown[:_MAX_NAMED]]},
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


def _format_by_name(path: Path) -> Format | None:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in _PACKED:
        suffixes.pop()
    return _SUFFIXES.get(suffixes[-1]) if suffixes else None


def _inspect(path: Path, format_: Format) -> SourceFile:
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
                f"{path} is not a regular file; write the rows to one and give that as `path`",
                details={"path": str(path)},
            )
        compression = compression_of(path)
    except OSError as error:
        raise _unreadable(path, error) from None
    if state.st_size == 0 and (format_ is not Format.JSONL or path.suffix.lower() in _PACKED):
        raise SourceError(
            f"{path} is empty (0 bytes), which no complete export is; run the export again",
            details={"path": str(path), "byte": 0},
        )
    if format_ is Format.PARQUET and compression is not Compression.NONE:
        raise SourceError(
            f"{path} is Parquet packed with {compression}; Parquet is compressed inside, so unpack "
            "it and give that as `path`",
            details={"path": str(path)},
        )
    return SourceFile(path=path, format=format_, compression=compression, stamp=_stamp(state))


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


def _named(files: list[Path]) -> str:
    more = f" and {len(files) - _MAX_NAMED} more" if len(files) > _MAX_NAMED else ""
    return ", ".join(str(file) for file in files[:_MAX_NAMED]) + more
