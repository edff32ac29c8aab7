"""Printing: tables for people, one JSON document for programs. Data on stdout, talk on stderr."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson

from audsync.cli.globals import Globals
from audsync.errors import AudsyncError

if TYPE_CHECKING:
    from rich.console import Console

Json = dict[str, Any]

_STATUS_STYLE = {
    "completed": "green",
    "partial": "yellow",
    "failed": "red",
    "cancelled": "yellow",
    "running": "cyan",
}
_CAUSES = {
    "left_segment": "left the segment",
    "identifier_changed": "identifier changed",
    "suppressed": "suppressed",
    "consent_withdrawn": "consent withdrawn",
    "held_out": "held out",
}

_NUMBERS = frozenset(
    {
        *("", "adds", "removes", "unchanged", "added", "removed", "failed", "seconds", "batches"),
        *("batch", "rows", "tries", "received", "invalid"),
    }
)
"""Columns that hold numbers."""


def document(value: object) -> None:
    """The one JSON document of a command."""
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n")
    sys.stdout.flush()


def error(problem: AudsyncError, *, as_json: bool) -> None:
    """An error that no job records."""
    if as_json:
        document({"error": problem.as_json()})
        return
    sys.stderr.write(f"{problem.code}: {problem.message}\n")


def console(settings: Globals) -> "Console":
    """Where tables go; plain where nobody looks or colours are not wanted."""
    from rich.console import Console

    is_wide = not sys.stdout.isatty()
    return Console(
        no_color=settings.is_plain or None,
        width=200 if is_wide else None,
        highlight=False,
        soft_wrap=is_wide,
    )


def job(record: Json, settings: Globals) -> None:
    """One job that ended."""
    if settings.as_json:
        document(record)
        return
    failed = record["error"] is not None
    if settings.is_quiet and not failed:
        return
    if not settings.is_quiet:
        _describe_job(record, settings)
    _tell_problems(record)


def history(records: Sequence[Json], settings: Globals) -> None:
    """Jobs of the past; what they had to say was said then."""
    if settings.as_json:
        document({"jobs": list(records)})
        return
    _job_table(records, settings)


def jobs(records: Sequence[Json], settings: Globals) -> None:
    """Jobs that just ended; one that was not even begun has only `audience` and `error`."""
    if settings.as_json:
        document({"jobs": list(records)})
        return
    if not settings.is_quiet:
        _job_table(records, settings)
    for record in records:
        if record["error"] or not settings.is_quiet:
            _tell_problems(record)


def job_in_depth(record: Json, settings: Globals) -> None:
    """One job with its batches."""
    if settings.as_json:
        document(record)
        return
    _describe_job(record, settings)
    table = _table("batch", "action", "state", "rows", "tries", "received", "invalid", "error")
    for batch in record["batches"]:
        table.add_row(
            str(batch["number"]),
            batch["action"],
            batch["state"],
            _number(batch["rows"]),
            str(batch["attempts"]),
            _number(batch["received_rows"]),
            _number(batch["rejected_rows"]),
            batch["error"]["code"] if batch["error"] else "",
        )
    console(settings).print(table)
    _tell_left_out(record["left_out"], settings)
    _tell_problems(record)


def _tell_left_out(found: Sequence[Json], settings: Globals) -> None:
    """Whom the platform refused, by links that stand for profiles."""
    if not found:
        return
    table = _table("profile left out", "identifiers", "platform's code", "reason")
    for one in found:
        kinds = ", ".join(one["kinds"])
        table.add_row(one["profile"], kinds, one["platform_code"] or "", one["reason"])
    console(settings).print(table)


def plans(records: Sequence[Json], settings: Globals, *, is_many: bool) -> None:
    """What would be done."""
    if settings.as_json:
        document({"plans": list(records)} if is_many else records[0])
        return
    out = console(settings)
    for record in records:
        if "error" in record:
            _tell_problems(record)
            continue
        out.print(f"[bold]{record['audience']}[/] on {record['platform']}")
        table = _table("identifiers", "adds", "removes", "unchanged")
        for kind, change in record["identifiers"].items():
            table.add_row(kind, *(_number(change[key]) for key in ("adds", "removes", "unchanged")))
        out.print(table)
        for line in _plan_lines(record):
            out.print(line)


def unlocked(record: Json, settings: Globals) -> None:
    """What `unlock` did."""
    if settings.as_json:
        document(record)
        return
    words = "was released" if record["released"] else "was not locked"
    console(settings).print(f"{record['audience']} {words}.")


def _describe_job(record: Json, settings: Globals) -> None:
    out = console(settings)
    out.print(
        f"[bold]{record['audience']}[/] {record['operation']}"
        f" {_coloured(record['status'], record['status'])}"
        f" in {record['duration_ms'] / 1000:.1f} s  (job {record['job_id']})"
    )
    skipped = {name: count for name, count in record["profiles_skipped"].items() if count}
    table = _table("profiles", "")
    rows: list[tuple[str, int]] = [("read", record["profiles_read"])]
    rows += [(f"skipped: {name.replace('_', ' ')}", count) for name, count in skipped.items()]
    rows += [
        (name, record[f"profiles_{name}"])
        for name in ("unchanged", "sent", "added", "failed", "pending", "removed", "refreshed")
        if record[f"profiles_{name}"] or name in {"unchanged", "added", "removed"}
    ]
    for name, count in rows:
        table.add_row(name, _number(count))
    out.print(table)
    out.print(
        f"identifiers: {record['identifiers_added']:,} added,"
        f" {record['identifiers_removed']:,} removed;"
        f" batches: {record['successful_batches']} of {record['total_batches']} confirmed"
    )
    for kind, reasons in record["rejected"].items():
        told = ", ".join(f"{count:,} {reason}" for reason, count in reasons.items())
        out.print(f"rejected {kind}: {told}")


def _job_table(records: Sequence[Json], settings: Globals) -> None:
    table = _table(
        "job", "audience", "operation", "status", "started", "seconds", "added", "removed",
        "failed", "batches", "error",
    )  # fmt: skip
    for record in records:
        if "job_id" not in record:
            table.add_row("", record["audience"], *[""] * 8, record["error"]["code"])
            continue
        table.add_row(
            record["job_id"][:8],
            record["audience"],
            record["operation"],
            _coloured(record["status"], record["status"]),
            _text(record["started_at"]),
            f"{record['duration_ms'] / 1000:.1f}",
            _number(record["profiles_added"]),
            _number(record["profiles_removed"]),
            _number(record["profiles_failed"]),
            f"{record['successful_batches']}/{record['total_batches']}",
            record["error"]["code"] if record["error"] else "",
        )
    console(settings).print(table)


def _plan_lines(record: Json) -> list[str]:
    causes = ", ".join(
        f"{count:,} {_CAUSES[cause]}" for cause, count in record["removal_causes"].items() if count
    )
    skipped = ", ".join(
        f"{count:,} {name.replace('_', ' ')}"
        for name, count in record["profiles_skipped"].items()
        if count
    )
    lines = [
        (
            f"profiles: {record['profiles_new']:,} new, {record['profiles_changed']:,} changed,"
            f" {record['profiles_unchanged']:,} unchanged, {record['profiles_removed']:,} leave,"
            f" {record['profiles_refreshed']:,} sent again"
        ),
        f"removed because: {causes}" if causes else "",
        f"skipped: {skipped}" if skipped else "",
        *(
            f"{word}, among those suppressed: {record[key]:,}"
            for key, word in (("excluded", "of excluded segments"), ("held_out", "held out"))
            if record[key]
        ),
        (
            f"left out, as the platform refused them: {record['identifiers_left_out']:,} values of"
            f" {record['profiles_left_out']:,} profiles"
            if record["identifiers_left_out"]
            else ""
        ),
        (
            f"{record['batches']} batches, about {record['estimated_calls']} calls,"
            f" {record['estimated_minutes']:g} minutes"
        ),
    ]
    lines += [
        f"rejected {kind}: " + ", ".join(f"{count:,} {why}" for why, count in reasons.items())
        for kind, reasons in record["rejected"].items()
    ]
    lines += [
        f"[red]guard {guard['guard']}: {guard['message']}; override with --allow-shrink[/]"
        for guard in record["guards"]
        if not guard["ok"]
    ]
    if not record["has_changes"]:
        lines.append("Nothing to do.")
    return [line for line in lines if line]


def _tell_problems(record: Json) -> None:
    """Warnings and the error of a job, on stderr."""
    for warning in record.get("warnings", ()):
        sys.stderr.write(f"{warning['code']}: {warning['message']}\n")
    if record["error"]:
        sys.stderr.write(f"{record['error']['code']}: {record['error']['message']}\n")


def _table(*columns: str) -> Any:  # noqa: ANN401 - rich is loaded only here
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in _NUMBERS else "left")
    return table


def _coloured(status: str | None, text: str | None) -> str:
    style = _STATUS_STYLE.get(status or "")
    return f"[{style}]{text}[/]" if style and text else _text(text)


def _text(value: object) -> str:
    return "-" if value is None else str(value)


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
