"""Runs of audsync without the second that every start takes to import its libraries.

A process imports them once, before any thread exists, and forks for each run. What is forked has
its own memory, files and process id, and dies of SIGKILL like any other: only the start is
quicker, which is what makes a run for each step of a job affordable.
"""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PATIENCE_S = 90
PRELOADED = (
    "alembic.command",
    "audsync.cli.app",
    "audsync.config.load",
    "audsync.connectors.http",
    "audsync.services.aftermath",
    "audsync.store.migrate",
    "audsync.sync.run",
    "duckdb",
)
"""What takes longest to import, less what starts threads: those, a fork would not have."""


class ForkServer:
    """A process that runs one command line after the other, each in a child of its own."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, __file__],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self, arguments: Sequence[str], *, folder: Path, env: Mapping[str, str]
    ) -> tuple[int, str, str]:
        """Run `audsync` with these arguments to its end.

        Returns:
            the exit code, negative for the signal that killed it; stdout; stderr.
        """
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        wish = {"arguments": list(arguments), "folder": str(folder), "env": dict(env)}
        self._server.stdin.write(json.dumps(wish) + "\n")
        self._server.stdin.flush()
        answer = self._server.stdout.readline()
        assert answer, "the fork server has ended; its stderr is above"
        return (
            int(answer),
            (folder / "out").read_text(encoding="utf-8"),
            (folder / "err").read_text(encoding="utf-8"),
        )

    def close(self) -> None:
        """End the server."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.close()
        self._server.wait()
        self._server.stdout.close()


def serve_forks() -> None:
    """Fork for every line of stdin, and tell how each child ended."""
    for name in PRELOADED:
        importlib.import_module(name)
    threads = len(os.listdir("/proc/self/task"))  # noqa: PTH208 - names only
    assert threads == 1, f"{threads} threads are there already: a fork would not be a fresh start"
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _become(json.loads(line))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _become(wish: Mapping[str, Any]) -> None:
    """Be the run that was wished for; never returns."""
    import signal

    os.chdir(wish["folder"])
    os.environ.clear()
    os.environ.update(wish["env"])
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    signal.alarm(PATIENCE_S)
    code = 1
    try:
        from audsync.cli.app import run

        code = run(wish["arguments"])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve_forks()
