import os
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from audsync.errors import ConfigError
from audsync.sandbox.serve import Running, serve, serve_forever
from tests.sandbox.client import AUTHORISED, Meta, hashed


def address(meta: Meta) -> tuple[str, int]:
    url = urlsplit(meta.root)
    assert url.hostname
    assert url.port
    return url.hostname, url.port


def test_a_connection_is_kept_alive(served: Meta) -> None:
    request = (
        b"GET /meta/v26.0/act_1001 HTTP/1.1\r\nHost: here\r\n"
        b"Authorization: Bearer sandbox-meta-token\r\n\r\n"
    )
    with socket.create_connection(address(served), timeout=5) as connection:
        for _ in range(3):
            connection.sendall(request)
            answer = b""
            while not answer.endswith(b'{"id":"act_1001"}'):
                answer += connection.recv(65_536)
            assert answer.startswith(b"HTTP/1.1 200")


def test_a_request_that_breaks_off_is_not_applied(served: Meta) -> None:
    audience = served.create()
    body = b'{"payload":{"schema":["EXTERN_ID"],"data":[["a"]]}}'
    head = (
        f"POST /meta/v26.0/{audience}/users HTTP/1.1\r\nHost: here\r\n"
        "Authorization: Bearer sandbox-meta-token\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(address(served), timeout=5) as connection:
        connection.sendall(head.encode() + body[:-1])
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    assert served.remote(audience).identifiers == frozenset()


@pytest.mark.parametrize(
    ("header", "status"),
    [("Transfer-Encoding: chunked", 411), ("Content-Length: 99999999999", 413)],
)
def test_a_body_of_unknown_or_absurd_length_is_refused(
    served: Meta, header: str, status: int
) -> None:
    with socket.create_connection(address(served), timeout=5) as connection:
        connection.sendall(
            f"POST /meta/v26.0/x HTTP/1.1\r\nHost: here\r\n{header}\r\n\r\n".encode()
        )
        assert connection.recv(65_536).startswith(f"HTTP/1.1 {status}".encode())


def test_eight_threads_at_once(served: Meta) -> None:
    audience = served.create()

    def hammer(thread: int) -> None:
        with httpx.Client(headers=AUTHORISED, timeout=30) as http:
            meta = Meta(http, served.base_url, served.world)
            for turn in range(10):
                rows = [[f"{thread}-{turn}-{row}", hashed(f"{row}")] for row in range(20)]
                assert meta.upload(audience, ["EXTERN_ID", "EMAIL"], rows).status_code == 200
                gone = [[f"{thread}-{turn}-0"]]
                answer = meta.upload(audience, ["EXTERN_ID"], gone, method="DELETE")
                assert answer.status_code == 200

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(hammer, range(8)))
    identifiers = served.remote(audience).identifiers
    assert len([value for key, value in identifiers if key == "EXTERN_ID"]) == 8 * 10 * 19
    assert len([value for key, value in identifiers if key == "EMAIL"]) == 20
    assert len(served.world.journal.requests()) == 161


def test_a_full_batch_is_taken(served: Meta) -> None:
    audience = served.create()
    rows = [[f"crm-{row}", hashed(f"mail-{row}"), hashed(f"phone-{row}")] for row in range(10_000)]
    answer = served.upload(audience, ["EXTERN_ID", "EMAIL", "PHONE"], rows)
    assert answer.json()["num_received"] == 10_000
    assert served.remote(audience).person_count == 10_000


def test_faults_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    path.write_text('[{"kind": "status", "status": 503}]')
    with serve(faults=path) as running, httpx.Client(headers=AUTHORISED) as http:
        url = f"{running.base_urls['meta']}/v26.0/act_1001"
        assert [http.get(url).status_code for _ in range(2)] == [503, 200]


def test_a_taken_port_is_named() -> None:
    with serve() as running:
        port = urlsplit(running.url).port or 0
        with (
            pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}"),
            serve(port=port),
        ):
            pass


def test_stopping_does_not_wait_for_idle_or_hanging_clients() -> None:
    with serve() as running, httpx.Client(headers=AUTHORISED) as http:
        meta = Meta(http, running.base_urls["meta"], running.world)
        meta.call("GET", "act_1001")
        meta.arm({"kind": "hang", "seconds": 300})
        hanging = threading.Thread(target=_ask_and_fail, args=(running,))
        hanging.start()
        while len(running.world.journal.requests()) < 2:
            threading.Event().wait(0.01)
    hanging.join(timeout=5)
    assert not hanging.is_alive()


def _ask_and_fail(running: Running) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{running.base_urls['meta']}/v26.0/act_1001", headers=AUTHORISED, timeout=60)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    seen: list[int] = []

    def on_ready(running: Running) -> None:
        seen.append(httpx.get(f"{running.url}/_sandbox/health").status_code)
        os.kill(os.getpid(), number)

    serve_forever(on_ready=on_ready)
    assert seen == [200]
    assert signal.getsignal(number) is before
