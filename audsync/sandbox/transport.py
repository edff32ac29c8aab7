"""The sandbox behind httpx in one process: no sockets, and no waiting even for faults that wait."""

from collections.abc import Iterator

import httpx

from audsync.sandbox import router
from audsync.sandbox.contract import Answer, Ending
from audsync.sandbox.world import World


class SandboxTransport(httpx.BaseTransport):
    """Hand every request to `world`; the host in the URL does not matter.

    What would be a broken connection raises as httpx raises it over a socket. A slow answer
    comes at once, or as a ReadTimeout if it would take longer than the client waits.
    """

    def __init__(self, world: World) -> None:
        self.world = world

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        answer = router.answer(
            self.world,
            router.Request(
                method=request.method,
                target=url.raw_path.decode("ascii"),
                headers={name.lower(): value for name, value in request.headers.items()},
                body=request.read(),
                origin=f"{url.scheme}://{url.netloc.decode('ascii')}",
            ),
        )
        _raise_for(answer, request)
        return httpx.Response(
            answer.status, headers=dict(answer.headers), stream=_Body(answer, request)
        )


def _raise_for(answer: Answer, request: httpx.Request) -> None:
    if answer.ending is Ending.REFUSED:
        raise httpx.ConnectError("[Errno 111] Connection refused", request=request)
    if answer.ending is Ending.RESET:
        raise httpx.ReadError("[Errno 104] Connection reset by peer", request=request)
    patience = request.extensions.get("timeout", {}).get("read")
    is_too_slow = patience is not None and answer.delay_s > patience
    if answer.ending is Ending.SILENCE or is_too_slow:
        raise httpx.ReadTimeout("The read operation timed out", request=request)


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: Answer, request: httpx.Request) -> None:
        self._answer = answer
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        body = self._answer.body
        if self._answer.ending is Ending.CUT:
            yield body[: len(body) // 2]
            message = "peer closed connection without sending complete message body"
            raise httpx.RemoteProtocolError(message, request=self._request)
        yield body
