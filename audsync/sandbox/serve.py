"""The sandbox on a loopback socket: HTTP/1.1 with keep-alive, a thread for each connection."""

import logging
import os
import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from typing import Any

from audsync.errors import UsageError
from audsync.sandbox import router
from audsync.sandbox.contract import Answer, Ending
from audsync.sandbox.faults import load
from audsync.sandbox.world import World

_LOG = logging.getLogger(__name__)
_MAX_BODY_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Running:
    """A sandbox that listens."""

    url: str
    """Where the `/_sandbox` endpoints are."""
    world: World

    @property
    def base_urls(self) -> dict[str, str]:
        """What to set as a connection's `base_url`, by platform."""
        return {name: f"{self.url}/{name}" for name in self.world.platforms}


@contextmanager
def serve(
    *, port: int = 0, faults: Path | None = None, host: str = "127.0.0.1"
) -> Iterator[Running]:
    """Listen until the block ends.

    Args:
        port: 0 for any free one.
        faults: a JSON file of fault rules to start with.
        host: the address to listen on.

    Raises:
        ConfigError: the fault rules cannot be used, or the port is taken.
    """
    world = World(faults=load(faults) if faults is not None else ())
    try:
        server = _Server((host, port), world)
    except OSError as problem:
        message = f"cannot listen on {host}:{port}: {problem.strerror}; choose another --port"
        raise UsageError(message) from problem
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="sandbox", daemon=True
    )
    thread.start()
    try:
        yield Running(f"http://{host}:{server.server_address[1]}", world)
    finally:
        server.stop()
        thread.join()


def serve_forever(
    *,
    port: int = 0,
    faults: Path | None = None,
    host: str = "127.0.0.1",
    on_ready: Callable[[Running], None],
) -> None:
    """Listen until SIGINT or SIGTERM; call it in the main thread.

    `on_ready` is called once, when calls are being answered. See `serve` for the rest.
    """
    asked_to_stop = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        asked_to_stop.set()

    earlier = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with serve(port=port, faults=faults, host=host) as running:
            on_ready(running)
            asked_to_stop.wait()
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], world: World) -> None:
        self.world = world
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(address, _Handler)

    def stop(self) -> None:
        """Stop listening, and close the connections that clients keep alive."""
        self.stopping.set()
        self.shutdown()
        self.server_close()
        with self._guard:
            for connection in self._open:
                _shut(connection)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - socketserver's own types
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - socketserver's own types
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401, ARG002 - socketserver's own types
        """A client that went away is none; anything else is a bug of the sandbox."""
        _LOG.exception("the sandbox failed on a request")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "audsync-sandbox"
    sys_version = ""
    disable_nagle_algorithm = True
    server: _Server

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: a request line may hold a token; `/_sandbox/requests` has the rest."""

    def _serve(self) -> None:
        body = self._body()
        if body is None:
            return
        host = self.headers.get("Host", "127.0.0.1")
        request = router.Request(
            method=self.command,
            target=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
            origin=f"http://{host}",
        )
        self._send(router.answer(self.server.world, request))

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = _serve  # noqa: N815 - the base class's names

    def _body(self) -> bytes | None:
        """The request's body; None when an error was answered instead."""
        if "Transfer-Encoding" in self.headers:
            self.send_error(411)
            return None
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > _MAX_BODY_BYTES:
            self.send_error(413)
            return None
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            # The client gave up half-way: nothing is applied and nobody reads an answer.
            self.close_connection = True
            return None
        return body

    def _send(self, answer: Answer) -> None:
        if answer.delay_s:
            self.server.stopping.wait(answer.delay_s)
        if answer.ending in (Ending.RESET, Ending.REFUSED):
            self._reset()
            return
        if answer.ending is Ending.SILENCE:
            self.close_connection = True
            return
        # Not send_response: it would add a second Date, of the machine's clock.
        self.send_response_only(answer.status)
        self.send_header("Server", self.version_string())
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        is_cut = answer.ending is Ending.CUT
        self.wfile.write(answer.body[: len(answer.body) // 2] if is_cut else answer.body)
        if is_cut:
            self.close_connection = True

    def _reset(self) -> None:
        """Close so that the client sees a reset, not an orderly end."""
        self.close_connection = True
        linger_none = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_none)
        os.close(self.connection.detach())


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # already closed by the other side
