"""Runs of audsync without the second that every start takes to import its libraries.

A process imports them once, before any thread exists, and forks for each run. What is forked has
its own memory, files and process id, and dies of SIGKILL like any other: only the start is
quicker, which is what makes a run for each step of a job affordable.
"""

import gc
import importlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PATIENCE_S = 90
_MARGIN_S = 0.1
"""What a short lease must outlast a request's time-out by."""
PRELOADED = (
    "alembic.command",
    "anyio",
    "audsync.cli.app",
    "audsync.cli.audiences",
    "audsync.cli.due",
    "audsync.cli.progress",
    "audsync.cli.syncing",
    "audsync.config.load",
    "audsync.connectors.google.connector",
    "audsync.connectors.meta.connector",
    "audsync.connectors.snapchat.connector",
    "audsync.connectors.tiktok.connector",
    "audsync.services.jobs.aftermath",
    "audsync.services.audiences",
    "audsync.services.jobs.creation",
    "audsync.services.jobs.planning",
    "audsync.services.wiring.gates",
    "audsync.services.cron.run_due",
    "audsync.services.wiring.shared_tokens",
    "audsync.services.wiring.timings",
    "audsync.store.migrate",
    "audsync.store.settings",
    "audsync.sync.desired",
    "dateutil.relativedelta",
    "dateutil.tz",
    "duckdb",
    "encodings.idna",
    "httpcore",
    "numpy.ma",
    "pyarrow.dataset",
    "sqlite3",
)
"""What takes longest to import."""
SOME_CONFIG = """\
connections:
  meta: {platform: meta, account: act_1, credentials: {access_token: none}}
  tiktok: {platform: tiktok, account: "1", credentials: {access_token: none}}
segments:
  vip: {source: {type: file, path: none.csv}, columns: {profile_id: id, email: email}}
"""
QUIET = {
    "OPENBLAS_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "_RJEM_MALLOC_CONF": "background_thread:false",
}
"""Keeps numpy, Arrow and Polars from starting threads when imported: a fork would not have them."""
HARMLESS_THREADS = {"polars-ooc-clea"}
"""Removes what Polars spilled to disk; nothing ever waits for it."""


@dataclass(kw_only=True)
class Haste:
    """What a run has for time, where nobody is to wait for a platform."""

    nap_s: float = 0.05
    """It never sleeps longer at once."""
    ahead_s: float = 0.0
    """How far its clock is ahead."""
    lease_s: float = 0.0
    """How long its leases last; 0 for as long as they do."""


class Forked:
    """A run that was forked; what tests use of `subprocess.Popen`."""

    def __init__(self, server: "ForkServer", pid: int, said: Path) -> None:
        self.returncode: int | None = None
        self._server = server
        self.pid = pid
        self._said = said

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def poll(self) -> int | None:
        """The exit code, negative for the signal that killed it; None while it runs."""
        if self.returncode is None:
            self.returncode = self._server.ask({"ended": self.pid})
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: it goes on.
        """
        if self.poll() is None:
            # Until the server asks for its exit code it is there, if only as a zombie.
            file = os.pidfd_open(self.pid)
            try:
                ended, _, _ = select.select([file], [], [], timeout)
            finally:
                os.close(file)
            if not ended:
                raise subprocess.TimeoutExpired("audsync", timeout or 0.0)
        code = self.poll()
        assert code is not None
        return code

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end; what it wrote to stdout and stderr."""
        self.wait(timeout)
        # Killed at once, it has not even made them.
        made = {file.name: file.read_text(encoding="utf-8") for file in self._said.iterdir()}
        return made.get("out", ""), made.get("err", "")


class ForkServer:
    """A process that forks for every command line it is given."""

    def __init__(self, through: Sequence[str] = ()) -> None:
        """Start it, by the command `through`, which may give it a host of its own."""
        self._count = 0
        self._folder = Path(tempfile.mkdtemp(prefix="audsync-forks-"))
        self._process = subprocess.Popen(
            [*through, sys.executable, __file__],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **QUIET},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @property
    def pid(self) -> int:
        """The process whose namespaces all its runs have."""
        return self._process.pid

    def start(
        self,
        arguments: Sequence[str],
        *,
        folder: Path,
        env: Mapping[str, str],
        haste: "Haste | None" = None,
    ) -> Forked:
        """Start `audsync` with these arguments in `folder`."""
        self._count += 1
        said = self._folder / str(self._count)
        said.mkdir()
        wish = {
            "arguments": list(arguments),
            "folder": str(folder),
            "env": dict(env),
            "said": str(said),
            "haste": asdict(haste) if haste else None,
        }
        return Forked(self, self.ask(wish), said)

    def ask(self, question: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
        """One line to the server, one from it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the fork server has ended; its stderr is above"
        return json.loads(answer)

    def close(self) -> None:
        """End the server."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        shutil.rmtree(self._folder)


def serve_forks() -> None:
    """For every line of stdin fork, and tell the child's id; or tell how a child ended."""
    for name in PRELOADED:
        importlib.import_module(name)
    # Made once in a process, which takes half as long as all the rest of a small sync.
    importlib.import_module("audsync.identifiers.phone_rules").compiled()
    importlib.import_module("audsync.connectors.http").trust()
    _load_a_config()
    importlib.import_module("sqlalchemy.orm").configure_mappers()
    threads = {file.read_text().strip() for file in Path("/proc/self/task").glob("*/comm")}
    threads -= {Path("/proc/self/comm").read_text().strip(), *HARMLESS_THREADS}
    assert not threads, f"{threads} are there already: a fork would not be a fresh start"
    gc.freeze()  # a collection in a child would touch, and so copy, all of this memory
    for line in sys.stdin:
        asked = json.loads(line)
        answer = _exit_code(asked["ended"]) if "ended" in asked else os.fork()
        if answer == 0 and "ended" not in asked:
            _become(asked)
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()


def _load_a_config() -> None:
    """Have the validators of the settings built, each of which waits for its first use."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "audsync.yaml")
        file.write_text(SOME_CONFIG)
        importlib.import_module("audsync.config.load").load_config(file, {})


def _exit_code(child: int) -> int | None:
    pid, status = os.waitpid(child, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if pid else None


def _become(wish: Mapping[str, Any]) -> None:
    """Be the run that was wished for; never returns."""
    os.chdir(wish["folder"])
    os.environ.clear()
    os.environ.update(wish["env"])
    for number, name in ((1, "out"), (2, "err")):
        file = os.open(Path(wish["said"], name), os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(file, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    signal.alarm(PATIENCE_S)
    if wish["haste"]:
        _hurry(Haste(**wish["haste"]))
    code = 1
    try:
        from audsync.cli.app import run

        code = run(wish["arguments"])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _hurry(haste: "Haste") -> None:
    """Give this run another time."""
    clock = importlib.import_module("audsync.clock").SystemClock
    now, sleep, ahead = clock.now, clock.sleep, timedelta(seconds=haste.ahead_s)
    clock.now = lambda self: now(self) + ahead
    clock.sleep = lambda self, seconds: sleep(self, min(seconds, haste.nap_s))
    if haste.lease_s:
        vars(importlib.import_module("audsync.store.leases"))["TTL_S"] = haste.lease_s
        for name in ("audsync.services.jobs.heartbeat", "audsync.services.jobs.sync_audience"):
            vars(importlib.import_module(name))["MARGIN_S"] = _MARGIN_S


if __name__ == "__main__":
    serve_forks()
