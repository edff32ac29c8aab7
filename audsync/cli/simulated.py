"""`sandbox` and `demo`: the platforms in memory."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audsync.cli.context import globals_of

if TYPE_CHECKING:
    from audsync.sandbox.serve import Running


def sandbox(
    context: typer.Context,
    port: Annotated[
        int,
        typer.Option("--port", min=0, max=65535, help="Where to listen; 0 for any free port."),
    ] = 8787,
    faults: Annotated[
        Path | None, typer.Option("--faults", help="A JSON file of faults to begin with.")
    ] = None,
) -> None:
    """Serve the simulated platforms on loopback until stopped."""
    from audsync.cli import show_setup
    from audsync.sandbox.serve import serve_forever
    from audsync.services.connections.sandbox_access import connections_to

    settings = globals_of(context)

    def ready(running: "Running") -> None:
        connections = connections_to(running.world.platforms, running.url)
        show_setup.sandbox(running.url, connections, settings)

    serve_forever(port=port, faults=faults, on_ready=ready)


def demo(
    context: typer.Context,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="DIR", help="Work in this new folder, and leave it."),
    ] = None,
) -> None:
    """Show the whole story on sample data against the sandbox, leaving nothing behind."""
    from audsync.cli import show_demo
    from audsync.services.demo import demonstration

    settings = globals_of(context)
    story = demonstration.demonstrate(keep, tell=show_demo.narrator(settings))
    show_demo.ending(story, settings)
    if not story.is_exact:
        raise typer.Exit(1)
