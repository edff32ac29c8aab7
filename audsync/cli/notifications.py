"""`notifications list` and `notifications test`."""

from typing import Annotated

import typer

from audsync.cli import render
from audsync.cli.context import globals_of, runtime_of

FAILED_EXIT_CODE = 1

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="What receivers were told, or wait to be told; and whether they can be reached.",
)


@app.command("list")
def list_(
    context: typer.Context,
    pending: Annotated[bool, typer.Option("--pending", help="Only those not sent yet.")] = False,
) -> None:
    """The latest notifications, newest first, and what became of each."""
    from audsync.cli import show_notifications
    from audsync.services.watch import outbox

    settings = globals_of(context)
    found = outbox.listed(runtime_of(context), is_pending=pending)
    if settings.as_json:
        render.document({"notifications": found})
        return
    show_notifications.table(found, settings)


@app.command("test")
def try_(
    context: typer.Context,
    receiver: Annotated[
        str | None,
        typer.Argument(
            metavar="URL-or-NUMBER", help="An address, or a receiver's number; default: all."
        ),
    ] = None,
) -> None:
    """Send a test message, and say what came of it; exit 1 where it was not taken."""
    from audsync.cli import show_notifications
    from audsync.services.watch import outbox

    settings = globals_of(context)
    tried = outbox.test(runtime_of(context), receiver)
    if settings.as_json:
        render.document({"receivers": [one.as_json() for one in tried]})
    elif not settings.is_quiet:
        show_notifications.tried(tried)
    raise typer.Exit(FAILED_EXIT_CODE if any(one.problem for one in tried) else 0)
