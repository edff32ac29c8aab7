"""`audit list`, `audit verify` and `audit export`."""

import sys
from typing import Annotated

import typer

from audsync.cli import render
from audsync.cli.context import globals_of, runtime_of

BROKEN_EXIT_CODE = 1

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Who did what, in a trail that shows changes."
)


@app.command("list")
def list_(
    context: typer.Context,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="WHEN", help="Such as 24h, 7d, or 2026-11-22."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, metavar="N", help="At most so many.")
    ] = 50,
) -> None:
    """The latest entries, newest first."""
    from audsync.cli import show_audit
    from audsync.services import auditing as service

    settings, runtime = globals_of(context), runtime_of(context)
    moment = show_audit.moment(since, now=runtime.clock.now()) if since is not None else None
    found = service.listed(runtime, since=moment, limit=limit)
    if settings.as_json:
        render.document({"entries": found})
        return
    show_audit.lines(found)


@app.command()
def verify(
    context: typer.Context,
    expect: Annotated[
        str | None,
        typer.Option(
            "--expect", metavar="HASH", help="A head noted earlier, that must still be there."
        ),
    ] = None,
) -> None:
    """Make sure that no entry was changed, removed or put in; exit 1 and say where if one was."""
    from audsync.cli import show_audit
    from audsync.services import auditing as service

    settings = globals_of(context)
    found = service.verify(runtime_of(context), expected=expect)
    if settings.as_json:
        render.document(found)
    else:
        show_audit.verdict(found, settings)
    raise typer.Exit(0 if found["ok"] else BROKEN_EXIT_CODE)


@app.command()
def export(
    context: typer.Context,
    out: Annotated[str, typer.Option("--out", metavar="PATH", help="A file; `-` is stdout.")],
) -> None:
    """Write the whole trail as JSON Lines, first entry first."""
    from audsync.services import auditing as service

    settings, runtime = globals_of(context), runtime_of(context)
    with runtime.stop.on_signals():
        done = service.export(runtime, out, stdout=sys.stdout.buffer)
    if out == "-":
        return
    if settings.as_json:
        render.document(done)
    elif not settings.is_quiet:
        typer.echo(f"{done['entries']:,} entries are in {out}.")
