"""Printing audiences: all in one table, or a few side by side with everything known of them."""

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from audsync.cli import render
from audsync.cli.globals import Globals

Json = dict[str, Any]

_NUMBERS = frozenset({"size", "matched", "match rate", "confirmed", "success 30 d"})
_STYLES = {
    "completed": "green", "confirmed": "green", "partial": "yellow", "pending": "cyan",
    "failed": "red", "rejected": "red", "stale": "red",
}  # fmt: skip


def overview(records: Sequence[Json], settings: Globals) -> None:
    """All audiences, a line each."""
    if _is_told_otherwise(records, settings):
        return
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    names = (
        "audience", "platform", "size", "matched", "match rate", "confirmed", "settlement",
        "last sync", "next sync", "state", "success 30 d",
    )  # fmt: skip
    for name in names:
        table.add_column(name, justify="right" if name in _NUMBERS else "left")
    for one in records:
        table.add_row(
            one["audience"],
            one["platform"],
            _range(one["size_lower"], one["size_upper"]),
            _count(one["matched_size"]),
            _match_rate(one),
            _confirmed(one),
            _word(_settlement(one)),
            _coloured(one["last_sync_status"], one["last_sync_at"]),
            _next_sync(one),
            _state(one),
            _percent(one["success_rate_30d"]),
        )
    render.console(settings).print(table)
    _tell(records)


def side_by_side(records: Sequence[Json], settings: Globals) -> None:
    """A column for each audience, a line for each thing to know."""
    if _is_told_otherwise(records, settings):
        return
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("audience")
    for one in records:
        table.add_column(one["audience"], overflow="fold")
    for name, text in _LINES:
        cells = [text(one) for one in records]
        if set(cells) != {""}:
            table.add_row(name, *cells)
    render.console(settings).print(table)
    _tell(records)


def _is_told_otherwise(records: Sequence[Json], settings: Globals) -> bool:
    """Whether a program reads along, nobody does, or there is nothing for a table."""
    if settings.as_json:
        render.document({"audiences": list(records)})
        return True
    if settings.is_quiet:
        _tell(records, only_problems=True)
        return True
    if not records:
        sys.stdout.write(
            "No audiences yet. `audsync create SEGMENT --connection NAME` makes the first.\n"
        )
        return True
    return False


def _tell(records: Sequence[Json], *, only_problems: bool = False) -> None:
    """What is wrong, on stderr."""
    for one in records:
        for warning in () if only_problems else one.get("warnings", ()):
            sys.stderr.write(f"{one['audience']}: {warning['code']}: {warning['message']}\n")
        problem = one.get("refresh_error")
        if problem:
            sys.stderr.write(f"{one['audience']}: {problem['code']}: {problem['message']}\n")


def _range(lower: int | None, upper: int | None) -> str:
    """Bounds as far as they are known."""
    if upper is None:
        return _count(None) if not lower else f"from {lower:,}"
    if lower is None:
        return f"up to {upper:,}"
    return f"{upper:,}" if lower == upper else f"{lower:,} to {upper:,}"


def _match_rate(one: Json) -> str:
    """In the platform's words: a percent or a range of them."""
    bounds = one["matched_percent"]
    if bounds is None:
        return _percent(one["match_rate"])
    return f"{_range(*bounds)} %"


def _confirmed(one: Json) -> str:
    """Identifiers that have taken effect, of those that were accepted."""
    confirmed, accepted = one["identifiers_confirmed"], one["identifiers_accepted"]
    return f"{confirmed:,}" if confirmed == accepted else f"{confirmed:,} of {accepted:,}"


def _settlement(one: Json) -> str:
    return str((one["settlement"] or {}).get("status", ""))


def _requests(one: Json) -> str:
    """How many of the latest requests are final."""
    counts = one["settlement"]
    if counts is None:
        return ""
    return (
        f"{counts['requests']:,}: {counts['confirmed']:,} confirmed,"
        f" {counts['rejected']:,} rejected, {counts['pending']:,} pending"
    )


def _left_out(one: Json) -> str:
    """Rows that the platform left out of accepted requests, and why."""
    rows = (one["settlement"] or {}).get("rejected_rows")
    if not rows:
        return ""
    reasons = one["settlement"]["reasons"]
    return "\n".join([f"{rows:,}", *(f"{count:,} {reason}" for reason, count in reasons.items())])


def _state(one: Json) -> str:
    """Its own, and that its connection rests."""
    circuit = one["circuit"]["state"]
    word = _word(one["state"])
    return word if circuit == "closed" else f"{word}, [red]circuit {circuit.replace('_', '-')}[/]"


def _next_sync(one: Json) -> str:
    return _text(one["next_sync_at"]) if one["auto_sync"] else "paused"


def _last_sync(one: Json) -> str:
    status = one["last_sync_status"]
    return f"{_text(one['last_sync_at'])} {_word(status)}" if status else _text(None)


def _word(word: str) -> str:
    return _coloured(word, word)


def _coloured(word: str | None, text: str | None) -> str:
    style = _STYLES.get(word or "")
    return f"[{style}]{text}[/]" if style and text else _text(text)


def _text(value: object) -> str:
    return "-" if value is None else str(value)


def _note(value: str | None) -> str:
    """Words of others, which are no markup."""
    from rich.markup import escape

    return escape(value or "")


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"


def _codes(one: Json) -> Iterator[str]:
    yield from (warning["code"] for warning in one["warnings"])


_LINES: Sequence[tuple[str, Callable[[Json], str]]] = (
    ("platform", lambda one: str(one["platform"])),
    ("state", _state),
    ("segment", lambda one: str(one["segment"])),
    ("connection", lambda one: str(one["connection"])),
    ("account", lambda one: str(one["ad_account_id"])),
    ("id on the platform", lambda one: _text(one["platform_audience_id"])),
    ("name on the platform", lambda one: _note(one["platform_audience_name"])),
    ("identifiers accepted", lambda one: _count(one["identifiers_accepted"])),
    ("identifiers confirmed", lambda one: _count(one["identifiers_confirmed"])),
    ("settlement", lambda one: _word(_settlement(one))),
    ("requests", _requests),
    ("rows left out", _left_out),
    ("size", lambda one: _range(one["size_lower"], one["size_upper"])),
    ("size told", lambda one: one["size_told_at"] or ""),
    ("matched", lambda one: _count(one["matched_size"])),
    ("match rate", _match_rate),
    ("platform says", lambda one: _note(one["platform_note"])),
    ("warnings", lambda one: "\n".join(_codes(one))),
    ("last sync", _last_sync),
    ("last error", lambda one: _note(one["last_sync_error"])),
    ("next sync", _next_sync),
    ("every", lambda one: f"{one['sync_interval_hours']} h"),
    ("success 30 d", lambda one: _percent(one["success_rate_30d"])),
    ("audsync's id", lambda one: str(one["audience_id"])),
)


def reconciled(job: Json, settings: Globals) -> None:
    """By which way an audience was made exact again."""
    if settings.as_json or settings.is_quiet or job["error"]:
        return
    way = "All members were replaced."
    if job["operation"] == "update":
        way = "Whatever may be in the audience was sent or removed anew; it is still the same one."
    render.console(settings).print(way)
