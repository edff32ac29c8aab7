"""`create`, `delete`, `status`, `pause`, `resume`, `set`, `unlock`."""

from typing import Annotated

import typer

from audsync.cli import render, show_audiences
from audsync.cli.context import confirm, globals_of, runtime_of
from audsync.cli.exit_codes import worst
from audsync.cli.options import AllowShrink, AudienceName, Every, Yes
from audsync.errors import UsageError


def create(  # noqa: PLR0913, PLR0917 - one parameter an option
    context: typer.Context,
    segment: Annotated[str, typer.Argument(metavar="SEGMENT", help="A segment of the file.")],
    connection: Annotated[str, typer.Option("--connection", help="A connection of the file.")],
    name: Annotated[str | None, typer.Option(help="Its name on the platform.")] = None,
    description: Annotated[str | None, typer.Option(help="Its description there.")] = None,
    every: Annotated[Every | None, typer.Option(help="Time between two syncs.")] = None,
    no_auto_sync: Annotated[
        bool, typer.Option("--no-auto-sync", help="Sync only when told to.")
    ] = False,
    slug: Annotated[
        str | None, typer.Option("--id", help="Its slug; default SEGMENT-CONNECTION.")
    ] = None,
) -> None:
    """Make the platform audience and upload the segment."""
    from audsync.services import audiences as service

    runtime = runtime_of(context)
    new = service.NewAudience(
        segment=segment,
        connection=connection,
        slug=slug,
        name=name,
        description=description,
        every_hours=every.hours if every else None,
        auto_sync=False if no_auto_sync else None,
    )
    with runtime.stop.on_signals():
        report = service.create(runtime, new)
    render.job(report.job, globals_of(context))
    raise typer.Exit(report.exit_code)


def delete(
    context: typer.Context,
    audience: AudienceName,
    yes: Yes = False,
    keep_remote: Annotated[
        bool, typer.Option("--keep-remote", help="Leave the platform's audience alone.")
    ] = False,
) -> None:
    """Delete an audience on the platform, then retire it; its history is kept."""
    from audsync.services import audiences as service

    runtime = runtime_of(context)
    service.find(runtime, audience)
    where = "here only" if keep_remote else "on the platform, for good"
    confirm(context, f"Delete {audience} {where}?", is_sure=yes)
    report = service.delete(runtime, audience, keep_remote=keep_remote)
    render.job(report.job, globals_of(context))
    raise typer.Exit(report.exit_code)


def status(
    context: typer.Context,
    audience: Annotated[str | None, typer.Argument(metavar="[AUDIENCE]")] = None,
    segment: Annotated[
        str | None, typer.Option("--segment", help="Only audiences of this segment.")
    ] = None,
    refresh: Annotated[
        bool,
        typer.Option("--refresh", help="Ask the platforms first."),
    ] = False,
) -> None:
    """Show all audiences, those of a segment side by side, or one in depth."""
    from audsync.cli.context import config_of
    from audsync.store.glance import is_surely_empty

    settings = globals_of(context)
    if audience is None and is_surely_empty(config_of(context).store.url):
        show_audiences.overview([], settings)
        return
    from audsync.services import audiences as service

    runtime = runtime_of(context)
    problems = {}
    if refresh:
        with runtime.stop.on_signals():
            problems = service.refresh(runtime, reference=audience, segment=segment)
    found = service.status(runtime, reference=audience, segment=segment)
    for one in found:
        problem = problems.get(one["audience"])
        one["refresh_error"] = problem.as_json() if problem else None
    is_in_depth = audience is not None or segment is not None
    show = show_audiences.side_by_side if is_in_depth else show_audiences.overview
    show(found, settings)
    raise typer.Exit(worst([problem.exit_code for problem in problems.values()]))


def pause(context: typer.Context, audience: AudienceName) -> None:
    """Stop syncing an audience by itself."""
    from audsync.services import audiences as service

    changed = service.schedule(runtime_of(context), audience, auto_sync=False)
    show_audiences.side_by_side([changed], globals_of(context))


def resume(
    context: typer.Context,
    audience: Annotated[
        str | None, typer.Argument(metavar="[AUDIENCE]", help="Its slug or UUID.")
    ] = None,
    connection: Annotated[
        str | None,
        typer.Option("--connection", help="All that stopped when this connection failed."),
    ] = None,
) -> None:
    """Sync an audience by itself again, or all that dead credentials stopped."""
    from audsync.services import audiences as service
    from audsync.services import resuming

    runtime, settings = runtime_of(context), globals_of(context)
    if audience is not None and connection is None:
        changed = service.schedule(runtime, audience, auto_sync=True)
        show_audiences.side_by_side([changed], settings)
    elif connection is not None and audience is None:
        resumed = resuming.resume_all(runtime, connection)
        if not (resumed or settings.as_json):
            typer.echo(f"Nothing was stopped: {connection} works.", err=True)
            return
        show_audiences.overview(resumed, settings)
    else:
        raise UsageError("Name an audience, or say --connection; not both.")


def set_(
    context: typer.Context,
    audience: AudienceName,
    every: Annotated[Every, typer.Option(help="Time between two syncs.")],
) -> None:
    """Change how often an audience is synced."""
    from audsync.services import audiences as service

    changed = service.schedule(runtime_of(context), audience, every_hours=every.hours)
    show_audiences.side_by_side([changed], globals_of(context))


def recreate(
    context: typer.Context, audience: AudienceName, allow_shrink: AllowShrink = False
) -> None:
    """Make an audience anew that the platform has lost, and upload the segment."""
    from audsync.services import stale as service

    runtime = runtime_of(context)
    with runtime.stop.on_signals():
        report = service.recreate(runtime, audience, allow_shrink=allow_shrink)
    render.job(report.job, globals_of(context))
    raise typer.Exit(report.exit_code)


def unlink(context: typer.Context, audience: AudienceName) -> None:
    """Retire an audience here without touching the platform; its history is kept."""
    from audsync.services import stale as service

    report = service.unlink(runtime_of(context), audience)
    render.job(report.job, globals_of(context))
    raise typer.Exit(report.exit_code)


def unlock(
    context: typer.Context,
    audience: AudienceName,
    force: Annotated[
        bool, typer.Option("--force", help="Release it although its holder is alive.")
    ] = False,
) -> None:
    """Release the lock that a dead process left on an audience."""
    from audsync.services import audiences as service

    released = service.unlock(runtime_of(context), audience, force=force)
    render.unlocked(released, globals_of(context))
