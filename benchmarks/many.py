"""Many due audiences on one PostgreSQL, drained by `audsync run-due` from several processes.

Four sandboxes, each in a process of its own, are the platforms. Half of the audiences have a
segment of their own; the other half share one with an audience on each other platform. A round:
a few people of each segment are others, every audience is due, each for another time, and so
many processes are started at once. Afterwards each audience is compared with its segment. Google
here makes requests final at once, as nobody would wait half an hour for each.
"""

import argparse
import hashlib
import io
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median
from typing import Any
from urllib.request import Request, urlopen

from benchmarks.measure import ROOT, run
from benchmarks.report import table

AUDIENCES = 1000
PROCESSES = (1, 2, 4)
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


_EXPLAINED = (
    "On two cores that sandboxes and PostgreSQL share. Of a segment of 60 people three are others;"
    " half of the audiences share theirs with three on the other platforms. CPU includes the start"
    " of each process. Out of turn is who is begun together with an older one of the segment."
)


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
def _sandboxes() -> Iterator[dict[str, tuple[str, int]]]:
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

    def ask(self) -> None:
        """Have `run-due` ask Google what became of its requests: it syncs nobody before that."""
        with self._connected() as session:
            session.execute("update platform_audience set next_sync_at = now() + interval '1 h'")
            session.execute("update audience_sync_job set next_attempt_at = now()")
        self.drain(1)

    def jobs_since(self, moment: datetime) -> list[tuple[str, datetime]]:
        """Each job that began since: its audience, and when."""
        with self._connected() as session:
            return session.execute(
                "select slug, started_at from audience_sync_job j join platform_audience a"
                " on a.id = j.platform_audience_id where started_at >= %s",
                [moment],
            ).fetchall()

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
        from audsync.services.runtime import Runtime
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


def _round(shop: Shop, processes: int) -> dict[str, Any]:
    """Change, drain and finish; what came of it."""
    shop.ask()
    shop.change()
    due = shop.make_due()
    began = datetime.now(UTC)
    before, sandbox_s = shop.transactions(), shop.sandbox_cpu_s()
    began_s = time.perf_counter()
    said = shop.drain(processes)
    wall_s = time.perf_counter() - began_s
    jobs = shop.jobs_since(began)
    times = Counter(slug for slug, _ in jobs)
    waited = sorted((start - began).total_seconds() for _, start in jobs)
    in_turn = sorted(due, key=lambda slug: due[slug])
    place = {slug: number for number, slug in enumerate(in_turn)}
    begun = [slug for slug, _ in sorted(jobs, key=lambda job: job[1])]
    return {
        "processes": processes,
        "jobs": len(jobs),
        "wall_s": wall_s,
        "cpu_s": sum(one["cpu_s"] for one in said),
        "sandbox_cpu_s": shop.sandbox_cpu_s() - sandbox_s,
        "statements": sum(one["statements"] for one in said),
        "transactions": shop.transactions() - before,
        "shares": sorted(one["jobs"] for one in said),
        "lost": sum(one["lost"] for one in said),
        "errors": dict(sum((Counter(one["errors"]) for one in said), Counter[str]())),
        "twice": sum(count > 1 for count in times.values()),
        "never": len(due) - len(times),
        "median_wait_s": median(waited),
        "longest_wait_s": waited[-1],
        "most_out_of_turn": max(place[slug] - number for number, slug in enumerate(begun)),
        "not_exact": shop.finish(),
    }


def measure(count: int, processes: Sequence[int]) -> list[dict[str, Any]]:
    """Make so many audiences, then a round for each number of processes."""
    from tests.postgres import own_server

    server = own_server()
    try:
        with tempfile.TemporaryDirectory(prefix="audsync-many-") as folder, _sandboxes() as found:
            url = server.url(server.create())
            shop = Shop(folder=Path(folder), url=url, sandboxes=found, every=audiences(count))
            shop.set_up()
            shop.drain(2)
            assert not shop.finish(), "they are made before anything is measured"
            rounds = []
            for number in processes:
                rounds.append(_round(shop, number))
                print(json.dumps(rounds[-1]), file=sys.stderr, flush=True)
            return rounds
    finally:
        server.remove()


def drain(config: str) -> dict[str, Any]:
    """`audsync run-due`, and what it cost beside its answer."""
    from sqlalchemy import Engine, event

    from audsync.cli import app
    from audsync.services import run_due

    statements = 0

    def note(*_given: object) -> None:
        nonlocal statements
        statements += 1

    event.listen(Engine, "before_cursor_execute", note)
    taken: list[str] = []
    plainly = run_due._sync  # noqa: SLF001 - what was lost to others shows nowhere else

    def noted(*given: Any) -> Any:  # noqa: ANN401 - as it is
        taken.append(given[1].slug)
        return plainly(*given)

    run_due._sync = noted  # noqa: SLF001 - as above
    out = io.TextIOWrapper(io.BytesIO())
    with redirect_stdout(out):
        app.run(["--config", config, "--json", "--quiet", "run-due"])
    said = json.loads(out.buffer.getvalue())
    used = resource.getrusage(resource.RUSAGE_SELF)
    errors = Counter(job["error"]["code"] for job in said["jobs"] if job["error"])
    errors += Counter(one["reason"] for one in said["skipped"])
    return {
        "jobs": len(said["jobs"]),
        "lost": len(taken) - len(said["jobs"]),
        "statements": statements,
        "cpu_s": used.ru_utime + used.ru_stime,
        "errors": errors,
    }


def compare(count: int = AUDIENCES) -> str:
    """A table of drains by the number of processes."""
    return shown(run("-m", "benchmarks.many", "measure", str(count)).said["rounds"])


def shown(rounds: Sequence[Mapping[str, Any]]) -> str:
    """The table of rounds that were measured."""
    head = [
        "processes", "audiences a second", "CPU s each", "sandboxes, CPU s each",
        "statements each", "transactions each", "least and most of one process", "lost to another",
        "synced twice", "left", "median wait s", "longest wait s", "most out of turn", "not exact",
    ]  # fmt: skip
    rows = []
    for one in rounds:
        jobs = one["jobs"]
        rows.append(
            [
                str(one["processes"]),
                f"{jobs / one['wall_s']:.2f}",
                f"{one['cpu_s'] / jobs:.3f}",
                f"{one['sandbox_cpu_s'] / jobs:.3f}",
                f"{one['statements'] / jobs:.0f}",
                f"{one['transactions'] / jobs:.0f}",
                f"{one['shares'][0]} to {one['shares'][-1]}",
                *(str(one[key]) for key in ("lost", "twice", "never")),
                *(f"{one[key]:.0f}" for key in ("median_wait_s", "longest_wait_s")),
                *(str(one[key]) for key in ("most_out_of_turn", "not_exact")),
            ]
        )
    return f"{table(head, rows)}\n\n{_EXPLAINED}"


def main() -> None:
    """Measure, or drain once; prints what it came to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["measure", "drain"])
    parser.add_argument("value", help="how many audiences, or the configuration")
    parser.add_argument("--processes", type=int, nargs="+", default=PROCESSES)
    options = parser.parse_args()
    if options.kind == "drain":
        print(json.dumps(drain(options.value)))
    else:
        print(json.dumps({"rounds": measure(int(options.value), options.processes)}))


if __name__ == "__main__":
    main()
