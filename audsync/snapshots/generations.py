"""Marks beside the state files: how far the state has come, so that a restored backup shows.

A mark names a generation of the audience's head, and what the head named then. It is written after
that head was committed and before anything else is sent. So a mark that is ahead of the store, or
behind what the store knows to have been marked, is proof of a backup. Marks are never written
over and the highest counts: one that a process writes late says nothing wrong.
"""

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_NAME = re.compile(r"generation-(\d{12,18})\.json")
_PART = ".part"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What the store had come to when it was written."""

    generation: int
    files: Mapping[str, str] = field(default_factory=dict)
    """Role -> name, as the head named them."""
    remote: str | None = None
    """The platform's id of the audience that they are about."""

    @property
    def name(self) -> str:
        """Of its file."""
        return f"generation-{self.generation:012}.json"

    def as_bytes(self) -> bytes:
        """What its file holds; the generation stands in the name."""
        return json.dumps({"remote": self.remote, "files": dict(self.files)}, indent=1).encode()


def number_of(name: str) -> int | None:
    """The generation that a file of this name marks; None for any other file."""
    found = _NAME.fullmatch(name)
    return int(found[1]) if found else None


def read(name: str, content: bytes) -> Mark:
    """The mark in a file; of one that is damaged, what its name says."""
    generation = number_of(name) or 0
    try:
        said: Any = json.loads(content)
        files = {str(role): str(file) for role, file in said["files"].items()}
        remote = said["remote"]
    except (ValueError, TypeError, KeyError, AttributeError):
        return Mark(generation=generation)
    return Mark(generation=generation, files=files, remote=remote and str(remote))


def newest(folder: Path) -> Mark | None:
    """The highest mark in a folder; None where there is none.

    Raises:
        OSError: it cannot be read.
    """
    for name in sorted(_names(folder), reverse=True):
        try:
            return read(name, (folder / name).read_bytes())
        except FileNotFoundError:  # its successor has just come
            return newest(folder)
    return None


def write(folder: Path, mark: Mark) -> None:
    """Make a mark durable, then remove those it follows.

    Raises:
        OSError: the disk is full or refuses.
    """
    part = folder / f".{mark.name}{_PART}"
    descriptor = os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(mark.as_bytes())
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / mark.name)
    _sync(folder)
    for name in followed(_names(folder), mark.generation):
        (folder / name).unlink(missing_ok=True)


def followed(names: Iterable[str], generation: int) -> list[str]:
    """Those of the marks that are older."""
    return [name for name in names if (number_of(name) or 0) < generation]


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("generation-*") if number_of(path.name) is not None]


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
