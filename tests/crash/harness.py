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
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.crash import leftovers
from tests.crash.forks import Forked, ForkServer, Haste
from tests.crash.people import Identifier, Segment, strays
from tests.crash.ways import META, Way

ROOT = Path(__file__).parents[2]
PATIENCE_S = 90.0
"""No run may take longer: a test that ends by this has found a deadlock."""
_MOST_RESUMED = 2
_GOES_ON = (3, 6)
"""What a run ends with that waits for the platform to work off what it accepted."""
BOOKS = ("profiles_unchanged", "profiles_sent", "profiles_pending")

_CONFIG = """\
store: {{url: "{store}"}}
limits: {{request_timeout: {request_timeout}, max_wait: {max_wait}}}
connections:
{connections}segments:
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


class Hasty:
    """Time that passes a hundred times as fast, from now on."""

    _RATE = 100

    def __init__(self) -> None:
        self._start, self._began = datetime.now(UTC), time.monotonic()

    def now(self) -> datetime:
        """The current time, aware, in UTC."""
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Seconds since it began."""
        return (time.monotonic() - self._began) * self._RATE

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds / self._RATE)


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
    way: Way = META
    """Whose audience the commands below are about."""
    others: tuple[Way, ...] = ()
    """Further connections in the file."""
    slug: str = "vip"
    store: str = "sqlite:///audsync.db"
    token: str = "sandbox-meta-token"  # the sandbox's own
    batch_rows: int = 15
    request_timeout: float = 20.0
    max_wait: float = 20.0
    more_config: str = ""
    haste: Haste | None = None
    """Time for runs that are forked, where the platforms' time flies."""
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
        ways = [self.way, *(way for way in self.others if way is not self.way)]
        connections = [way.as_yaml(sandbox=self.sandbox, token=self.token) for way in ways]
        text = _CONFIG.format(
            store=self.store,
            connections="".join(connections),
            request_timeout=self.request_timeout,
            max_wait=self.max_wait,
        )
        (self.folder / "audsync.yaml").write_text(text + self.more_config)

    def take(self, way: Way) -> None:
        """Go over to another platform, as it is when it is quick."""
        self.way = way
        self.configure(**way.sandbox, **way.quick)

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
            *("create", "vip", "--connection", self.way.connection, "--id", self.slug),
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
        """Let time pass on the platform; where all is in haste, for runs as well."""
        if self.haste is not None:
            self.haste.ahead_s += seconds
        self._tell("POST", "clock", {"advance_s": seconds}).raise_for_status()

    def configure(self, **settings: Any) -> None:  # noqa: ANN401 - the sandbox's own fields
        """Change settings of the simulated platform."""
        self._tell("POST", "settings", {self.way.platform: settings}).raise_for_status()

    def look(self, path: str) -> Any:  # noqa: ANN401 - any JSON
        """What one of the sandbox's endpoints shows."""
        return self._tell("GET", path).raise_for_status().json()

    def requests(self) -> list[dict[str, Any]]:
        """Every call that the platform got."""
        found: list[dict[str, Any]] = self.look("requests")["requests"]
        return found

    def remotes(self) -> list[dict[str, Any]]:
        """The audiences of the project's slug on the platform."""
        found = self.look("audiences")[self.way.platform]
        return [one for one in found if one["name"] == self.slug]

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
        wanted = self.segment.identifiers(self.way.names)
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
        if self.way.settles:
            self.pass_time()
        self.assert_exact(note)

    def bring_in_step(self, note: str = "") -> None:
        """One clean run; where the platform works things off later, once more when it has."""
        ended = self.sync()
        for _ in range(_MOST_RESUMED):
            if ended.code not in _GOES_ON or not self.way.settles:
                break
            self.pass_time()
            ended = self.sync()
        self.assert_clean_run(ended, note)
        self.assert_nothing_left()

    def assert_nothing_left(self) -> None:
        """No lock is held, and no job says that it goes on."""
        leftovers.assert_none(self.store, self.folder)

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
            return self.forks.start(arguments, folder=self.folder, env=env, haste=self.haste)
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
