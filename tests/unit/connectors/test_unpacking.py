"""Answers that are packed although nobody asked: understood if harmless, never at large."""

import gzip
import tracemalloc
import zlib
from collections.abc import Iterable

import httpx
import pytest
from pytest_httpx import HTTPXMock, IteratorStream

from audsync.connectors.contract import HttpLimits
from audsync.connectors.http import MAX_BODY_BYTES, ApiClient, Dialect, open_http
from audsync.connectors.replies import json_object
from audsync.connectors.unpacking import UnreadableError, unpacked
from audsync.errors import OutcomeUnknownError
from tests.unit.connectors.fakes import FakeClock

TEXT = b'{"id": "1"}' * 1000
BOMB_BYTES = 100_000_000


def pieces(packed: bytes, size: int) -> Iterable[bytes]:
    return (packed[start : start + size] for start in range(0, len(packed), size))


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("", TEXT),
        ("identity", TEXT),
        ("gzip", gzip.compress(TEXT, mtime=0)),
        (" GZIP ", gzip.compress(TEXT, mtime=0)),
        ("x-gzip", gzip.compress(TEXT, mtime=0)),
        ("deflate", zlib.compress(TEXT)),
    ],
)
def test_one_layer_comes_off_however_it_arrives(encoding: str, packed: bytes, size: int) -> None:
    assert b"".join(unpacked(pieces(packed, size), encoding)) == TEXT


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip, gzip", gzip.compress(gzip.compress(TEXT, mtime=0), mtime=0)),
        ("br", TEXT),
        ("zstd", TEXT),
        ("gzip", TEXT),
    ],
)
def test_anything_else_is_not_touched(encoding: str, packed: bytes) -> None:
    with pytest.raises(UnreadableError):
        list(unpacked([packed], encoding))


def test_a_bomb_comes_in_small_pieces() -> None:
    packed = gzip.compress(bytes(BOMB_BYTES))
    sizes = [len(piece) for piece in unpacked([packed], "gzip")]
    assert sum(sizes) == BOMB_BYTES
    assert max(sizes) <= 1 << 16


def test_a_bomb_is_unpacked_no_further_than_an_answer_may_be_long(httpx_mock: HTTPXMock) -> None:
    packed = IteratorStream([gzip.compress(bytes(BOMB_BYTES))])
    httpx_mock.add_response(200, stream=packed, headers={"Content-Encoding": "gzip"})
    limits = HttpLimits()
    dialect = Dialect(
        platform="Adland",
        decode=lambda reply: json_object(reply.body) or {},
        rest_s=lambda _reply: 0.0,
    )
    with open_http(limits) as http:
        api = ApiClient(http, dialect=dialect, limits=limits, clock=FakeClock())
        request = httpx.Request("POST", "https://ads.test/v1/thing")
        tracemalloc.start()
        try:
            with pytest.raises(OutcomeUnknownError):
                api.call(request, repeatable=False, read=lambda answer: answer)
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak_bytes < 10 * MAX_BODY_BYTES
