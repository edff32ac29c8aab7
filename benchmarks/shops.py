"""A store with many small audiences, and sandboxes in processes of their own to sync them to."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from urllib.request import Request, urlopen

from benchmarks.measure import ROOT

PEOPLE = 60
_LEAVE = 3
"""People of a segment who are others in each round."""
_ROUNDS_TO_END = 6
PLATFORMS = ("meta", "google", "tiktok", "snapchat")
_HEADER = "id,email\n"
_SANDBOX = """
from audsync.sandbox.serve import serve_forever
serve_forever(on_ready=lambda running: print(running.url, flush=True))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """One of the audiences."""

    slug: str
    segment: str
    platform: str


def audiences(count: int) -> list[Audience]:
    """So many, half of them in fours of one segment."""
    shared = count // 2 // len(PLATFORMS) * len(PLATFORMS)
    found = []
    for number in range(count):
        name = number // len(PLATFORMS) if number < shared else f"own{number}"
        platform = PLATFORMS[number % len(PLATFORMS)]
        found.append(Audience(slug=f"a{number}", segment=f"s{name}", platform=platform))
    return found


@contextmanager
def sandboxes() -> Iterator[dict[str, tuple[str, int]]]:
    """A sandbox for each platform: its URL and its process."""
    with ExitStack() as stack:
        found = {}
        for platform in PLATFORMS:
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", _SANDBOX], cwd=ROOT, stdout=subprocess.PIPE, text=True
                )
            )
            stack.callback(process.send_signal, signal.SIGTERM)
            assert process.stdout is not None
            found[platform] = (process.stdout.readline().strip(), process.pid)
        yield found


def _asked(url: str, *, body: object = None) -> Any:  # noqa: ANN401 - any JSON
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data=data)) as answer:
        return json.load(answer)


def _cpu_s(pid: int) -> float:
    """Of a process that runs, its threads included."""
    told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(kw_only=True)
