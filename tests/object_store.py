"""A real server of S3's protocol on loopback: moto.

It is a process of its own, one for all tests of a process; each test gets a bucket of its own.
"""

import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from itertools import count
from typing import Any

from audsync.config.objects import S3Objects
from audsync.errors import SourceError
from audsync.objects.address import Address
from audsync.objects.bucket import Bucket
from audsync.objects.stores import ObjectAccess
from tests.endings import at_end

KEY, SECRET = "CANARYKEYID", "canary-secret-key"
_numbers = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One bucket, empty at first, and what opens it."""

    address: Address
    entry: S3Objects
    request_timeout_s: float = 20.0
    max_wait_s: float = 5.0

    @property
    def access(self) -> ObjectAccess:
        return ObjectAccess(
            entries=(self.entry,),
            request_timeout_s=self.request_timeout_s,
            max_wait_s=self.max_wait_s,
        )

    def bucket(self) -> Bucket:
        return Bucket(self.address, self.access, fault=SourceError)

    def put(self, key: str, content: bytes) -> str:
        """Store an object; returns its address."""
        self.bucket().put(key, content)
        return str(self.address.at(key))

    def listed(self, prefix: str = "") -> list[str]:
        return sorted(one.address.key for one in self.bucket().below(prefix))

    def content(self, key: str) -> bytes:
        bucket, target = self.bucket(), BytesIO()
        found = bucket.find(key)
        assert found is not None
        bucket.fetch(found, target)
        return target.getvalue()


def s3_place(**settings: Any) -> Place:  # noqa: ANN401 - fields of S3Objects
    """A new bucket of the S3 server."""
    endpoint = _s3_server()
    name = f"test-bucket-{next(_numbers)}"
    _ask(f"{endpoint}/{name}", "PUT")
    fields = {
        "endpoint": endpoint,
        "region": "us-east-1",
        "access_key_id": KEY,
        "secret_access_key": SECRET,
        **settings,
    }
    entry = S3Objects.model_validate({"type": "s3", **fields})
    return Place(address=Address(scheme="s3", bucket=name, key=""), entry=entry)


def s3_yaml() -> str:
    """The way into every bucket, for a configuration file."""
    return (
        f"objects:\n  - {{type: s3, endpoint: '{_s3_server()}', region: us-east-1,"
        f" access_key_id: {KEY}, secret_access_key: {SECRET}}}\n"
    )


@cache
def _s3_server() -> str:
    """Start the server; it answers when this returns its URL, and ends with this process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    at_end(process.wait)
    at_end(process.kill)
    url = f"http://127.0.0.1:{port}"
    while process.poll() is None:
        try:
            _ask(url, "GET")
        except OSError:
            time.sleep(0.05)
        else:
            return url
    message = "the S3 server did not start"
    raise RuntimeError(message)


def _ask(url: str, method: str) -> None:
    urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=10).close()
