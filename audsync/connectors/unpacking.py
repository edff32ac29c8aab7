"""An answer's bytes as they were before they were packed, piece by piece and never much at once.

httpx unpacks whatever comes, each piece as a whole and layer upon layer: a few kilobytes from a
hostile host, packed twice, fill the memory before anybody can count them.
"""

import zlib
from collections.abc import Iterable, Iterator

_PIECE_BYTES = 1 << 16
_EITHER = 32 + zlib.MAX_WBITS
"""Tells gzip from zlib by the first bytes."""


class UnreadableError(Exception):
    """The answer is packed in a way that was not asked for, or is broken."""


def unpacked(raw: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The bytes behind one layer of gzip or deflate, or as they are.

    Args:
        raw: as they came over the network.
        encoding: what `Content-Encoding` says; "" for nothing.

    Raises:
        UnreadableError: another encoding, more than one, or broken bytes.
    """
    form = encoding.strip().lower()
    if form in {"", "identity"}:
        yield from raw
        return
    if form not in {"gzip", "x-gzip", "deflate"}:
        raise UnreadableError(f"packed as {form[:40]!r}, which was not asked for")
    unpack = zlib.decompressobj(_EITHER)
    try:
        for packed in raw:
            piece = unpack.decompress(packed, _PIECE_BYTES)
            while piece:
                yield piece
                piece = unpack.decompress(unpack.unconsumed_tail, _PIECE_BYTES)
    except zlib.error:
        raise UnreadableError("not packed as it says") from None
