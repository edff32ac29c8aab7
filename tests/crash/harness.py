"""audsync as a person runs it: a project folder, real processes, and a sandbox as the witness.

Only what the product promises to the outside is used here: commands, files, exit codes, JSON,
`base_url`, the sandbox's own endpoints, and AUDSYNC_CRASH_AT, which cuts the power.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.crash.forks import Forked, ForkServer
from tests.crash.people import Identifier, Segment, strays

ROOT = Path(__file__).parents[2]
PATIENCE_S = 90.0
"""No run may take longer: a test that ends by this has found a deadlock."""
BOOKS = ("profiles_unchanged", "profiles_sent", "profiles_pending")

_CONFIG = """\
store: {{url: "{store}"}}
limits: {{request_timeout: {request_timeout}, max_wait: {max_wait}}}
connections:
  meta-main:
    platform: meta
    account: act_1001
    base_url: {base_url}
    credentials: {{access_token: {token}}}
segments:
  vip:
    source: {{type: file, path: people.csv}}
    columns:
      profile_id: customer_id
      email: [email, work_email]
      phone: [phone, home_phone]
      external_id: crm_id
      first_name: first_name
      last_name: last_name
      consent: opt_in
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A run that is over. `code` is negative for a signal that killed it."""

    code: int
    out: str
    err: str

    @property
    def was_killed(self) -> bool:
        return self.code == -signal.SIGKILL

    @property
    def json(self) -> Any:  # noqa: ANN401 - any JSON
        """The one document on stdout; anything more, or less, is an error."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """The error, whether a job was begun or not."""
        error: dict[str, Any] = self.json["error"]
        return error

    def __str__(self) -> str:
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


@dataclass(kw_only=True)
class Started:
    """A run that goes on."""

    process: subprocess.Popen[str] | Forked

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self, timeout_s: float = PATIENCE_S) -> Ended:
        """Wait for its end."""
        try:
            out, err = self.process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, err = self.process.communicate()
            raise AssertionError(f"still running after {timeout_s} s:\n{out}\n{err}") from None
        return Ended(code=self.process.wait(), out=out, err=err)

    def kill_after(self, seconds: float) -> Ended:
        """Cut the power, unless it is over by then."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
        return self.end()


