"""Where `export` writes when that is an object store: written aside here, put there when whole."""

import tempfile
from collections.abc import Sequence
from datetime import timedelta
from types import TracebackType
from typing import BinaryIO, Self

from audsync import steps
from audsync.clock import Clock
from audsync.errors import StateError, UsageError
from audsync.objects.address import Address
from audsync.objects.bucket import Bucket
from audsync.objects.stores import ObjectAccess
from audsync.services.exports.export_files import Published, parted

LASTS_S = 3600
"""How long a download URL works, unless somebody says otherwise."""
MOST_S = 7 * 86_400
"""Longer than that S3 and Google do not let a signature live
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/ShareObjectPreSignedURL.html, read
2026-11-22)."""


class Objects:
    """An object; more than one have numbers or names before its ending.

    One takes its place after another: no store replaces several at once.
    """

    most_files = None

    def __init__(
        self, address: Address, access: ObjectAccess, *, lasts_s: int | None, clock: Clock
    ) -> None:
        """Prepare to write.

        Raises:
            UsageError: no object can be written there, or no URL lasts so long.
            ConfigError: the store cannot be asked.
        """
        folder, _, name = address.key.rpartition("/")
        if not name:
            raise UsageError(
                f"--out {address} is a folder: name an object in it.", details={"option": "--out"}
            )
        if lasts_s is not None and lasts_s > MOST_S:
            raise UsageError(
                f"--expires may be {MOST_S // 86_400}d at most.", details={"option": "--expires"}
            )
        self._bucket = Bucket(address, access, fault=StateError)
        self._folder = address.at(folder)
        self._stem, self.ending = parted(name)
        self._lasts = timedelta(seconds=LASTS_S if lasts_s is None else lasts_s)
        self._clock = clock
        self._open: list[BinaryIO] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for stream in self._open:
            stream.close()
        if isinstance(error, OSError):
            raise StateError(
                f"{tempfile.gettempdir()} cannot be written: {error.strerror}. Make room there, or"
                " set TMPDIR to another folder; nothing was put into the object store.",
                details={"path": tempfile.gettempdir()},
            ) from None

    def open(self) -> BinaryIO:
        # Without a name: whatever ends this process, nothing of it stays.
        stream: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the others
        self._open.append(stream)
        return stream

    def publish(self, marks: Sequence[str]) -> list[Published]:
        places = [self._folder.below(f"{self._stem}{mark}{self.ending}") for mark in marks]
        expires_at = self._clock.now() + self._lasts
        # Before anything is put: credentials that cannot sign would give no way to it.
        urls = [self._bucket.sign(place.key, lasts=self._lasts) for place in places]
        steps.reached("export: before upload")
        for place, stream in zip(places, self._open, strict=True):
            stream.flush()
            stream.seek(0)
            self._bucket.put(place.key, stream)
        steps.reached("export: after upload")
        return [Published(url=url, expires_at=expires_at) for url in urls]
