"""Runs every benchmark, each case in a fresh process, and writes docs/benchmarks.md.

The page is made of what was measured last of each section: `--only` measures some of them again.
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial

from benchmarks import data, exports, growth, many, picture, report, sources, startup, uploads
from benchmarks.measure import ROOT, Cost, repeat, run
from benchmarks.prepare import WAYS
from benchmarks.report import Goal, table
from benchmarks.results import Results, known, load

TIMES = 3
XL = "plan-xl"
"""Takes half an hour and 40 GB of disk: measured where it is asked for."""
SIZES = (100_000, 300_000, 1_000_000, 10_000_000)
GOAL_MB = 1000
PICTURE = ROOT / "docs" / "memory.svg"
LIMIT = "limit program"
_START_S = {startup.DUE: 0.3}
_QUIET = (
    "Ours works on two batches at once, so other work on the machine takes more wall time from it"
    " than from the others: with little else running the two goals measured 6.6 x and 20 x on"
    " 2026-11-22."
)
FIRST = "first run: everything is new"
SAME = "the very same file"
OTHER = "the same rows in another file"
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
    times = 1 if options or rows > data.SMALL_ROWS else TIMES
    costs = {LIMIT: _case("limit", "--rows", str(rows), times=times)}
    costs[FIRST] = _case("pipeline", "first", *size, times=times)
    settled = run("-m", "benchmarks.pipeline", "settle", *size)
    costs[FIRST].said["state"] = settled.said
    costs[SAME] = _case("pipeline", "same", *size, times=times)
    if rows < data.XL_ROWS:
        costs[OTHER] = _case("pipeline", "other", *size, times=times)
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
        Goal(what=f"{size}, peak memory", measured=highest_mb, wanted=GOAL_MB, unit="MB"),
    ]


def _durable_plan(rows: int, results: Results) -> str:
    costs, size = _pipeline(rows), f"{rows:,}"
    results.add_size(rows, costs)
    return (
        report.costs(costs, LIMIT)
        + "\n\n"
        + report.goals(_pipeline_goals(costs, size))
        + "\n\nWhere it goes (`start`: imports, store, proving the old state; `read`: read,"
        " prepare, put together; `plan`: the difference and its batches; `send`: the commit):\n\n"
        + report.phases(costs)
        + f"\n\nThe state: {_state(costs[FIRST].said['state'])}"
    )


def _state(said: dict[str, int]) -> str:
    each = said["bytes"] / said["identifiers"]
    return (
        f"{said['bytes'] / 1e9:.2f} GB for {said['identifiers']:,} identifiers, {each:.0f} bytes"
        " for each, of which 32 are its hash."
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
    return f"{report.table(head, cells)}\n\n{report.goals(wanted)}\n\n{_QUIET}"


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
        Goal(what=f"`{name}`, CPU", measured=cost.cpu_s, wanted=_START_S.get(name, 0.4), unit="s")
        for name, cost in costs.items()
        if name.startswith("audsync")
    ]
    return report.costs(costs, startup.BASE) + "\n\n" + report.goals(wanted)


def _sizes(results: Results) -> str:
    """Tables of what grows with size, from this sitting and earlier ones, and the picture."""
    for rows in SIZES:
        if str(rows) not in results.sizes:
            run("-m", "benchmarks.data", "--rows", str(rows))
            results.add_size(rows, _pipeline(rows))
    points = results.points()
    PICTURE.write_text(
        picture.draw(
            {rows: {name: took["peak_mb"] for name, took in runs.items()} for rows, runs in points},
            goal_mb=GOAL_MB,
        )
    )
    names = list(dict.fromkeys(name for _, runs in points for name in runs))
    unit = "CPU us a profile: "
    head = ["profiles", *(unit + name for name in names), *(f"MB: {name}" for name in names)]
    cells = [
        [
            f"{rows:,}",
            *(_cell(runs.get(name), lambda at: at["cpu_s"] / rows * 1e6, 2) for name in names),  # noqa: B023 - called at once
            *(_cell(runs.get(name), lambda at: at["peak_mb"], 0) for name in names),
        ]
        for rows, runs in points
    ]
    return f"![Peak memory by the number of profiles]({PICTURE.name})\n\n{table(head, cells)}"


def _cell(took: dict[str, float] | None, value: Callable[[dict[str, float]], float], n: int) -> str:
    return "" if took is None else f"{value(took):.{n}f}"


def _xl(results: Results) -> str:
    """A hundred million, and what that costs beside ten."""
    text = _durable_plan(data.XL_ROWS, results)
    large, xl = (results.sizes.get(str(rows)) for rows in (data.LARGE_ROWS, data.XL_ROWS))
    if large is None or xl is None:
        return text
    wanted = [
        Goal(
            what=f"{data.XL_ROWS:,} / {data.LARGE_ROWS:,}, {name}, CPU",
            measured=xl[name]["cpu_s"] / large[name]["cpu_s"],
            wanted=12,
        )
        for name in (FIRST, CHURN)
    ]
    return f"{text}\n\n{report.goals(wanted)}"


def _sections(rows: int, results: Results) -> dict[str, tuple[str, Callable[[], str]]]:
    """Key, title and what measures it, in the order of the page."""
    large = data.LARGE_ROWS
    durable = partial(_durable_plan, results=results)
    return {
        "prepare": ("Preparing in memory", lambda: _prepare(rows)),
        "plan": (f"From file to durable plan, {rows:,} profiles", lambda: durable(rows)),
        "plan-large": (f"From file to durable plan, {large:,} profiles", lambda: durable(large)),
        XL: (f"From file to durable plan, {data.XL_ROWS:,} profiles", lambda: _xl(results)),
        "plan-csv": (
            f"From CSV to durable plan, {rows:,} profiles",
            lambda: report.costs(_pipeline(rows, "--csv"), LIMIT),
        ),
        "size": ("How cost and memory grow with size", lambda: _sizes(results)),
        "churn": (f"With churn, {rows:,} profiles", lambda: growth.by_churn(rows)),
        "audiences": (
            f"With audiences of one segment, {growth.AUDIENCE_ROWS:,} profiles, 1 % changed",
            growth.by_audiences,
        ),
        "many": (f"{many.AUDIENCES:,} due audiences", many.compare),
        "platforms": (
            f"From platform to platform, a first plan of {rows:,} profiles",
            lambda: growth.by_platform(rows),
        ),
        "sources": (f"Reading a source, {rows:,} rows", lambda: sources.compare(rows)),
        "exports": (
            f"File to file, {exports.PEER_ROWS:,} rows",
            lambda: exports.compare(exports.PEER_ROWS),
        ),
        "exports-large": (f"Exporting {large:,} rows", lambda: exports.large(large)),
        "start": ("Starting", _startup),
        "uploads": (f"Uploading {uploads.ROWS:,} profiles at full rate", uploads.compare),
        "sync": (f"A whole sync to a sink, {rows:,} profiles", lambda: _sync(rows)),
    }


def main() -> None:
    """Run all, or some sections, and write the page."""
    results = known()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=data.SMALL_ROWS)
    parser.add_argument(
        "--only", nargs="+", metavar="SECTION", choices=_sections(data.SMALL_ROWS, results)
    )
    options = parser.parse_args()
    if not options.only:
        results.sizes = {at: runs for at, runs in results.sizes.items() if int(at) == data.XL_ROWS}
    sections = _sections(options.rows, results)
    wanted = options.only or [key for key in sections if key != XL]
    sizes = {options.rows, data.SMALL_ROWS, data.LARGE_ROWS}
    for rows in sizes | ({data.XL_ROWS} if XL in wanted else set()):
        run("-m", "benchmarks.data", "--rows", str(rows))
    for key in wanted:
        title, measured = sections[key]
        before = load()
        results.add_section(key, title=title, text=measured(), load_before=before)
        # Minutes of measuring are not lost where a later case fails.
        results.save()
        found = [results.sections[each] for each in sections if each in results.sections]
        (ROOT / "docs" / "benchmarks.md").write_text(report.page(found))


if __name__ == "__main__":
    main()
