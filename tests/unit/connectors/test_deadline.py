"""A server that never comes to the end of its headers, over real sockets."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import httpx
import pytest

from audsync.clock import SystemClock
from audsync.connectors import deadline
from audsync.connectors.contract import HttpLimits
from audsync.connectors.http import ApiClient, Dialect, open_http
from audsync.connectors.replies import Reply, json_object
from audsync.errors import OutcomeUnknownError, UnavailableError


def _object(reply: Reply) -> dict[str, Any]:
    return json_object(reply.body) or {}


DIALECT = Dialect(platform="Meta", decode=_object, rest_s=lambda _reply: 0.0)
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
Serve = Callable[[socket.socket, threading.Event], None]


@contextmanager
def server(serve: Serve) -> Iterator[str]:
    """A server that hands each request to `serve`; its event is set when the test is over."""
    is_over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def run() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65_536)
                    serve(connection, is_over)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            is_over.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def trickle(connection: socket.socket, is_over: threading.Event) -> None:
    """Headers without end, each long before a time-out."""
    try:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not is_over.wait(0.02):
            connection.sendall(b"X-More: 1\r\n")
    except OSError:
        pass  # it was given up


def call(url: str, *, method: str = "POST") -> None:
    limits = HttpLimits(request_timeout_s=0.2, max_wait_s=0.0)
    client = ApiClient(open_http(limits), dialect=DIALECT, limits=limits, clock=SystemClock())
    with closing(client):
        client.call(httpx.Request(method, url), repeatable=False, read=lambda body: body)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "_GRACE_S", 0.1)


def test_headers_that_never_end_are_given_up_with_an_unknown_outcome() -> None:
    with server(trickle) as url, pytest.raises(OutcomeUnknownError) as caught:
        call(url)
    assert caught.value.code == "TIMEOUT"
    assert caught.value.message == "Meta did not answer in 0.2 s."


def test_where_nothing_changes_it_is_only_an_outage() -> None:
    with server(trickle) as url, pytest.raises(UnavailableError, match="did not answer in"):
        call(url, method="GET")


def test_a_connection_that_is_used_again_has_an_end_as_well() -> None:
    asked = []

    def serve(connection: socket.socket, is_over: threading.Event) -> None:
        asked.append(1)
        connection.sendall(GOOD)
        connection.recv(65_536)
        trickle(connection, is_over)

    limits = HttpLimits(request_timeout_s=0.2, max_wait_s=0.0)
    client = ApiClient(open_http(limits), dialect=DIALECT, limits=limits, clock=SystemClock())
    with server(serve) as url, closing(client):
        client.call(httpx.Request("POST", url), repeatable=False, read=lambda body: body)
        with pytest.raises(OutcomeUnknownError, match="did not answer in"):
            client.call(httpx.Request("POST", url), repeatable=False, read=lambda body: body)
    assert len(asked) == 1, "both went over one connection"


def test_an_answer_in_time_is_taken_and_leaves_no_timer() -> None:
    def serve(connection: socket.socket, _: threading.Event) -> None:
        connection.sendall(GOOD)

    with server(serve) as url:
        call(url)
    timers = [one for one in threading.enumerate() if isinstance(one, threading.Timer)]
    assert all(one.finished.is_set() for one in timers), "its thread may still be on its way out"
