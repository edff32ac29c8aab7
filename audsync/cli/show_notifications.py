"""Notifications as tables and lines; addresses come masked."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from audsync.cli import render
from audsync.cli.globals import Globals

if TYPE_CHECKING:
    from audsync.services.watch.outbox import Tried

Json = dict[str, Any]
_COLUMNS = ("when", "event", "about", "receiver", "status", "attempts", "problem")


def table(records: Sequence[Json], settings: Globals) -> None:
    """Notifications, newest first."""
    from rich.table import Table

    if not records:
        typer.echo("No notifications.")
        return
    shown = Table(*_COLUMNS, box=None, pad_edge=False)
    for one in records:
        shown.add_row(
            one["created_at"],
            one["event"],
            one["audience"] or one["connection"] or "-",
            f"{one['receiver']}: {one['address'] or 'gone'}",
            one["status"],
            str(one["attempts"]),
            one["problem"] or "",
        )
    render.console(settings).print(shown)


def tried(found: "Sequence[Tried]") -> None:
    """What came of test messages."""
    for one in found:
        number = f"{one.receiver}: " if one.receiver is not None else ""
        typer.echo(
            f"{'BAD' if one.problem else 'ok '}  {number}{one.address} {one.problem}".rstrip()
        )