class Shop:
    """A folder with its segments, the store, and the sandboxes."""

    folder: Path
    url: str
    sandboxes: Mapping[str, tuple[str, int]]
    every: Sequence[Audience]
    day: int = 0
    people: dict[str, list[int]] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / "audsync.yaml"

    def set_up(self) -> None:
        """Write the configuration, and the audiences' records: the first drain makes them."""
        from tests.services.test_platforms import CASES

        names = sorted({one.segment for one in self.every})
        self.people = {name: list(range(PEOPLE)) for name in names}
        connections = "".join(
            f"  {name}:\n    platform: {name}\n    base_url: {url}/{name}"
            + CASES[name].connection.replace("https://sandbox.test", url)
            for name, (url, _) in self.sandboxes.items()
        )
        segments = "".join(
            f"  {name}:\n    source: {{type: file, path: {name}.csv}}\n"
            "    columns: {profile_id: id, email: email}\n"
            for name in names
        )
        self.config.write_text(
            f"store: {{url: '{self.url}'}}\nstate: {{url: ./state}}\n"
            f"connections:\n{connections}segments:\n{segments}"
        )
        self._write()
        self._add()
        for url, _ in self.sandboxes.values():
            _asked(f"{url}/_sandbox/settings", body={"google": {"settle_after_s": 0}})

    def slow_down(self, seconds: float) -> None:
        """Have the platforms answer each call after so long, as those out there do."""
        rule = {"kind": "slow", "seconds": seconds, "times": 0}
        for url, _ in self.sandboxes.values():
            _asked(f"{url}/_sandbox/faults", body=rule)

    def change(self) -> None:
        """Other people come for some of each segment, and everybody is due for another time."""
        self.day += 1
        for some in self.people.values():
            some[:_LEAVE] = []
            some.extend(range(some[-1] + 1, some[-1] + 1 + _LEAVE))
        self._write()

    def make_due(self) -> dict[str, datetime]:
        """Since when each audience is due: some minutes ago, each for another time."""
        now = datetime.now(UTC)
        order = Random(self.day).sample(range(len(self.every)), len(self.every))
        due = {
            one.slug: now - timedelta(minutes=5, seconds=place)
            for one, place in zip(self.every, order, strict=True)
        }
        with self._connected() as session:
            cursor = session.cursor()
            cursor.executemany(
                "update platform_audience set next_sync_at = %s where slug = %s",
                [(moment, slug) for slug, moment in due.items()],
            )
        return due

    def forget_calls(self) -> None:
        """Have no call used up that the platforms allow, as if hours had gone by."""
        with self._connected() as session:
            session.execute("delete from budget")

    def ask(self) -> None:
        """Have `run-due` ask Google what became of its requests: it syncs nobody before that."""
        with self._connected() as session:
            session.execute("update platform_audience set next_sync_at = now() + interval '1 h'")
            session.execute("update audience_sync_job set next_attempt_at = now()")
        self.drain(1)

    def jobs_since(self, moment: datetime) -> list[tuple[str, datetime]]:
        """Each job that began since: its audience, and when."""
        with self._connected() as session:
            found: list[tuple[str, datetime]] = session.execute(
                "select slug, started_at from audience_sync_job j join platform_audience a"
                " on a.id = j.platform_audience_id where started_at >= %s",
                [moment],
            ).fetchall()
        return found

    def transactions(self) -> int:
        """That the store has seen so far."""
        with self._connected() as session:
            row = session.execute(
                "select xact_commit + xact_rollback from pg_stat_database"
                " where datname = current_database()"
            ).fetchone()
        return int(row[0]) if row else 0

    def drain(self, processes: int) -> list[dict[str, Any]]:
        """Run so many at once to their ends; what each said."""
        command = [sys.executable, "-m", "benchmarks.many", "drain", str(self.config)]
        running = [
            subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
            for _ in range(processes)
        ]
        said = [json.loads(process.communicate()[0].splitlines()[-1]) for process in running]
        return [
            one | {"exit_code": each.returncode} for one, each in zip(said, running, strict=True)
        ]

    def finish(self) -> int:
        """Send what was left open, if anything was; how many are not exact then."""
        wrong = self._wrong()
        for _ in range(_ROUNDS_TO_END):
            if not wrong:
                break
            self.ask()
            self.make_due()
            self.drain(2)
            wrong = self._wrong()
        return wrong

    def sandbox_cpu_s(self) -> float:
        """Of all sandboxes so far."""
        return sum(_cpu_s(pid) for _, pid in self.sandboxes.values())

    def _wrong(self) -> int:
        held = {
            remote["name"]: {value for _, value in remote["identifiers"]}
            for platform, (url, _) in self.sandboxes.items()
            for remote in _asked(f"{url}/_sandbox/audiences")[platform]
        }
        return sum(held.get(one.slug) != self._wanted(one.segment) for one in self.every)

    def _wanted(self, segment: str) -> set[str]:
        return {
            hashlib.sha256(_address(segment, number).encode()).hexdigest()
            for number in self.people[segment]
        }

    def _write(self) -> None:
        for name, some in self.people.items():
            rows = "".join(f"{number},{_address(name, number)}\n" for number in some)
            (self.folder / f"{name}.csv").write_text(_HEADER + rows)

    def _add(self) -> None:
        from audsync.config.load import load_config
        from audsync.services.wiring.runtime import Runtime
        from audsync.store import audiences as records
        from audsync.store.tables import PlatformAudience

        runtime = Runtime(config=load_config(self.config, {}))
        with runtime.database.transaction() as session:
            now = runtime.database.now(session)
            for one in self.every:
                connection = runtime.connection(one.platform)
                record = PlatformAudience(
                    tenant_id=runtime.config.tenant,
                    slug=one.slug,
                    segment=one.segment,
                    connection=one.platform,
                    platform=connection.platform,
                    platform_audience_name=one.slug,
                    ad_account_id=connection.account,
                    created_at=now,
                    updated_at=now,
                )
                records.add(session, record)
        runtime.database.dispose()

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        import psycopg

        with psycopg.connect(self.url) as session:
            yield session


def _address(segment: str, number: int) -> str:
    return f"{segment}.{number}@example.com"
