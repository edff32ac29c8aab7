"""`plan`, `sync`, `replace`, `reconcile`, `retry`."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audsync.cli import render, show_audiences
from audsync.cli.context import globals_of, runtime_of
from audsync.cli.exit_codes import worst
from audsync.cli.options import AllowShrink, AudienceName
from audsync.errors import AudsyncError, UsageError

if TYPE_CHECKING:
    from audsync.services.jobs.sync_audience import Report
    from audsync.services.wiring.runtime import Runtime

Audiences = Annotated[
    list[str] | None, typer.Argument(metavar="AUDIENCE...", help="Slugs or UUIDs.")
]
CHANGES_EXIT_CODE = 2


def plan(
    context: typer.Context,
    audiences: Audiences = None,
    every_one: Annotated[bool, typer.Option("--all", help="All audiences.")] = False,
    detailed_exitcode: Annotated[
        bool,
        typer.Option("--detailed-exitcode", help="0 nothing to do, 2 changes, 1 error."),
    ] = False,
) -> None:
    """Show what `sync` would do, touching nothing."""
    has_changes = _plan(context, audiences, every_one=every_one, is_detailed=detailed_exitcode)
    raise typer.Exit(CHANGES_EXIT_CODE if detailed_exitcode and has_changes else 0)


def sync(
    context: typer.Context,
    audiences: Audiences = None,
    every_one: Annotated[bool, typer.Option("--all", help="All audiences.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="The same as `plan`.")] = False,
    allow_shrink: AllowShrink = False,
) -> None:
    """Add and remove the difference between the segment and the audience."""
    from audsync.services import audiences as service

    if dry_run:
        _plan(context, audiences, every_one=every_one, is_detailed=False)
        return
    runtime = runtime_of(context)
    names = _names(runtime, audiences, every_one=every_one)
    _run(
        context,
        runtime,
        names,
        lambda name: service.sync(runtime, name, allow_shrink=allow_shrink),
        is_many=every_one or len(names) > 1,
    )


def replace(
    context: typer.Context,
    audience: AudienceName,
    allow_shrink: AllowShrink = False,
    wipe: Annotated[
        bool,
        typer.Option("--wipe", help="Snapchat: empty the audience first instead of a new one."),
    ] = False,
) -> None:
    """Make the platform hold exactly the segment, trusting no snapshot."""
    from audsync.services import audiences as service

    runtime = runtime_of(context)
    _run(
        context,
        runtime,
        [audience],
        lambda name: service.replace(runtime, name, allow_shrink=allow_shrink, wipe=wipe),
    )


def reconcile(
    context: typer.Context, audience: AudienceName, allow_shrink: AllowShrink = False
) -> None:
    """Make an audience exact again after state was lost, restored, or members were changed by hand.

    Everybody is sent again. Meta and Google swap all members without an empty moment, as `replace`
    does. Elsewhere the audience stays and what may be in it is sent or removed anew; only where
    its state files are gone, a new audience takes its place.
    """
    from audsync.services import audiences as service

    runtime = runtime_of(context)

    def act(name: str) -> "Report":
        report = service.reconcile(runtime, name, allow_shrink=allow_shrink)
        show_audiences.reconciled(report.job, globals_of(context))
        return report

    _run(context, runtime, [audience], act)


def retry(
    context: typer.Context,
    job: Annotated[str, typer.Argument(metavar="JOB", help="Its id, or the first 8 digits.")],
    allow_shrink: AllowShrink = False,
) -> None:
    """Send again only what a job did not get confirmed, or left out."""
    from audsync.services.jobs import retrying

    runtime = runtime_of(context)
    _run(
        context,
        runtime,
        [job],
        lambda name: retrying.retry(runtime, name, allow_shrink=allow_shrink),
    )


def _run(
    context: typer.Context,
    runtime: "Runtime",
    names: Sequence[str],
    act: Callable[[str], Any],
    *,
    is_many: bool = False,
) -> None:
    """Run one job for each name; one that fails does not stop the others, a signal does."""
    settings = globals_of(context)
    jobs: list[dict[str, Any]] = []
    codes = [0]
    with runtime.stop.on_signals():
        for name in names:
            try:
                report = act(name)
            except AudsyncError as error:
                if not is_many:
                    raise
                jobs.append({"audience": name, "error": error.as_json()})
                codes.append(error.exit_code)
            else:
                jobs.append(report.job)
                codes.append(report.exit_code)
            if codes[-1] == 130:  # noqa: PLR2004 - a signal means all of them
                break
    if is_many:
        render.jobs(jobs, settings)
    else:
        render.job(jobs[0], settings)
    raise typer.Exit(worst(codes))


def _plan(
    context: typer.Context,
    audiences: list[str] | None,
    *,
    every_one: bool,
    is_detailed: bool,
) -> bool:
    from audsync.services.jobs.planning import plan as make

    settings = globals_of(context)
    runtime = runtime_of(context)
    names = _names(runtime, audiences, every_one=every_one)
    is_many = every_one or len(names) > 1
    plans: list[dict[str, Any]] = []
    codes = [0]
    for name in names:
        try:
            plans.append(make(runtime, name))
        except AudsyncError as error:
            if not is_many:
                render.error(error, as_json=settings.as_json)
            plans.append({"audience": name, "error": error.as_json()})
            codes.append(error.exit_code)
    if is_many or len(codes) == 1:
        render.plans(plans, settings, is_many=is_many)
    if len(codes) > 1:
        raise typer.Exit(1 if is_detailed else worst(codes))
    return any(one["has_changes"] for one in plans)


def _names(runtime: "Runtime", audiences: list[str] | None, *, every_one: bool) -> list[str]:
    from audsync.services import audiences as service

    if every_one == bool(audiences):
        raise UsageError("Name audiences, or say --all; not both.")
    return list(service.all_references(runtime)) if every_one else list(audiences or [])
