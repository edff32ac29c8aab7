"""The state folder: immutable files named by their own SHA-256, one folder an audience.

A file becomes durable in this order: written aside, fsynced, renamed to its hash, its folder
fsynced, and, where the state is in an object store, put there and seen. Only then may a database
row name it; that row is the commit. What no row names is
rubbish, swept by whoever holds the audience. Files are 0600 and folders 0700, as they hold
hashed identifiers. With a key, new files are encrypted, and their names end with the key's id.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from audsync import steps
from audsync.errors import StateError
from audsync.snapshots import cipher, generations, parquet
from audsync.snapshots.generations import Mark
from audsync.snapshots.objects import ObjectFiles, remove_parts

SPILL = "spill"
"""Where in the work folder a database may put what does not fit into memory."""
_DIGEST_CHARS = 40
_WORK = "work"
_DAMAGED = "is damaged: its content does not hash to its name"
_OF_THE_RUN = frozenset({"touched"})
"""What no row ever names, since only the run that made it reads it."""


class AudienceFolder:
    """The files of one audience. Only the holder of its lease may write here."""

    def __init__(
        self,
        root: Path,
        audience: str,
        *,
        key_id: str | None = None,
        objects: ObjectFiles | None = None,
    ) -> None:
        """The files of `audience` below `root`.

        Args:
            root: the folder of all audiences.
            audience: the name of its folder there.
            key_id: of the key that new files are encrypted with; None: they are not.
            objects: where the files are durable, if not here; the folder is their cache then.
        """
        self._folder = root / audience
        self._objects = objects
        self._key_id = key_id
        self._work = self._folder / (f"{_WORK}.{key_id}" if key_id else _WORK)

    def open_work(self) -> Path:
        """An empty private folder for this run's unfinished files; what a dead run left is gone.

        Raises:
            StateError: the folder cannot be made.
        """
        try:
            _make_private(self._folder)
            _refuse_link(self._folder)
            for left in self._folder.glob(f"{_WORK}*"):
                _remove(left)
            _make_private(self._work / SPILL)
        except OSError as error:
            raise _unwritable(self._folder, error) from error
        if self._objects:
            self._objects.look()
        return self._work

    def close_work(self) -> None:
        """Remove this run's unfinished files."""
        _remove(self._work)

    def keep(self, unfinished: Path, role: str) -> str:
        """Make a finished file durable.

        Args:
            unfinished: the file, complete, inside the work folder.
            role: what it holds; the first part of its name.

        Returns:
            its name, for a database row to point at.

        Raises:
            StateError: the disk is full or refuses.
        """
        try:
            unfinished.chmod(0o600)
            digest = _digest_synced(unfinished)
            name = _name(role, digest, unfinished)
            steps.reached(f"file: before rename {role}")
            unfinished.replace(self._folder / name)
            _sync_folder(self._folder)
            steps.reached(f"file: after rename {role}")
        except OSError as error:
            raise _unwritable(self._folder, error) from error
        if self._objects and role not in _OF_THE_RUN:
            self._objects.put(name, self._folder / name)
        return name

    def adopt(self, name: str, source: Path) -> bool:
        """Have a durable file of another audience's folder here, too, under its name.

        Both names mean one file where the file system allows that: none is ever changed.

        Returns:
            whether it was still there, and whole.

        Raises:
            StateError: the disk is full or refuses.
        """
        role = name.partition("-")[0]
        unfinished = self._work / f"adopted-{role}.parquet"
        try:
            try:
                _link_or_copy(source, unfinished)
            except FileNotFoundError:
                return False
            is_whole = self.keep(unfinished, role) == name
            # Renaming one name of a file to another name of it leaves both.
            unfinished.unlink(missing_ok=True)
        except OSError as error:
            raise _unwritable(self._folder, error) from error
        return is_whole

    def bring_over(self, name: str) -> str:
        """The name under which the file is kept as new files are: encrypted with their key, or not.

        A file that is not so yet is written anew, row for row; the old one stays until the sweep.

        Raises:
            StateError: it is missing, its key is not at hand, or the disk is full.
        """
        old = self.path(name)
        if cipher.key_id_of(old) == self._key_id:
            return name
        role = name.partition("-")[0]
        unfinished = self._work / f"over-{role}.parquet"
        try:
            parquet.copy(old, unfinished)
        except OSError as error:
            raise _unwritable(self._folder, error) from error
        return self.keep(unfinished, role)

    def path(self, name: str) -> Path:
        """Where the file is; it is fetched where that must be.

        Raises:
            StateError: it is not there.
        """
        path = self._folder / name
        if path.is_file():
            return path
        if self._objects is None or not self._fetched(self._objects, name):
            raise _lost(self._said(name), "is missing")
        return path

    def place_of(self, name: str) -> Path:
        """Where a file that is kept here is, be it there or not."""
        return self._folder / name

    def verify(self, name: str) -> None:
        """Prove that the file is what its name says, and that its key is at hand.

        Raises:
            StateError: it is missing or was changed, or nothing here opens it.
        """
        if self._objects and not self._objects.has(name):
            raise _lost(self._said(name), "is missing")
        path = self.path(name)
        cipher.key_of(path)
        is_whole = _is_named(name, _digest(path))
        if not is_whole and self._objects:
            path.unlink(missing_ok=True)  # of the cache; what is fetched is checked
            is_whole = self._fetched(self._objects, name)
        if not is_whole:
            raise _lost(self._said(name), _DAMAGED)

    def mark(self, *, is_anew: bool = False) -> Mark | None:
        """How far the state here has come; None where nothing says so.

        `is_anew`: an object store is asked again, whatever was seen there before.

        Raises:
            StateError: it cannot be read.
        """
        if self._objects:
            if is_anew:
                self._objects.look()
            return self._objects.mark()
        try:
            return generations.newest(self._folder)
        except OSError as error:
            raise _unreadable(self._folder, error) from error

    def set_mark(self, mark: Mark) -> None:
        """Note how far the state has come, durably. The caller has seen it committed.

        Raises:
            StateError: the disk is full or refuses.
        """
        steps.reached("file: before mark")
        if self._objects:
            self._objects.set_mark(mark)
        else:
            try:
                _make_private(self._folder)
                generations.write(self._folder, mark)
            except OSError as error:
                raise _unwritable(self._folder, error) from error
        steps.reached("file: after mark")

    def sweep(self, live: Iterable[str]) -> None:
        """Remove every file that no row names. The caller holds the audience's lease.

        Raises:
            StateError: an object store refused.
        """
        named = set(live)
        for path in self._folder.glob("*.parquet"):
            if path.name not in named:
                path.unlink(missing_ok=True)
        if self._objects:
            remove_parts(self._folder)
            self._objects.sweep(named)

    def remove(self) -> None:
        """Remove the whole folder of an audience that is retired.

        Raises:
            StateError: an object store refused.
        """
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._objects:
            self._objects.look()
            self._objects.sweep(())
            self._objects.remove_marks()

    def _fetched(self, objects: ObjectFiles, name: str) -> bool:
        """Fetch the file into the cache; False where there is none.

        Raises:
            StateError: what is there is not what its name says, or cannot be fetched.
        """
        try:
            _make_private(self._folder)
            fetched = objects.fetch(name, self._folder)
            if fetched is None:
                return False
            part, digest = fetched
            if not _is_named(name, digest):
                part.unlink()
                raise _lost(self._said(name), _DAMAGED)
            part.replace(self._folder / name)
        except OSError as error:
            raise _unwritable(self._folder, error) from error
        return True

    def _said(self, name: str) -> str:
        """The file, for people."""
        return str(self._objects.place.below(name) if self._objects else self._folder / name)


