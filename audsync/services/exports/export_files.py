"""Where `export` writes: whole files or none, for their owner's eyes only."""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

from audsync import steps
from audsync.errors import StateError, UsageError

PACKED = (".gz", ".zst")


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """Where a file can be had."""

    url: str | None
    """None: nowhere, it went to stdout."""
    expires_at: datetime | None = None
    """Aware UTC: until when the URL works; None: for good."""


class Destination(AbstractContextManager["Destination"], Protocol):
    """Takes files; what was not published when the block ends was never there."""

    ending: str
    """What the name ends with, such as `.csv.gz`: says how to pack; "" where there is no name."""

    @property
    def most_files(self) -> int | None:
        """How many files it can take; None: any number."""
        ...

    def open(self) -> BinaryIO:
        """A new file to write."""
        ...

    def publish(self, marks: Sequence[str]) -> list[Published]:
        """Make all files that were opened whole and visible, together.

        Args:
            marks: for each file, in the order of opening, what tells it from the others, such as
                `-002`; "" for the only one.

        Raises:
            StateError: there is no room, or it is refused.
        """
        ...


class Counted:
    """A stream that knows how much was written to it; it cannot be read or moved in."""

    closed = False

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.size_bytes = 0

    def write(self, data: bytes | memoryview) -> int:
        """Write all of `data`; nothing once the file is given up, as packers do when they go."""
        length = len(data)
        if self._stream.closed:
            return length
        self._stream.write(data)
        self.size_bytes += length
        return length

    def tell(self) -> int:
        """Bytes so far."""
        return self.size_bytes

    def flush(self) -> None:
        """Hand on what is buffered."""
        self._stream.flush()

    def close(self) -> None:
        """Nothing: whoever opened the stream closes it."""


class Stream:
    """Stdout: one file, which cannot be taken back."""

    ending = ""
    most_files = 1

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing: stdout is not ours to close."""

    def open(self) -> BinaryIO:
        return self._stream

    def publish(self, marks: Sequence[str]) -> list[Published]:
        self._stream.flush()
        return [Published(url=None) for _ in marks]


class LocalFiles:
    """A path on this machine; more files than one have numbers or names before its ending."""

    most_files = None

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stem, self.ending = parted(path.name)
        self._open: list[tuple[Path, BinaryIO]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for unfinished, stream in self._open:
            with suppress(OSError):
                stream.close()
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise self._refused(error) from None

    def open(self) -> BinaryIO:
        number = len(self._open) + 1
        unfinished = self._path.with_name(f".{self._path.name}.{os.getpid()}.{number}.partial")
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        stream = os.fdopen(descriptor, "wb")
        self._open.append((unfinished, stream))
        return stream

    def publish(self, marks: Sequence[str]) -> list[Published]:
        try:
            for _, stream in self._open:
                stream.flush()
                os.fsync(stream.fileno())
                stream.close()
            steps.reached("export: before rename")
            targets = [self._path.with_name(f"{self._stem}{mark}{self.ending}") for mark in marks]
            for (unfinished, _), target in zip(self._open, targets, strict=True):
                unfinished.replace(target)
            _sync_folder(self._path.parent)
        except OSError as error:
            raise self._refused(error) from None
        steps.reached("export: after rename")
        return [Published(url=target.as_uri()) for target in targets]

    def _refused(self, error: OSError) -> StateError:
        reason = error.strerror or type(error).__name__
        return StateError(
            f"{self._path} cannot be written: {reason}. Make room or choose another --out; what was"
            " there before is unchanged.",
            details={"path": str(self._path)},
        )


def file_of(out: str) -> Path:
    """The file that a path names.

    Raises:
        UsageError: no file can be written there.
    """
    _refuse_foreign_link(Path(out).expanduser())
    path = Path(out).expanduser().resolve()
    if path.is_dir() or out.endswith("/"):
        raise UsageError(
            f"--out {path} is a folder: name a file in it.", details={"option": "--out"}
        )
    if path.exists() and not path.is_file():
        # A device or a pipe would be replaced by a file of its name.
        raise UsageError(
            f"--out {path} is no ordinary file. Say `--out -` and redirect stdout there.",
            details={"option": "--out"},
        )
    if not path.parent.is_dir():
        raise UsageError(
            f"--out {path}: there is no folder {path.parent}. Make it first.",
            details={"option": "--out"},
        )
    return path


def _refuse_foreign_link(path: Path) -> None:
    """Refuse a link that somebody else has put there, in a folder that all may write to."""
    if path.is_symlink() and path.lstat().st_uid not in {os.geteuid(), 0}:
        raise UsageError(
            f"--out {path} is a symbolic link of another user: it could lead to any file of yours."
            " Name a file in a folder of your own.",
            details={"option": "--out"},
        )


def parted(name: str) -> tuple[str, str]:
    """A file's name and its endings, that of a packing included."""
    path = Path(name)
    if path.suffix.lower() not in PACKED:
        return path.stem, path.suffix
    inner = Path(path.stem)
    return inner.stem, inner.suffix + path.suffix


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
