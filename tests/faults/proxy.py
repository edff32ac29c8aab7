"""A TCP proxy that hurts what passes: the network between audsync and a platform.

It copies bytes both ways and looks at a request's first bytes only, to choose whom it strikes. One
event loop in a thread of its own serves all connections.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Self, TypeVar

_METHODS = (b"GET ", b"POST ", b"PUT ", b"PATCH ", b"DELETE ")
_CHUNK_BYTES = 65_536
_HEAD_ENDS = b"\r\n\r\n"
_RESETTING = struct.pack("ii", 1, 0)
T = TypeVar("T")


class Act(StrEnum):
    """How a connection ends for the client."""

    CLOSE = "close"
    RESET = "reset"
    HALF_CLOSE = "half-close"
    """The proxy says that it has no more to say, and goes on listening."""
    SILENCE = "silence"
    """Not a byte more, and no end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mischief:
    """What befalls some requests, each counted from its own first byte."""

    about: str = ""
    """A part of the request line."""
    nth: int = 1
    """The first of the fitting requests that it strikes."""
    times: int = 1
    """How many it strikes; 0 for no end."""
    request_bytes: int | None = None
    """How many bytes of the request pass; None for all."""
    response_bytes: int | None = None
    """How many bytes of the answer pass; None for all."""
    act: Act = Act.CLOSE
    """What happens then."""
    latency_s: float = 0.0
    """How long each piece of an answer waits."""
    bytes_per_s: float = 0.0
    """How quickly an answer's body passes, its head at once; 0 for all at once."""
    do: Callable[[], None] | None = None
    """Called before the request is passed on."""


_SILENCE = Mischief(request_bytes=0, response_bytes=0, act=Act.SILENCE)


@dataclass(slots=True)
class _Armed:
    mischief: Mischief
    seen: int = 0

    def wants(self, head: bytes) -> bool:
        """Count a request; whether this one is to be struck."""
        line = head.split(b"\r\n", 1)[0]
        if self.mischief.about.encode() not in line:
            return False
        self.seen += 1
        first, times = self.mischief.nth, self.mischief.times
        return self.seen >= first and (not times or self.seen < first + times)


