"""Uploads at full rate: a whole first upload beside a bare loop that posts as many bytes.

Both talk to the same sink on loopback, which takes a while to answer, as platforms do, and both
have as many requests under way as the platform lets. What is timed of ours is the phase in which
it sends: reading the plan, encoding, the ledger's transaction for each request, the quotas.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from benchmarks import data
from benchmarks.measure import ROOT, repeat, run
from benchmarks.pipeline import Stopwatch, create, runtime_for
from benchmarks.report import table

if TYPE_CHECKING:
    from audsync.services.wiring.runtime import Runtime

ROWS = 300_000
DELAYS_S = ("0", "0.05", "0.15", "0.5")
PLATFORMS = ("meta", "google")
WANTED = 0.8
"""Of what the bare loop reaches."""


class _UploadsElsewhere(httpx.BaseTransport):
    """Uploads go to the sink, over a socket; the sandbox answers everything else."""

    def __init__(self, sandbox: httpx.BaseTransport, sink: str) -> None:
        self._sandbox = sandbox
        self._sink = httpx.URL(sink)
        self._sockets = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("audienceMembers:ingest"):
            return self._sandbox.handle_request(request)
        request.url = self._sink.copy_with(raw_path=request.url.raw_path)
        return self._sockets.handle_request(request)


def _google(folder: Path, sink: str, watch: Stopwatch) -> "Runtime":
    from audsync.config.load import load_config
    from audsync.sandbox.transport import SandboxTransport
    from audsync.sandbox.world import World
    from audsync.services.wiring.runtime import Runtime
    from tests.services.test_platforms import CASES

    path = folder / "audsync.yaml"
    text = path.read_text()
    before, after = text.index("connections:"), text.index("segments:")
    connection = "    platform: google\n    base_url: https://sandbox.test/google"
    path.write_text(
        f"{text[:before]}connections:\n  sink:\n{connection}{CASES['google'].connection}"
        + text[after:]
    )
    world = World()
    return Runtime(
        config=load_config(path, {"HOME": str(folder)}),
        progress=watch,
        transport=lambda: _UploadsElsewhere(SandboxTransport(world), sink),
    )


def upload(platform: str, delay_s: str, rows: int) -> dict[str, float]:
    """Upload everybody, then post as many bytes in as many requests by a bare loop."""
    folder = Path(tempfile.mkdtemp(prefix="audsync-uploads-"))
    sink = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.sink", "--delay", delay_s],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert sink.stdout is not None
        url = sink.stdout.readline().strip()
        watch = Stopwatch(stops_at_send=False)
        runtime = runtime_for(folder, data.parquet(rows, 1), url=url, watch=watch)
        if platform == "google":
            runtime = _google(folder, url, watch)
        create(runtime)
        sent = httpx.get(f"{url}/count").json()
        at_once = runtime.spec_of(runtime.connection("sink")).requests_at_once
        ours = watch.phases()["send"]
        wall_s, cpu_s = _timed(lambda: _bare(url, sent, at_once))
        return {
            **sent,
            "at_once": at_once,
            "ours_s": ours["wall_s"],
            "ours_cpu_s": ours["cpu_s"],
            "bare_s": wall_s,
            "bare_cpu_s": cpu_s,
        }
    finally:
        sink.kill()
        sink.wait()
        shutil.rmtree(folder)


def _bare(url: str, sent: dict[str, int], at_once: int) -> None:
    """The same number of requests of the same size, by httpx and nothing else."""
    body = b"x" * (sent["bytes"] // sent["uploads"])
    clients = [httpx.Client(timeout=60) for _ in range(at_once)]

    def post(number: int) -> None:
        clients[number % at_once].post(f"{url}/users", content=body).raise_for_status()

    def lane(first: int) -> None:
        for number in range(first, sent["uploads"], at_once):
            post(number)

    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lane, range(at_once)))
    for client in clients:
        client.close()


def _timed(act: Callable[[], None]) -> tuple[float, float]:
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    act()
    return round(time.perf_counter() - wall_s, 2), round(time.process_time() - cpu_s, 2)


def compare() -> str:
    """A table of uploads by platform and by how long the sink takes to answer."""
    run("-m", "benchmarks.data", "--rows", str(ROWS))
    cells = []
    for platform in PLATFORMS:
        for delay_s in DELAYS_S:
            print(f"uploads {platform} {delay_s}", file=sys.stderr, flush=True)
            said = repeat("-m", "benchmarks.uploads", platform, delay_s, times=3).said
            share = said["bare_s"] / said["ours_s"]
            cells.append(
                [
                    platform,
                    f"{float(delay_s) * 1000:.0f}",
                    f"{said['at_once']:.0f}",
                    f"{said['uploads']:.0f}",
                    f"{said['bytes'] / said['uploads'] / 1e3:,.0f}",
                    f"{said['ours_s']:.2f}",
                    f"{said['bare_s']:.2f}",
                    f"{share:.0%}{'' if share >= WANTED else ' **not met**'}",
                ]
            )
    head = ["platform", "answers after ms", "at once", "requests", "kB each"]
    head += ["audsync s", "bare loop s", f"rate reached, wanted {WANTED:.0%}"]
    return table(head, cells)


def main() -> None:
    """Run one case; prints seconds, requests and bytes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("platform", choices=PLATFORMS)
    parser.add_argument("delay_s")
    parser.add_argument("--rows", type=int, default=ROWS)
    options = parser.parse_args()
    print(json.dumps(upload(options.platform, options.delay_s, options.rows)))


if __name__ == "__main__":
    main()
