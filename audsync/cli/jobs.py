"""`jobs` and `jobs show`."""

from typing import Annotated

import typer

from audsync.cli import render
from audsync.cli.context import globals_of, runtime_of
from audsync.domain import SyncStatus

app = typer.Typer(
    invoke_without_command=True, rich_markup_mode=None, help="The history of what was done."
)


@app.callback()
def listed(
    context: typer.Context,
    audience: Annotated[
        str | None, typer.Option("--audience", help="Only jobs of this audience.")
    ] = None,
    status: Annotated[
        SyncStatus | None, typer.Option("--status", help="Only jobs that ended so.")
    ] = None,
) -> None:
    """The latest jobs, newest first."""
    if context.invoked_subcommand:
        return
    from audsync.services import audiences as service

    found = service.history(runtime_of(context), reference=audience, status=status)
    render.history(found, globals_of(context))


@app.command()
def show(
    context: typer.Context,
    job: Annotated[str, typer.Argument(metavar="JOB", help="Its id, or the first 8 digits.")],
) -> None:
    """One job with each of its batches."""
    from audsync.services import audiences as service

    render.job_in_depth(service.job_in_depth(runtime_of(context), job), globals_of(context))