@dataclass(slots=True, eq=False)
class _Link:
    """One connection of a client, and the one to the platform that belongs to it."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter
    mischief: Mischief = field(default_factory=Mischief)
    request_left: float = float("inf")
    response_left: float = float("inf")
    is_over: bool = False

    def begin(self, mischief: Mischief) -> None:
        """A request begins, and this befalls it."""
        sent, answered = mischief.request_bytes, mischief.response_bytes
        self.mischief = mischief
        self.request_left = float("inf") if sent is None else sent
        self.response_left = float("inf") if answered is None else answered

    def strike(self) -> None:
        """The limit is reached: end as it was wished."""
        self.is_over = True
        self.far.close()
        if self.mischief.act is Act.RESET:
            _reset(self.near)
        elif self.mischief.act is Act.HALF_CLOSE:
            self.near.write_eof()
        elif self.mischief.act is Act.CLOSE:
            self.near.close()


class Proxy:
    """Listens until it is closed; `url` stands for the platform's address."""

    def __init__(
        self, target: str | Path, *, place: Path | None = None, host: str = "127.0.0.1"
    ) -> None:
        """Listen before `target`.

        Args:
            target: `http://HOST:PORT`, or a socket's path.
            place: the path of a socket to listen on; None for a port of `host`.
            host: an address of this machine.
        """
        self._host = host
        self._target = target
        self._place = place
        self._armed: list[_Armed] = []
        self._links: list[_Link] = []
        self._is_silent = False
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.struck = 0
        """How many requests were struck."""
        self._port = 0
        self.open()

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self._port}"

    @property
    def port(self) -> int:
        """Where it listens, also while it is shut."""
        return self._port

    def arm(self, *mischiefs: Mischief) -> None:
        """From now on these and no others; the first that wants a request gets it."""
        self.struck = 0
        self._armed = [_Armed(each) for each in mischiefs]

    def strike_all(self, mischief: Mischief) -> None:
        """Let this befall whatever passes on the connections that there are, from now on."""
        self._call(self._strike_all(mischief))

    def fall_silent(self) -> None:
        """Pass not a byte more, also on connections to come, and end none of them, until `shut`."""
        self._call(self._fall_silent())

    def shut(self) -> None:
        """Listen no more, and end every connection: whoever calls is refused."""
        self._call(self._shut())

    def open(self) -> None:
        """Listen, on the port of before."""
        if self._server is None:
            self._call(self._open())

    def restart(self) -> None:
        """End every connection, and serve those to come as if nothing had been."""
        self.shut()
        self.open()

    def close(self) -> None:
        """End it for good."""
        self._call(self._shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _open(self) -> None:
        if self._place is not None:
            self._server = await asyncio.start_unix_server(self._serve, self._place)
            return
        self._server = await asyncio.start_server(self._serve, self._host, self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _shut(self) -> None:
        self._is_silent = False
        if self._server is not None:
            self._server.close()
            self._server = None
        me = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not me]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _strike_all(self, mischief: Mischief) -> None:
        for link in self._links:
            link.begin(mischief)

    async def _fall_silent(self) -> None:
        self._is_silent = True
        await self._strike_all(_SILENCE)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, Path):
            return await asyncio.open_unix_connection(self._target)
        host, _, port = self._target.removeprefix("http://").partition(":")
        return await asyncio.open_connection(host, int(port))

    async def _serve(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        try:
            answers, far = await self._connect()
        except OSError:
            near.close()
            return
        link = _Link(near, far)
        if self._is_silent:
            link.begin(_SILENCE)
        self._links.append(link)
        back = asyncio.ensure_future(_answered(link, answers))
        try:
            await self._forth(link, reader)
            await back
        except (ConnectionError, asyncio.CancelledError):
            return  # the client went away, or the proxy is shut
        finally:
            self._links.remove(link)
            back.cancel()
            near.close()
            far.close()

    async def _forth(self, link: _Link, reader: asyncio.StreamReader) -> None:
        """The client's bytes, until it has no more."""
        while chunk := await reader.read(_CHUNK_BYTES):
            if chunk.startswith(_METHODS):
                link.begin(self._chosen(chunk))
            if link.is_over:
                continue  # nobody is there to hear it
            passing = chunk[: int(min(link.request_left, len(chunk)))]
            link.far.write(passing)
            await link.far.drain()
            link.request_left -= len(passing)
            if link.request_left <= 0:
                link.strike()
        link.far.close()

    def _chosen(self, head: bytes) -> Mischief:
        wanting = [armed.mischief for armed in self._armed if armed.wants(head)]
        if not wanting:
            return Mischief()
        self.struck += 1
        if wanting[0].do is not None:
            wanting[0].do()
        return wanting[0]


async def _answered(link: _Link, answers: asyncio.StreamReader) -> None:
    """Hand on what the platform says, and that it hung up."""
    try:
        await _back(link, answers)
    except ConnectionError:
        _reset(link.near)


async def _back(link: _Link, answers: asyncio.StreamReader) -> None:
    """The platform's bytes, at the pace of the mischief."""
    while not link.is_over and (chunk := await answers.read(_CHUNK_BYTES)):
        mischief = link.mischief
        await asyncio.sleep(mischief.latency_s)
        passing = chunk[: int(min(link.response_left, len(chunk)))]
        head = passing.find(_HEAD_ENDS) + len(_HEAD_ENDS) if passing.startswith(b"HTTP/") else 0
        at_once = head if mischief.bytes_per_s else len(passing)
        link.near.write(passing[:at_once])
        for byte in passing[at_once:]:
            await asyncio.sleep(1 / mischief.bytes_per_s)
            if link.near.is_closing():
                return
            link.near.write(bytes((byte,)))
        await link.near.drain()
        link.response_left -= len(passing)
        if link.response_left <= 0:
            link.strike()
    if not link.is_over:
        link.near.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close so that the other side sees a reset, not an orderly end."""
    line: socket.socket = writer.get_extra_info("socket")
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESETTING)
    writer.transport.abort()
