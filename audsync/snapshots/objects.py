"""State files in an object store, where many hosts find them; a folder on each host is their cache.

Every run puts its files into a folder of keys of its own, `AUDIENCE/RUN/NAME`: no object is ever
written over. A run sweeps only what it saw before it read which files the store's row names. So a
host that is late, as a machine that was suspended in the middle of its sweep, never removes what
its successor has put there since, be it of the same content and name.
"""

import hashlib
import os
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from tempfile import mkstemp

from audsync import steps
from audsync.errors import StateError
from audsync.objects.address import Address
from audsync.objects.bucket import Bucket, Stored
from audsync.objects.stores import ObjectAccess
from audsync.snapshots import generations
from audsync.snapshots.generations import Mark

_ENDING = ".parquet"
_PART = ".fetching"
_STALE_S = 86_400
"""A part of a fetched file that is older was left by a run that died."""


@dataclass(slots=True, kw_only=True)
class ObjectFiles:
    """The files of one audience in an object store."""

    place: Address
    """Their folder of keys."""
    access: ObjectAccess
    _run: str = field(default_factory=lambda: secrets.token_hex(8))
    _known: dict[str, list[Stored]] | None = None
    """What was seen there, by name, the newest last."""
    _marks: dict[str, Stored] = field(default_factory=dict)
    """Marks that were seen there, by name."""
    _opened: Bucket | None = None

    def look(self) -> None:
        """See what is there now.

        Raises:
            StateError: the store does not tell.
        """
        self._known = {}
        below = list(self._bucket.below(self.place.key))
        found = [one for one in below if one.address.key.endswith(_ENDING)]
        names = {one.address.key.rpartition("/")[2]: one for one in below}
        self._marks = {
            name: one for name, one in names.items() if generations.number_of(name) is not None
        }
        for one in sorted(found, key=lambda one: (one.written_at, one.address.key)):
            self._known.setdefault(one.address.key.rpartition("/")[2], []).append(one)

    def has(self, name: str) -> bool:
        """Whether a file of that name was seen.

        Raises:
            StateError: the store does not tell.
        """
        if self._known is None:
            self.look()
        return name in (self._known or ())

    def put(self, name: str, path: Path) -> None:
        """Store a file. When this returns it has been seen there, whole.

        Raises:
            StateError: the store did not take it.
        """
        address = self.place.below(self._run).below(name)
        role = name.partition("-")[0]
        steps.reached(f"file: before upload {role}")
        self._bucket.put(address.key, path)
        seen = self._bucket.find(address.key)
        if seen is None or seen.size_bytes != path.stat().st_size:
            raise StateError(
                f"{address} was written and is not there as it was sent: see whether the store"
                " keeps what it accepts, then run again; what was confirmed before is intact.",
                details={"file": str(address)},
            )
        steps.reached(f"file: after upload {role}")
        if self._known is not None:
            self._known.setdefault(name, []).append(seen)

    def mark(self) -> Mark | None:
        """The highest mark that was seen; None where there was none.

        Raises:
            StateError: the store does not tell.
        """
        if self._known is None:
            self.look()
        if not self._marks:
            return None
        name = max(self._marks, key=lambda name: generations.number_of(name) or 0)
        content = BytesIO()
        try:
            self._bucket.fetch(self._marks[name], content)
        except StateError:
            self.look()
            if name in self._marks:
                raise
            return self.mark()  # another has just followed it
        return generations.read(name, content.getvalue())

    def set_mark(self, mark: Mark) -> None:
        """Store a mark, then remove those it follows.

        Raises:
            StateError: the store did not take it.
        """
        key = self.place.below(mark.name).key
        self._bucket.put(key, mark.as_bytes())
        for name in generations.followed(self._marks, mark.generation):
            self._bucket.delete(self._marks.pop(name).address.key)
        seen = self._bucket.find(key)
        if seen is None:
            raise StateError(
                f"{self.place.below(mark.name)} was written and is not there: see whether the store"
                " keeps what it accepts, then run again; what was confirmed before is intact.",
                details={"file": str(self.place.below(mark.name))},
            )
        self._marks[mark.name] = seen

    def remove_marks(self) -> None:
        """Remove every mark that the last look has seen.

        Raises:
            StateError: the store refused.
        """
        for one in self._marks.values():
            self._bucket.delete(one.address.key)
        self._marks = {}

    def fetch(self, name: str, folder: Path) -> tuple[Path, str] | None:
        """Bring a file into the folder, under a name of its own.

        Returns:
            where it is, and the SHA-256 of its content in hex; None where there is no such file.

        Raises:
            StateError: it cannot be read to its end.
            OSError: the folder takes no more.
        """
        if not self.has(name) or self._known is None:
            return None
        descriptor, part = mkstemp(prefix=f".{name}.", suffix=_PART, dir=folder)
        try:
            with os.fdopen(descriptor, "w+b") as target:
                self._bucket.fetch(self._known[name][-1], target)
                target.seek(0)
                digest = hashlib.file_digest(target, "sha256").hexdigest()
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise
        return Path(part), digest

    def sweep(self, live: Iterable[str]) -> None:
        """Remove what is not in `live`, and what is there twice.

        Only what the last look has seen, which was before `live` was read: see the module.

        Raises:
            StateError: the store refused.
        """
        known, named = self._known or {}, set(live)
        for name, stored in known.items():
            going = stored[:-1] if name in named else list(stored)
            for one in going:
                self._bucket.delete(one.address.key)
                stored.remove(one)
        self._known = {name: stored for name, stored in known.items() if stored}

    @property
    def _bucket(self) -> Bucket:
        if self._opened is None:
            self._opened = Bucket(self.place, self.access, fault=StateError)
        return self._opened


def remove_parts(cache: Path) -> None:
    """Remove what fetches that were cut off have left; what is younger may still be written to."""
    before = time.time() - _STALE_S
    for part in cache.glob(f".*{_PART}"):
        with suppress(OSError):
            if part.stat().st_mtime < before:
                part.unlink()
