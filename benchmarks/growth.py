"""How the cost of a plan grows: with churn, with audiences, and from platform to platform.

Each case is a fresh process. Growth with size is measured by `benchmarks.pipeline`.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from benchmarks import data
from benchmarks.measure import Cost, repeat, run
from benchmarks.pipeline import (
    SLUG,
    PlanIsDurableError,
    Stopwatch,
    peak_bytes,
    restore,
    runtime_for,
    sync,
)
from benchmarks.report import table

TIMES = 3
CHURN = ("0", "0.1", "1", "5", "20", "100")
"""Percent of profiles whose e-mail address is another one."""
AUDIENCES = (1, 2, 4, 8)
AUDIENCE_ROWS = 100_000
PLATFORMS = ("meta", "google", "tiktok", "snapchat")
_DAY_S = 24 * 3600


def _changed(rows: int, percent: str) -> Path:
    """The segment of day 1 with other addresses for some; removed by the caller."""
    import duckdb

    path = data.FOLDER / f"changed-{rows}-{percent}.parquet"
    thousandths = round(float(percent) * 1000)
    duckdb.execute(
        f"copy (select * replace (case when hash(profile_id) % 100_000 < {thousandths}"
        f" then 'new.' || email else email end as email) from '{data.parquet(rows, 1)}')"
        f" to '{path}' (format parquet, compression zstd)"
    )
    return path


def churn(rows: int, percent: str) -> dict[str, float]:
    """The plan after so many of the people changed; begins from a first run that was settled."""
    folder = data.FOLDER / f"pipeline-{rows}"
    restore(folder)
    source = _changed(rows, percent)
    watch = Stopwatch(stops_at_send=True)
    runtime = runtime_for(folder, source, url="", watch=watch)
    began = time.process_time()
    try:
        with suppress(PlanIsDurableError):
            code = sync(runtime)
            assert code == 0, "only where nothing changed is there nothing to send"
        return _took(began)
    finally:
        source.unlink()


def audiences(count: int) -> dict[str, float]:
    """One `run-due` over so many audiences of one segment of which 1 % changed, sent to a sink."""
    from audsync.services import audiences as service
    from audsync.services.cron.run_due import Pace, run_due
    from audsync.services.wiring.runtime import Runtime
    from tests.databases import SetClock

    folder = Path(tempfile.mkdtemp(prefix="audsync-audiences-"))
    try:
        watch = Stopwatch(stops_at_send=False)
        first = runtime_for(folder, data.parquet(AUDIENCE_ROWS, 1), url="", watch=watch)
        clock = SetClock()
        made = Runtime(config=first.config, clock=clock, transport=first.transport)
        for number in range(count):
            new = service.NewAudience(
                segment="everybody", connection="sink", slug=f"{SLUG}-{number}", name=f"n{number}"
            )
            assert service.create(made, new).exit_code == 0
        made.database.dispose()
        clock.advance(2 * _DAY_S)
        later = runtime_for(folder, data.parquet(AUDIENCE_ROWS, 2), url="", watch=watch)
        due = Runtime(config=later.config, clock=clock, transport=later.transport)
        began = time.process_time()
        report = run_due(due, Pace())
        assert [job["status"] for job in report.jobs] == ["completed"] * count
        return _took(began)
    finally:
        shutil.rmtree(folder)


def platform(rows: int, name: str) -> dict[str, float]:
    """A first plan for one platform; the sandbox answers what is asked before."""
    from audsync.config.load import load_config
    from audsync.sandbox.transport import SandboxTransport
    from audsync.sandbox.world import World
    from audsync.services import audiences as service
    from audsync.services.wiring.runtime import Runtime
    from tests.services.test_platforms import CASES

    folder = Path(tempfile.mkdtemp(prefix="audsync-platform-"))
    try:
        like = runtime_for(
            folder, data.parquet(rows, 1), url="", watch=Stopwatch(stops_at_send=True)
        )
        path = folder / "audsync.yaml"
        text = path.read_text()
        place = text.index("segments:")
        connection = f"    platform: {name}\n    base_url: https://sandbox.test/{name}"
        path.write_text(
            text[: text.index("connections:")]
            + f"connections:\n  sink:\n{connection}{CASES[name].connection}"
            + text[place:]
        )
        world = World()
        runtime = Runtime(
            config=load_config(path, {"HOME": str(folder)}),
            progress=like.progress,
            transport=lambda: SandboxTransport(world),
        )
        began = time.process_time()
        new = service.NewAudience(segment="everybody", connection="sink", slug=SLUG)
        with suppress(PlanIsDurableError):
            job = service.create(runtime, new).job
            message = f"{name}: {job['error']}"
            raise RuntimeError(message)
        return _took(began)
    finally:
        shutil.rmtree(folder)


def _took(began: float) -> dict[str, float]:
    return {"cpu_s": time.process_time() - began, "peak_mb": peak_bytes() / 1e6}


def _case(kind: str, value: str, rows: int) -> Cost:
    print(f"growth {kind} {value}", file=sys.stderr, flush=True)
    return repeat("-m", "benchmarks.growth", kind, value, "--rows", str(rows), times=TIMES)


def _table(what: str, costs: dict[str, Cost], *, counts: Sequence[int] = ()) -> str:
    """CPU-seconds of each case and their ratio to the first; for each of `counts`, too."""
    first = next(iter(costs.values())).said["cpu_s"]
    ratios = [cost.said["cpu_s"] / first for cost in costs.values()]
    rows = [
        [name, f"{cost.said['cpu_s']:.2f}", f"{ratio:.2f}", f"{cost.said['peak_mb']:.0f}"]
        for (name, cost), ratio in zip(costs.items(), ratios, strict=True)
    ]
    head = [what, "CPU s", "ratio", "peak MB"]
    if counts:
        head.append("ratio for each")
        for row, ratio, count in zip(rows, ratios, counts, strict=True):
            row.append(f"{ratio / count:.2f}")
    return table(head, rows)


def by_churn(rows: int) -> str:
    """A table of plans by how many of the people changed."""
    size = ("--rows", str(rows))
    run("-m", "benchmarks.pipeline", "first", *size)
    run("-m", "benchmarks.pipeline", "settle", *size)
    costs = {f"{percent} %": _case("churn", percent, rows) for percent in CHURN}
    return _table("changed", costs)


def by_audiences() -> str:
    """A table of runs by how many audiences are due."""
    data_of = ("--rows", str(AUDIENCE_ROWS))
    run("-m", "benchmarks.data", *data_of)
    costs = {str(count): _case("audiences", str(count), AUDIENCE_ROWS) for count in AUDIENCES}
    return _table("audiences", costs, counts=AUDIENCES)


def by_platform(rows: int) -> str:
    """A table of first plans by platform."""
    costs = {name: _case("platform", name, rows) for name in PLATFORMS}
    return _table("platform", costs)


def main() -> None:
    """Run one case; prints its CPU-seconds, imports left out, and the peak of the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["churn", "audiences", "platform"])
    parser.add_argument("value")
    parser.add_argument("--rows", type=int, default=data.SMALL_ROWS)
    options = parser.parse_args()
    cases = {
        "churn": lambda: churn(options.rows, options.value),
        "audiences": lambda: audiences(int(options.value)),
        "platform": lambda: platform(options.rows, options.value),
    }
    print(json.dumps(cases[options.kind]()))


if __name__ == "__main__":
    main()
