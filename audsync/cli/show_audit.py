"""The audit trail as lines; and moments as a person says them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import typer

from audsync.cli.globals import Globals
from audsync.errors import UsageError

Json = dict[str, Any]


def moment(text: str, *, now: datetime) -> datetime:
    """The moment that a person means: so long before `now`, or a day or time, in UTC.

    Raises:
        UsageError: it is neither.
    """
    from audsync.config.times import parse_duration

    try:
        return now - timedelta(seconds=parse_duration(text))
    except ValueError:
        pass
    try:
        said = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            "--since is a time back, such as 24h or 7d, or a moment, such as 2026-11-22 or"
            " 2026-11-22T14:00.",
            details={"option": "--since"},
        ) from None
    return said.replace(tzinfo=UTC) if said.tzinfo is None else said


def lines(entries: Sequence[Json]) -> None:
    """Entries, newest first, a line each: number, moment in UTC, who, what, to what, by which."""
    if not entries:
        typer.echo("No entries.")
        return
    for one in entries:
        actor = one.get("actor", {})
        who = f"{actor.get('user', '')}@{actor.get('host', '')}"
        told = "; ".join(filter(None, (_pairs(one.get("subject")), _pairs(one.get("details")))))
        command = " ".join(("audsync", *actor["command"])) if actor.get("command") else ""
        typer.echo(
            f"{one['number']:>6}  {one['at'][:19].replace('T', ' ')}  {who}  {one['act']}  {told}"
            + f"  [{command}]" * bool(command)
        )


def verdict(found: Json, settings: Globals) -> None:
    """What a look at the whole trail came to."""
    if found["ok"]:
        if not settings.is_quiet:
            typer.echo(f"{found['entries']:,} entries, in order. The last one's hash is the head:")
            typer.echo(found["head"])
        return
    where = f"entry {found['bad_entry']}: " if found["bad_entry"] else ""
    typer.echo(f"{where}{found['problem']}", err=True)


def _pairs(told: Json | None) -> str:
    shown = {name: value for name, value in (told or {}).items() if value not in (None, 0, [])}
    return ", ".join(f"{name} {value}" for name, value in shown.items())
