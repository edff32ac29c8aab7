"""`health` and `metrics`."""

from pathlib import Path
from typing import Annotated

import typer

from audsync.cli import render
from audsync.cli.context import globals_of, runtime_of


def health(context: typer.Context) -> None:
    """Say whether connections, scheduler and syncs are in order; exit 1 where they are not."""
    from audsync.services.watch import health as service

    settings = globals_of(context)
    signals = service.examine(runtime_of(context))
    is_healthy = all(signal.ok for signal in signals)
    if settings.as_json:
        checks = [signal.as_json() for signal in signals]
        render.document({"status": "healthy" if is_healthy else "degraded", "checks": checks})
    elif not (settings.is_quiet and is_healthy):
        for signal in signals:
            since = f" (since {signal.since:%Y-%m-%d %H:%M} UTC)" if signal.since else ""
            typer.echo(f"{'ok ' if signal.ok else 'BAD'}  {signal.check}: {signal.detail}{since}")
    raise typer.Exit(0 if is_healthy else 1)


def metrics(
    context: typer.Context,
    textfile: Annotated[
        Path | None,
        typer.Option("--textfile", metavar="PATH", help="Write a file instead of stdout."),
    ] = None,
) -> None:
    """Print OpenMetrics text, or write it for a node exporter's textfile collector."""
    from audsync.services.watch import metrics as service

    runtime = runtime_of(context)
    if textfile is None and globals_of(context).as_json:
        render.document({"metrics": service.document(runtime)})
    elif textfile is None:
        typer.echo(service.text(runtime), nl=False)
    else:
        service.write(runtime, textfile)
