"""What audsync does with objects: list, fetch, put, delete, sign.

Each request ends in time and is tried again for a while; a fetched object is of one state, or
refused. Objects are whole or not there: no store shows one that is half written.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from audsync.errors import LocalError
from audsync.objects import failures
from audsync.objects.address import Address
from audsync.objects.stores import ObjectAccess, open_store

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta

PIECE_BYTES = 16 << 20
"""What is fetched by one request."""
_PART_BYTES = 16 << 20
"""What is put by one request; S3 takes 10,000 of them, none but the last below 5 MB
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html, read 2026-11-22)."""
_AT_ONCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One object, in the state in which it was found."""

    address: Address
    size_bytes: int
    written_at: datetime
    """Aware UTC."""
    etag: str | None
    """What the store calls this state; None where it does not."""

    @property
    def has_strong_etag(self) -> bool:
        """Whether no other state of the object, not even one that means the same, has its etag."""
        return bool(self.etag) and not str(self.etag).startswith("W/")


class Bucket:
    """One bucket, with one way into it."""

    def __init__(self, address: Address, access: ObjectAccess, *, fault: type[LocalError]) -> None:
        """Open the bucket of `address`; nothing is asked of it yet.

        Args:
            address: any in the bucket.
            access: the configured ways.
            fault: what is raised when a request fails.

        Raises:
            ConfigError: the library is not installed, or the settings cannot be right.
        """
        self._place = address.at("")
        self._store = open_store(address, access)
        self._fault = fault

    def find(self, key: str) -> Stored | None:
        """The object of that very key; None where there is none.

        Raises:
            LocalError: it cannot be told.
        """
        import obstore  # noqa: PLC0415 - `open_store` has seen that it is there

        with self._asking(key, "read"):
            try:
                return self._stored(obstore.head(self._store, key))
            except FileNotFoundError:
                return None

    def below(self, prefix: str) -> Iterator[Stored]:
        """The objects below a folder of keys, "" for all; marks that stand for folders are none.

        Raises:
            LocalError: on any step: they cannot be listed.
        """
        import obstore  # noqa: PLC0415 - as above

        folder = prefix.rstrip("/")
        with self._asking(folder, "listed"):
            for found in obstore.list(self._store, folder or None):
                for one in found:
                    if not one["path"].endswith("/"):
                        yield self._stored(one)

    def fetch(self, wanted: Stored, target: BinaryIO) -> None:
        """Write an object's bytes, all of the state in which it was found.

        Raises:
            LocalError: it is another one by now, or cannot be read to its end.
            OSError: `target` takes no more.
        """
        for start in range(0, wanted.size_bytes, PIECE_BYTES):
            end = min(start + PIECE_BYTES, wanted.size_bytes)
            target.write(self._piece(wanted, start, end))

    def put(self, key: str, source: Path | BinaryIO | bytes) -> None:
        """Make an object of a file, in place of what has that key; it is there when this returns.

        Raises:
            LocalError: the store did not take it, or not all of it.
        """
        import obstore  # noqa: PLC0415 - as above

        with self._asking(key, "written"):
            obstore.put(self._store, key, source, chunk_size=_PART_BYTES, max_concurrency=_AT_ONCE)

    def delete(self, key: str) -> None:
        """Remove an object; none of that key is fine.

        Raises:
            LocalError: the store refused.
        """
        import obstore  # noqa: PLC0415 - as above

        with self._asking(key, "deleted"), suppress(FileNotFoundError):
            obstore.delete(self._store, key)

    def sign(self, key: str, *, lasts: timedelta) -> str:
        """A URL with which anybody can download the object for so long.

        Raises:
            LocalError: these credentials cannot sign.
        """
        import obstore  # noqa: PLC0415 - as above

        with self._asking(key, "signed"):
            return obstore.sign(self._store, "GET", key, lasts)

    def _piece(self, wanted: Stored, start: int, end: int) -> bytes:
        """Some bytes of an object; an answer that breaks off is asked for again."""
        import obstore  # noqa: PLC0415 - as above
        from obstore.exceptions import (  # noqa: PLC0415 - as above
            GenericError,
            NotModifiedError,
            PreconditionError,
        )

        options = _pinned(wanted)
        options["range"] = (start, end)
        with self._asking(wanted.address.key, "read"):
            for is_last in (False, False, True):
                try:
                    answer = obstore.get(self._store, wanted.address.key, options=options)
                except (FileNotFoundError, NotModifiedError, PreconditionError):
                    break
                try:
                    piece = bytes(answer.bytes())
                except GenericError:  # the library tries requests again, but not their answers
                    if is_last:
                        raise
                    continue
                if len(piece) == end - start:
                    return piece
                break
        raise failures.changed(wanted.address, self._fault)

    def _stored(self, found: "ObjectMeta") -> Stored:
        return Stored(
            address=self._place.at(found["path"]),
            size_bytes=found["size"],
            written_at=found["last_modified"].astimezone(UTC),
            etag=found["e_tag"],
        )

    @contextmanager
    def _asking(self, key: str, doing: str) -> Iterator[None]:
        """Have what the library raises told as the callers expect it."""
        from obstore.exceptions import BaseError  # noqa: PLC0415 - as above

        address = self._place.at(key)
        try:
            yield
        except (BaseError, OSError, ValueError) as error:
            failure = failures.explained(error, address, doing=doing, fault=self._fault)
            raise failure from None


def _pinned(wanted: Stored) -> "GetOptions":
    """What lets the store refuse another state than the one that was found."""
    if wanted.etag is not None and wanted.has_strong_etag:
        return {"if_match": wanted.etag}
    return {"if_unmodified_since": wanted.written_at}
