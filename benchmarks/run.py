"""Runs every benchmark, each case in a fresh process, and writes docs/benchmarks.md."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from benchmarks import data, report, startup
from benchmarks.measure import ROOT, Cost, repeat, run
from benchmarks.prepare import WAYS
from benchmarks.report import Goal

TIMES = 3
LIMIT = "limit program"
FIRST = "first run: everything is new"
SAME = "nothing changed"
CHURN = "1 % came, left or changed"
_WAY_NAMES = {
    "kernel": "audsync, validates phones",
    "facebook": "facebook-business, several keys, no validation",
    "google": "google-ads-datamanager-util, e-mail and phone only, no validation",
    "loop": "a loop with phonenumbers and hashlib",
}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _case(module: str, *options: str, times: int = TIMES) -> Cost:
    _say(f"{module} {' '.join(options)}")
    return repeat("-m", f"benchmarks.{module}", *options, times=times)


def _pipeline(rows: int, *options: str) -> dict[str, Cost]:
    size = ("--rows", str(rows), *options)
    times = 1 if options or rows >= data.LARGE_ROWS else TIMES
    costs = {LIMIT: _case("limit", "--rows", str(rows), times=times)}
    costs[FIRST] = _case("pipeline", "first", *size, times=times)
    run("-m", "benchmarks.pipeline", "settle", *size)
    costs[SAME] = _case("pipeline", "same", *size, times=times)
    costs[CHURN] = _case("pipeline", "churn", *size, times=times)
    return costs


def _pipeline_goals(costs: dict[str, Cost], size: str) -> list[Goal]:
    limit, first, churn = costs[LIMIT], costs[FIRST], costs[CHURN]
    highest_mb = max(first.peak_mb, churn.peak_mb)
    return [
        Goal(
            what=f"{size}, 1 % churn / limit program, CPU",
            measured=churn.cpu_s / limit.cpu_s,
            wanted=2,
        ),
        Goal(
            what=f"{size}, first run / limit program, CPU",
            measured=first.cpu_s / limit.cpu_s,
            wanted=3,
        ),
        Goal(what=f"{size}, peak memory", measured=highest_mb, wanted=1000, unit="MB"),
    ]


def _durable_plan(rows: int) -> str:
    costs, size = _pipeline(rows), f"{rows:,}"
    return (
        report.costs(costs, LIMIT)
        + "\n\n"
        + report.goals(_pipeline_goals(costs, size))
        + "\n\nWhere it goes (`start`: imports, store, proving the old state; `read`: read,"
        " prepare, put together; `plan`: the difference and its batches; `send`: the commit):\n\n"
        + report.phases(costs)
    )


def _prepare(rows: int) -> str:
    ways = {name: _case("prepare", name, "--rows", str(rows)).said for name in WAYS}
    ours = ways["kernel"]
    cells = [
        [
            _WAY_NAMES[name],
            f"{said['rows']:,}",
            f"{said['wall_us']:.2f}",
            f"{said['cpu_us']:.2f}",
            f"{said['wall_us'] / ours['wall_us']:.1f}",
            f"{said['cpu_us'] / ours['cpu_us']:.1f}",
        ]
        for name, said in ways.items()
    ]
    wanted = [
        Goal(
            what=f"wall time of {peer} / ours",
            measured=ways[key]["wall_us"] / ours["wall_us"],
            wanted=least,
            is_floor=True,
        )
        for key, peer, least in (("facebook", "facebook-business", 5), ("loop", "the loop", 20))
    ]
    head = ["", "profiles", "wall us each", "CPU us each", "wall / ours", "CPU / ours"]
    return report.table(head, cells) + "\n\n" + report.goals(wanted)


def _sync(rows: int) -> str:
    cost = _case("sync", "--rows", str(rows), times=1)
    send = cost.said["phases"]["send"]
    return (
        report.phases({f"create, {rows:,} profiles": cost})
        + f"\n\n{rows / cost.wall_s:,.0f} profiles a second from file to receipt,"
        f" {rows / send['wall_s']:,.0f} a second while sending, which is"
        f" {send['wall_s'] / cost.wall_s:.0%} of the time; {send['cpu_s'] / rows * 1e6:.1f} us of"
        " CPU for each profile sent. The sink answers at once."
    )


def _startup() -> str:
    costs = startup.costs()
    wanted = [
        Goal(what=f"`{name}`, CPU", measured=cost.cpu_s, wanted=0.4, unit="s")
        for name, cost in costs.items()
        if name.startswith("audsync")
    ]
    return report.costs(costs, startup.BASE) + "\n\n" + report.goals(wanted)


def main() -> None:
    """Run all and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=data.SMALL_ROWS)
    parser.add_argument("--large", action="store_true", help="also 10 million profiles")
    options = parser.parse_args()
    rows = options.rows
    sizes = [rows, data.LARGE_ROWS] if options.large else [rows]
    for size in sizes:
        run("-m", "benchmarks.data", "--rows", str(size))
    sections: dict[str, str] = {}
    for title, measured in _sections(rows, sizes):
        sections[title] = measured()
        # Minutes of measuring are not lost where a later case fails.
        (ROOT / "docs" / "benchmarks.md").write_text(report.page(sections))


def _sections(rows: int, sizes: Sequence[int]) -> Iterator[tuple[str, Callable[[], str]]]:
    """Title and what measures it, in the order of the page."""
    yield "Preparing in memory", lambda: _prepare(rows)
    for size in sizes:
        title = f"From file to durable plan, {size:,} profiles"
        yield title, partial(_durable_plan, size)
    if rows <= data.CSV_ROWS:
        title = f"From CSV to durable plan, {rows:,} profiles"
        yield title, lambda: report.costs(_pipeline(rows, "--csv"), LIMIT)
    yield "Starting", _startup
    yield f"A whole sync to a sink, {rows:,} profiles", lambda: _sync(rows)


if __name__ == "__main__":
    main()
