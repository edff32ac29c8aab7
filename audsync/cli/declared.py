"""`apply`."""

from typing import TYPE_CHECKING, Annotated

import typer

from audsync.cli import render
from audsync.cli.context import globals_of, runtime_of
from audsync.cli.exit_codes import worst

if TYPE_CHECKING:
    from audsync.services.declared import Change


def apply(
    context: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be done.")
    ] = False,
) -> None:
    """Make and keep the audiences that the file declares under `audiences:`."""
    from audsync.services import declared as service

    settings = globals_of(context)
    runtime = runtime_of(context)
    changes = service.compare(runtime)
    applied = service.Applied(jobs=[], exit_codes=[])
    if not dry_run:
        with runtime.stop.on_signals():
            applied = service.apply(runtime)
    if settings.as_json:
        told = [change.as_json() for change in changes]
        render.document({"changes": told, "jobs": applied.jobs})
    elif not settings.is_quiet or any(applied.exit_codes):
        _tell(changes)
        if applied.jobs:
            render.jobs(applied.jobs, settings)
    raise typer.Exit(worst(applied.exit_codes))


def _tell(changes: "list[Change]") -> None:
    for change in changes:
        differs = f" ({', '.join(change.differs)})" if change.differs else ""
        typer.echo(f"{change.step.value:>10}  {change.audience}{differs}")
    if not changes:
        typer.echo("The file declares no audiences. Add them under `audiences:`.")
