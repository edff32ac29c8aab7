"""`run-due`."""

from typing import Annotated

import typer

from audsync.cli.context import globals_of, runtime_of
from audsync.errors import UsageError


def run_due(
    context: typer.Context,
    max_concurrent: Annotated[
        int | None,
        typer.Option(
            "--max-concurrent",
            min=1,
            max=100,
            metavar="N",
            help="Audiences at once; default limits.max_concurrent_syncs.",
        ),
    ] = None,
    time_budget: Annotated[
        str | None,
        typer.Option(
            "--time-budget", metavar="TIME", help="Begin nothing new after it, such as 50m."
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, metavar="N", help="Sync no more than so many audiences."),
    ] = None,
) -> None:
    """Sync every audience whose time has come, once. Cron may call it as often as it likes."""
    from audsync.cli import show_due
    from audsync.services.watch.last_run import was_idle

    settings = globals_of(context)
    runtime = runtime_of(context)
    budget_s = _seconds(time_budget) if time_budget is not None else None
    if was_idle(runtime):
        show_due.nothing(settings)
        return
    from audsync.services.cron import run_due as service

    pace = service.Pace(max_concurrent=max_concurrent, budget_s=budget_s, limit=limit)
    with runtime.stop.on_signals():
        report = service.run_due(runtime, pace, told=show_due.teller(settings))
    show_due.report(report, settings)
    raise typer.Exit(report.exit_code)


def _seconds(text: str) -> int:
    from audsync.config.times import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--time-budget {error}.", details={"option": "--time-budget"}) from None
