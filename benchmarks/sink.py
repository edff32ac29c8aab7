"""A platform that takes everything and keeps nothing: Meta's shapes, as fast as Python answers.

Run as a process of its own it listens on loopback and prints its address; `answer` alone serves
runs that send no members. Google's uploads are taken, too. With `--delay` it thinks before it
answers an upload. It is no judge of what it gets: the sandbox is.
"""

import argparse
import asyncio
import json
import re

AUDIENCE = "23840000000000001"
NAME = "everybody"
_MEMBERS = re.compile(r"/(users|usersreplace)$|:ingest$")
_SESSION_ID = re.compile(rb'"session_id": ?([0-9]+)')
_SESSION_ROWS = re.compile(rb'"estimated_num_total": ?([0-9]+)')
_TAIL_BYTES = 400
"""The session is at the end of a body; the members before it are left unread."""
_LENGTH = re.compile(rb"content-length: ([0-9]+)", re.IGNORECASE)


def answer(*, method: str, path: str, body: bytes) -> bytes:
    """The JSON of a successful answer to one of the connector's calls."""
    said: dict[str, object]
    if path.endswith(":ingest"):
        said = {"requestId": "1"}
    elif _MEMBERS.search(path):
        frame = body[-_TAIL_BYTES:]
        said = {
            "audience_id": AUDIENCE,
            "session_id": str(_number(_SESSION_ID, frame)),
            "num_received": _number(_SESSION_ROWS, frame),
            "num_invalid_entries": 0,
        }
    elif path.endswith("/customaudiences"):
        said = {"id": AUDIENCE} if method == "POST" else {"data": []}
    else:
        said = {"id": AUDIENCE, "name": NAME}
    return json.dumps(said).encode()


def _number(pattern: re.Pattern[bytes], frame: bytes) -> int:
    found = pattern.search(frame)
    return int(found[1]) if found else 0


class Sink:
    """What came, and how long an upload is thought about."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._uploads = 0
        self._bytes = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection until it is closed."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = _LENGTH.search(head)
                body = await reader.readexactly(int(length[1])) if length else b""
                method, target, _ = head.split(b" ", 2)
                path = target.decode().partition("?")[0]
                said = await self._said(method.decode(), path, body)
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n%s" % (len(said), said)
                )
                await writer.drain()
        except asyncio.IncompleteReadError:
            writer.close()

    async def _said(self, method: str, path: str, body: bytes) -> bytes:
        if path.endswith("/count"):
            return json.dumps({"uploads": self._uploads, "bytes": self._bytes}).encode()
        if _MEMBERS.search(path):
            self._uploads += 1
            self._bytes += len(body)
            await asyncio.sleep(self._delay_s)
        return answer(method=method, path=path, body=body)


async def _listen(delay_s: float) -> None:
    server = await asyncio.start_server(Sink(delay_s).serve, "127.0.0.1", 0, limit=1 << 22)
    port = server.sockets[0].getsockname()[1]
    print(f"http://127.0.0.1:{port}/meta", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds an upload takes")
    asyncio.run(_listen(parser.parse_args().delay))