class ScratchFolder(AudienceFolder):
    """Reads an audience's files; what it keeps goes into `scratch` and is not durable.

    For looking ahead, such as `plan`: nothing of the audience's own folder is touched.
    """

    def __init__(
        self,
        root: Path,
        audience: str,
        scratch: Path,
        *,
        key_id: str | None = None,
        objects: ObjectFiles | None = None,
    ) -> None:
        super().__init__(root, audience, key_id=key_id, objects=objects)
        self._scratch = scratch

    def open_work(self) -> Path:
        """An empty private folder inside the scratch folder."""
        work = self._scratch / self._work.name
        _make_private(work / SPILL)
        return work

    def close_work(self) -> None:
        """Nothing: whoever made the scratch folder removes it."""

    def keep(self, unfinished: Path, role: str) -> str:
        """Name the file by its content, in the scratch folder."""
        name = _name(role, _digest(unfinished), unfinished)
        unfinished.replace(self._scratch / name)
        return name

    def path(self, name: str) -> Path:
        """Where the file is, in the scratch folder or else the audience's own."""
        path = self._scratch / name
        return path if path.is_file() else super().path(name)


def _is_named(name: str, digest: str) -> bool:
    return f"-{digest[:_DIGEST_CHARS]}." in name


def _lost(file: str, what: str) -> StateError:
    return StateError(
        f"The state file {file} {what}. Bring it back from a backup, or run `audsync reconcile` on"
        " this audience, which makes it exact without the file.",
        details={"file": file},
    )


def _name(role: str, digest: str, unfinished: Path) -> str:
    key_id = cipher.key_id_of(unfinished)
    return f"{role}-{digest[:_DIGEST_CHARS]}{f'.{key_id}' if key_id else ''}.parquet"


def _link_or_copy(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:  # another disk, or a file system without links
        shutil.copyfile(source, target)


def _refuse_link(folder: Path) -> None:
    """Whoever can put a link in the folder's place could have it filled and emptied elsewhere."""
    if folder.is_symlink():
        raise StateError(
            f"{folder} is a symbolic link, which audsync never makes there: find out who did,"
            " remove it, and put the folder itself in its place.",
            details={"folder": str(folder)},
        )


def _remove(folder: Path) -> None:
    """Remove a folder and what is in it; of a link, only the link."""
    if folder.is_symlink():
        folder.unlink()
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _make_private(folder: Path) -> None:
    for one in reversed([folder, *folder.parents]):
        one.mkdir(mode=0o700, exist_ok=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest_synced(path: Path) -> str:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unreadable(folder: Path, error: OSError) -> StateError:
    return StateError(
        f"The state folder {folder} cannot be read: {error.strerror}. Mend its permissions, then"
        " run again.",
        details={"folder": str(folder)},
    )


def _unwritable(folder: Path, error: OSError) -> StateError:
    return StateError(
        f"The state folder {folder} cannot be written: {error.strerror}. Make room or mend its"
        " permissions, then run again; what was confirmed before is intact.",
        details={"folder": str(folder)},
    )
