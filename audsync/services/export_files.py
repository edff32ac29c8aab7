"""The file that `export` writes: whole or not at all, for its owner's eyes only."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from audsync import steps
from audsync.errors import StateError, UsageError


class Counted:
    """A stream that knows how much was written to it; it cannot be read or moved in."""

    closed = False

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.size_bytes = 0

    def write(self, data: bytes | memoryview) -> int:
        """Write all of `data`."""
        self._stream.write(data)
        length = len(data)
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


def target(out: str) -> Path | None:
    """The absolute path to write; None for stdout.

    Raises:
        UsageError: no file can be written there.
    """
    if out == "-":
        return None
    scheme, is_url, rest = out.partition("://")
    if is_url and scheme != "file":
        raise UsageError(
            f"--out {scheme}://… cannot be written yet: name a file on this machine and copy it.",
            details={"option": "--out"},
        )
    path = Path(rest if is_url else out).expanduser().resolve()
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


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` when the block ends well; else nothing is left.

    Raises:
        StateError: the disk is full or refuses.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        steps.reached("export: before rename")
        unfinished.replace(path)
        _sync_folder(path.parent)
        steps.reached("export: after rename")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StateError(
            f"{path} cannot be written: {reason}. Make room or choose another --out; what was there"
            " before is unchanged.",
            details={"path": str(path)},
        ) from None
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
