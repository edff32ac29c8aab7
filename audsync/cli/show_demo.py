"""Printing for `demo`: each step with the command line that does it."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from audsync.cli import render, show_audiences, show_segments
from audsync.cli.globals import Globals

if TYPE_CHECKING:
    from audsync.services.demo.demonstration import Step, Story

Json = dict[str, Any]


def narrator(settings: Globals) -> "Callable[[Step], None]":
    """What tells each step as it happens; nothing where nobody reads along."""
    is_silent = settings.as_json or settings.is_quiet
    numbers = iter(range(1, 100))

    def tell(step: "Step") -> None:
        if is_silent:
            return
        sys.stdout.write(f"\n{next(numbers)}. {step.title}\n")
        for command in step.command.splitlines():
            sys.stdout.write(f"   $ {command}\n")
        sys.stdout.flush()
        _show(step, settings)

    return tell


def ending(story: "Story", settings: Globals) -> None:
    """How it came out, and where to go from here."""
    if settings.as_json:
        kept_in = str(story.kept_in) if story.kept_in else None
        steps = [asdict(step) for step in story.steps]
        render.document({"steps": steps, "exact": story.is_exact, "kept_in": kept_in})
        return
    if not story.is_exact:
        sys.stderr.write("\nNot exact: this is a bug of audsync; please report it.\n")
        return
    if settings.is_quiet:
        return
    sys.stdout.write("\nWith your own data: audsync init\n")
    if story.kept_in:
        sys.stdout.write(
            f"\nEverything is in {story.kept_in}. The sandbox has forgotten its members; to go on,"
            " in two terminals:\n"
            "   $ audsync sandbox\n"
            f"   $ audsync --config {story.kept_in}/audsync.yaml create customers"
            f" --connection {story.connections[0]} --id again\n"
        )


def _show(step: "Step", settings: Globals) -> None:
    shown = _SHOWN.get(step.shape.value)
    if shown is None:
        _facts(step.result)
    else:
        shown(step.result, settings)


def _facts(facts: Json) -> None:
    for name, value in facts.items():
        text = ", ".join(value) if isinstance(value, list) else value
        text = f"{text:,}" if isinstance(text, int) else text
        sys.stdout.write(f"   {name.replace('_', ' ')}: {text}\n")


def _checks(result: Json, _settings: Globals) -> None:
    for check in result["checks"]:
        mark = "ok  " if check["ok"] else "FAIL"
        sys.stdout.write(f"   {mark} {check['name']}: {check['detail']}\n")


def _plans(result: Json, settings: Globals) -> None:
    """A line a platform."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    counts = ("new", "changed", "unchanged", "removed", "refreshed")
    table.add_column("audience")
    for name in (*counts, "adds", "removes", "batches"):
        table.add_column(name, justify="right")
    for plan in result["plans"]:
        changes = plan["identifiers"].values()
        numbers = [plan[f"profiles_{name}"] for name in counts]
        numbers += [sum(one[what] for one in changes) for what in ("adds", "removes")]
        table.add_row(plan["audience"], *(f"{each:,}" for each in [*numbers, plan["batches"]]))
    render.console(settings).print(table)


def _verdict(result: Json) -> None:
    here, there = result["identifiers_in_segment"], result["identifiers_on_platform"]
    if result["is_exact"]:
        sys.stdout.write(
            f"   {result['platform']} is exact: {there:,} identifiers there = {here:,} in the"
            f" segment, {result['people_on_platform']:,} people = {result['people_in_segment']:,};"
            " none arrived unhashed\n"
        )
        return
    sys.stdout.write(
        f"   {result['platform']} is NOT EXACT: {there:,} identifiers there, {here:,} in the"
        f" segment: {result['missing']:,} missing, {result['unexpected']:,} unexpected;"
        f" {result['people_on_platform']:,} people for {result['people_in_segment']:,}:"
        f" {result['people_missing']:,} missing, {result['people_unexpected']:,} unexpected;"
        f" {result['violations']:,} violations\n"
    )


def _verdicts(result: Json, _settings: Globals) -> None:
    for verdict in result["platforms"]:
        _verdict(verdict)


_SHOWN: Mapping[str, Callable[[Json, Globals], None]] = {
    "checks": _checks,
    "readiness": show_segments.readiness,
    "jobs": lambda result, settings: render.jobs(result["jobs"], settings),
    "job_in_depth": render.job_in_depth,
    "plans": _plans,
    "audiences": lambda result, settings: show_audiences.overview(result["audiences"], settings),
    "side_by_side": lambda result, settings: show_audiences.side_by_side(
        result["audiences"], settings
    ),
    "export": lambda result, settings: show_segments.exported(
        result["report"], result["left_out"], settings
    ),
    "verdicts": _verdicts,
}
"""How each shape of a result is shown; whatever else there is are facts."""
