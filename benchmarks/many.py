"""Many due audiences on one PostgreSQL, drained by `audsync run-due` from several processes.

Four sandboxes, each in a process of its own, are the platforms. Half of the audiences have a
segment of their own; the other half share one with an audience on each other platform. A round:
a few people of each segment are others, every audience is due, each for another time, and so
many processes are started at once. Afterwards each audience is compared with its segment. Google
here makes requests final at once, as nobody would wait half an hour for each.
"""

import argparse
import io
import json
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measure import run
from benchmarks.report import table
from benchmarks.shops import Shop, audiences, sandboxes

AUDIENCES = 1000
PROCESSES = (1, 2, 4)
ANSWERS_AFTER_S = 0.5
"""So long the platforms think about each call: what more processes are for is to wait together."""


_EXPLAINED = (
    f"Each call is answered after {ANSWERS_AFTER_S * 1000:.0f} ms. On two cores that sandboxes and"
    " PostgreSQL share. Of a segment of 60 people three are others;"
    " half of the audiences share theirs with three on the other platforms. CPU includes the start"
    " of each process. Each round begins with no call used up of what the platforms allow: Meta's"
    " 5,000 an hour of one ad account would bind the second one. Out of turn is who is begun"
    " together with an older one of the segment."
)


def _round(shop: Shop, processes: int) -> dict[str, Any]:
    """Change, drain and finish; what came of it."""
    shop.ask()
    shop.change()
    due = shop.make_due()
    shop.forget_calls()
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
        with tempfile.TemporaryDirectory(prefix="audsync-many-") as folder, sandboxes() as found:
            url = server.url(server.create())
            shop = Shop(folder=Path(folder), url=url, sandboxes=found, every=audiences(count))
            shop.set_up()
            shop.drain(2)
            assert not shop.finish(), "they are made before anything is measured"
            shop.slow_down(ANSWERS_AFTER_S)
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
    from audsync.services.cron import run_due
    from audsync.services.jobs import sync_audience
    from audsync.services.jobs.sync_audience import Report, Wish
    from audsync.services.wiring.runtime import Runtime
    from audsync.store.tables import PlatformAudience

    statements = 0

    def note(*_given: object) -> None:
        nonlocal statements
        statements += 1

    event.listen(Engine, "before_cursor_execute", note)
    taken: list[str] = []
    plainly = sync_audience.bring_in_step

    def noted(runtime: Runtime, audience: PlatformAudience, wish: Wish) -> Report:
        taken.append(audience.slug)
        return plainly(runtime, audience, wish)

    run_due.bring_in_step = noted  # type: ignore[attr-defined]
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
