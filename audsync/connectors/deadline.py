"""An end for the wait for an answer: the time-outs of httpx begin anew with every byte.

A server that sends its headers a byte at a time would hold a sync for as long as it likes. httpx
tells of each step of a request (https://www.python-httpx.org/advanced/extensions/#trace, read
2026-11-22); from the last byte sent to the end of the headers a timer runs that breaks the
connection. The body has an end of its own, see `http`.
"""

import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import httpx

_GRACE_S = 1.0
"""Where nothing comes at all, the time-out of httpx is first, and says so."""
_CONNECTED = (".connect_tcp.complete", ".start_tls.complete")
_WAITS = ".receive_response_headers.started"
_WAITED = (".receive_response_headers.complete", ".receive_response_headers.failed")


class Deadline:
    """For the requests of one client, which leave one after the other.

    Args:
        timeout_s: how long an answer may take to begin.
    """

    def __init__(self, timeout_s: float) -> None:
        self._after_s = timeout_s + _GRACE_S
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._timer: threading.Timer | None = None
        self._has_passed = False

    def watch(self, request: httpx.Request) -> None:
        """Have this request end in time."""
        self._has_passed = False
        request.extensions["trace"] = self._told

    @property
    def has_passed(self) -> bool:
        """Whether the connection of the last request was broken for it."""
        return self._has_passed

    def _told(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith(_CONNECTED):
            found = info["return_value"].get_extra_info("socket")
            with self._lock:
                self._sockets = [one for one in self._sockets if one.fileno() >= 0]
                self._sockets.append(found)
        elif event.endswith(_WAITS):
            started = threading.Timer(self._after_s, lambda: self._end(started))
            started.daemon = True
            self._timer = started
            started.start()
        elif event.endswith(_WAITED):
            with self._lock:
                timer, self._timer = self._timer, None
            if timer is not None:
                timer.cancel()

    def _end(self, timer: threading.Timer) -> None:
        with self._lock:
            if self._timer is not timer:
                return  # the headers came at this very moment
            self._has_passed = True
            for one in self._sockets:
                # Not the TLS socket's own, which would take its session from whoever reads.
                with suppress(OSError):
                    socket.socket.shutdown(one, socket.SHUT_RDWR)
