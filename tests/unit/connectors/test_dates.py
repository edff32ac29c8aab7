"""A server's time is told from its Date header, and nothing goes wrong where there is none."""

from datetime import UTC, datetime

import httpx
import pytest

from audsync.connectors.dates import server_time

URL = "https://platform.test/base"


def served(headers: dict[str, str], status: int = 200) -> httpx.MockTransport:
    return httpx.MockTransport(lambda _request: httpx.Response(status, headers=headers))


@pytest.mark.parametrize("status", [200, 301, 404, 503])
def test_any_answer_tells_the_time(status: int) -> None:
    transport = served({"Date": "Sun, 22 Nov 2026 08:00:01 GMT"}, status)
    assert server_time(URL, transport=transport) == datetime(2026, 11, 22, 8, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize("headers", [{}, {"Date": ""}, {"Date": "yesterday"}])
def test_no_date_is_no_time(headers: dict[str, str]) -> None:
    assert server_time(URL, transport=served(headers)) is None


def test_silence_is_no_time() -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        message = "nobody there"
        raise httpx.ConnectError(message, request=request)

    assert server_time(URL, transport=httpx.MockTransport(broken)) is None


def test_nothing_but_a_head_request_is_sent() -> None:
    sent: list[httpx.Request] = []

    def record(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200)

    server_time(URL, transport=httpx.MockTransport(record))
    assert [(request.method, str(request.url)) for request in sent] == [("HEAD", URL)]
    assert "Authorization" not in sent[0].headers
