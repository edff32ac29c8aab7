"""A platform that takes everything and keeps nothing: Meta's shapes, as fast as Python answers.

Run as a process of its own it listens on loopback and prints its address; `answer` alone serves
runs that send no members. It is no judge of what it gets: the sandbox is.
"""

import asyncio
import json
import re

AUDIENCE = "23840000000000001"
NAME = "everybody"
_MEMBERS = re.compile(r"/(users|usersreplace)$")
_SESSION_ID = re.compile(rb'"session_id": ?([0-9]+)')
_SESSION_ROWS = re.compile(rb'"estimated_num_total": ?([0-9]+)')
_TAIL_BYTES = 400
"""The session is at the end of a body; the members before it are left unread."""
_LENGTH = re.compile(rb"content-length: ([0-9]+)", re.IGNORECASE)


def answer(*, method: str, path: str, body: bytes) -> bytes:
    """The JSON of a successful answer to one of the connector's calls."""
    said: dict[str, object]
    if _MEMBERS.search(path):
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


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection until it is closed."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = _LENGTH.search(head)
            body = await reader.readexactly(int(length[1])) if length else b""
            method, target, _ = head.split(b" ", 2)
            said = answer(method=method.decode(), path=target.decode().partition("?")[0], body=body)
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(said), said)
            )
            await writer.drain()
    except asyncio.IncompleteReadError:
        writer.close()


async def _listen() -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0, limit=1 << 22)
    port = server.sockets[0].getsockname()[1]
    print(f"http://127.0.0.1:{port}/meta", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_listen())