@dataclass(kw_only=True)
class Project:
    """One folder with an audsync.yaml, one audience in it, and the platform it talks to."""

    folder: Path
    sandbox: str
    """URL of the sandbox."""
    slug: str = "vip"
    store: str = "sqlite:///audsync.db"
    token: str = "sandbox-meta-token"  # the sandbox's own
    batch_rows: int = 15
    request_timeout: float = 20.0
    max_wait: float = 20.0
    more_config: str = ""
    forks: ForkServer | None = None
    """Where runs come from; None for a fresh start of Python each."""
    segment: Segment = field(default_factory=lambda: Segment(people=()))
    _started: list[Started] = field(default_factory=list)
    # Without certificates, which take longer to read than all its calls do.
    _http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30, verify=False))

    def write_config(self) -> None:
        """Write audsync.yaml as the fields say."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "tmp").mkdir(exist_ok=True)
        text = _CONFIG.format(
            store=self.store,
            base_url=f"{self.sandbox}/meta",
            token=self.token,
            request_timeout=self.request_timeout,
            max_wait=self.max_wait,
        )
        (self.folder / "audsync.yaml").write_text(text + self.more_config)

    def write_segment(self, segment: Segment) -> None:
        """Make `segment` the customers of now on."""
        self.segment = segment
        segment.write(self.folder / "people.csv")

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """What a run in the folder finds in its environment."""
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder / "tmp"),
            "AUDIENCE_SYNC_MAX_BATCH_SIZE": str(self.batch_rows),
            **(more or {}),
        }

    def start(self, *arguments: str, env: Mapping[str, str] | None = None) -> Started:
        """Start a command in the folder; stdin is no terminal."""
        started = Started(process=self._process(arguments, self.environment(env)))
        self._started.append(started)
        return started

    def run(
        self,
        *arguments: str,
        crash_at: int | None = None,
        kill_after: float | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Ended:
        """Run a command with --json to its end.

        Args:
            arguments: the command line.
            crash_at: kill it with SIGKILL at this step of its own; 1 is the first.
            kill_after: kill it with SIGKILL after so many seconds.
            env: further environment.
        """
        power = {} if crash_at is None else {"AUDSYNC_CRASH_AT": str(crash_at)}
        started = self.start(*arguments, "--json", env={**power, **(env or {})})
        return started.end() if kill_after is None else started.kill_after(kill_after)

    def sync(self, *, crash_at: int | None = None, kill_after: float | None = None) -> Ended:
        """`sync` without the guard, which would refuse what is chosen at random."""
        return self.run(
            "sync", self.slug, "--allow-shrink", crash_at=crash_at, kill_after=kill_after
        )

    def create(self, *, crash_at: int | None = None, kill_after: float | None = None) -> Ended:
        """`create` under the project's slug, which is its name on the platform as well."""
        return self.run(*self.creation(), crash_at=crash_at, kill_after=kill_after)

    def creation(self) -> list[str]:
        """The command line of `create`."""
        return [
            *("create", "vip", "--connection", "meta-main", "--id", self.slug),
            *("--name", self.slug),
        ]

    def arm(self, *rules: Mapping[str, Any]) -> None:
        """Add faults to the platform."""
        self._tell("POST", "faults", list(rules)).raise_for_status()

    def calm(self) -> None:
        """No more faults; what was late has happened."""
        self._tell("DELETE", "faults").raise_for_status()
        self._tell("POST", "settle").raise_for_status()

    def pass_time(self, seconds: float = 3600) -> None:
        """Let time pass on the platform."""
        self._tell("POST", "clock", {"advance_s": seconds}).raise_for_status()

    def configure(self, **settings: Any) -> None:  # noqa: ANN401 - the sandbox's own fields
        """Change settings of the simulated Meta."""
        self._tell("POST", "settings", {"meta": settings}).raise_for_status()

    def look(self, path: str) -> Any:  # noqa: ANN401 - any JSON
        """What one of the sandbox's endpoints shows."""
        return self._tell("GET", path).raise_for_status().json()

    def requests(self) -> list[dict[str, Any]]:
        """Every call that the platform got."""
        found: list[dict[str, Any]] = self.look("requests")["requests"]
        return found

    def remotes(self) -> list[dict[str, Any]]:
        """The audiences of the project's slug on the platform."""
        return [one for one in self.look("audiences")["meta"] if one["name"] == self.slug]

    def call_meta(self, method: str, path: str, **fields: str) -> dict[str, Any]:
        """Do something on the platform behind audsync's back."""
        answer = self._http.request(
            method,
            f"{self.sandbox}/meta/v26.0/{path}",
            json=fields or None,
            headers={"Authorization": "Bearer sandbox-meta-token"},
        )
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def assert_exact(self, note: str = "") -> None:
        """The platform holds exactly the segment, both ways of looking at it."""
        remotes = self.remotes()
        assert len(remotes) == 1, f"{note}: {len(remotes)} audiences called {self.slug}"
        held: frozenset[Identifier] = frozenset(
            (key, value) for key, value in remotes[0]["identifiers"]
        )
        wanted = self.segment.identifiers()
        missing, extra = len(wanted - held), len(held - wanted)
        assert (missing, extra) == (0, 0), f"{note}: {missing} missing, {extra} too many"
        known = {(key, value) for person in remotes[0]["persons"] for key, value in person}
        outside = len(wanted - known)
        assert outside == 0, f"{note}: people of {outside} identifiers were taken out"
        assert strays(remotes[0]["persons"], wanted) == 0, f"{note}: people too many"
        assert self.look("violations")["violations"] == [], note

    def assert_clean_run(self, ended: Ended, note: str = "") -> None:
        """The run did all there was to do, says so, and the platform agrees."""
        assert ended.code == 0, f"{note}: {ended}"
        job = ended.json
        assert job["status"] == "completed", f"{note}: {ended}"
        assert job["profiles_pending"] == job["profiles_failed"] == 0, f"{note}: {ended}"
        assert_books_close(job, note)
        self.assert_exact(note)

    def close(self) -> None:
        """End what a test that failed left running."""
        for started in self._started:
            if started.process.poll() is None:
                started.process.kill()
                started.process.communicate()
        self._http.close()

    def _process(
        self, arguments: Sequence[str], env: Mapping[str, str]
    ) -> subprocess.Popen[str] | Forked:
        if self.forks is not None:
            return self.forks.start(arguments, folder=self.folder, env=env)
        return subprocess.Popen(
            [sys.executable, "-m", "audsync", *arguments],
            cwd=self.folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _tell(self, method: str, path: str, document: object = None) -> httpx.Response:
        return self._http.request(method, f"{self.sandbox}/_sandbox/{path}", json=document)


def assert_books_close(job: Mapping[str, Any], note: str = "") -> None:
    """rows read = skipped + unchanged + sent + pending, and sent = added + failed."""
    skipped = sum(job["profiles_skipped"].values())
    assert job["profiles_read"] == skipped + sum(job[name] for name in BOOKS), f"{note}: {job}"
    assert job["profiles_sent"] == job["profiles_added"] + job["profiles_failed"], f"{note}: {job}"


def wait_until(is_so: Callable[[], object], what: str, timeout_s: float = 60.0) -> None:
    """Wait for something that another process does."""
    ends_at = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < ends_at, f"never came: {what}"
        time.sleep(0.02)
