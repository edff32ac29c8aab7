"""Printing what `hash`, `check` and `export` found."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from audsync.cli import render
from audsync.cli.globals import Globals

Json = dict[str, Any]

_TEXTS = frozenset({"column", "type", "platform", "value", "normalized", "sent"})
"""Columns that hold no numbers."""


def hashes(answers: Sequence[Json], settings: Globals) -> None:
    """One row for each value and platform."""
    if settings.as_json:
        render.document({"values": list(answers)})
        return
    from rich.markup import escape

    table = _table("value", "platform", "type", "normalized", "sent")
    for one in answers:
        rejected = one["rejected"]
        if rejected:
            sent = f"[red]rejected: {rejected}[/]"
        else:
            sent = escape(one["sent"]) if one["sent"] else "not taken"
        normal = one["normalized"]
        if normal is None:
            normal = "-" if rejected else "hashed already"
        table.add_row(escape(one["value"]), one["platform"], one["type"], escape(normal), sent)
    render.console(settings).print(table)


def readiness(found: Json, settings: Globals) -> None:
    """What `check` found: columns, platforms, advice."""
    if settings.as_json:
        render.document(found)
        return
    from rich.markup import escape

    out = render.console(settings)
    out.print(
        f"[bold]{escape(found['segment'])}[/]: {found['rows']:,} rows,"
        f" {found['profiles']:,} profiles"
    )
    out.print(_columns_table(found["columns"]))
    for column in found["columns"]:
        for line in _reject_lines(column):
            out.print(line)
    out.print(_reach_table(found["platforms"]))
    for advice in found["advice"]:
        out.print(f"[yellow]![/] {escape(advice['message'])}")
    if not found["advice"]:
        out.print("[green]Nothing to mend.[/]")


def exported(
    report: Json, left_out: Mapping[str, int], settings: Globals, notes: Sequence[str] = ()
) -> None:
    """Where the file is; on stderr when the data itself went to stdout."""
    lines = [f"Rows left out, {cause}: {count:,}" for cause, count in left_out.items() if count]
    lines += [f"Warning: {note}" for note in notes]
    if not settings.is_quiet:
        sys.stderr.writelines(f"{line}\n" for line in lines)
    if report["download_url"] is None:
        if settings.as_json:
            sys.stderr.buffer.write(orjson.dumps(report, option=orjson.OPT_APPEND_NEWLINE))
        elif not settings.is_quiet:
            sys.stderr.write(_export_line(report) + "\n")
        return
    if settings.as_json:
        render.document(report)
    elif not settings.is_quiet:
        render.console(settings).print(_export_line(report), markup=False)


def _export_line(report: Json) -> str:
    where = report["download_url"] or "stdout"
    files = report.get("files", ())
    if files:
        where = "".join(f"\n  {file['download_url']}" for file in files)
    return (
        f"{report['profile_count']:,} profiles as {report['format']},"
        f" {report['file_size_bytes']:,} bytes: {where}"
    )


def _columns_table(columns: Sequence[Json]) -> Any:  # noqa: ANN401 - rich is loaded only here
    from rich.markup import escape

    table = _table(
        "column", "type", "filled", "valid", "invalid", "distinct", "duplicates", "hashed", "shared"
    )
    for one in columns:
        hashed = f"{one['already_hashed']:,}"
        table.add_row(
            escape(one["column"]),
            one["type"],
            f"{one['filled']:,}",
            f"{one['valid']:,}",
            f"{sum(one['invalid'].values()):,}",
            f"{one['distinct']:,}",
            f"{one['duplicates']:,}",
            f"[yellow]{hashed} (mixed)[/]" if one["is_mixed"] else hashed,
            f"{one['shared']['values']:,}",
        )
    return table


def _reject_lines(column: Json) -> list[str]:
    from rich.markup import escape

    return [
        escape(
            f"{column['column']}: {count:,} {reason}, such as"
            f" {', '.join(column['samples'].get(reason, ()))}"
        )
        for reason, count in column["invalid"].items()
    ]


def _reach_table(platforms: Sequence[Json]) -> Any:  # noqa: ANN401 - rich is loaded only here
    causes = ("no_valid_identifier", "no_consent", "suppressed", "duplicate")
    told = [why for why in ("excluded", "held_out") if any(one[why] for one in platforms)]
    table = _table(
        "platform",
        "sendable",
        *(cause.replace("_", " ") for cause in causes),
        *(f"of these {why.replace('_', ' ')}" for why in told),
    )
    for one in platforms:
        table.add_row(
            one["platform"],
            f"[bold]{one['sendable']:,}[/]",
            *(f"{one['skipped'][cause]:,}" for cause in causes),
            *(f"{one[why]:,}" for why in told),
        )
    return table


def _table(*columns: str) -> Any:  # noqa: ANN401 - rich is loaded only here
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        is_text = column in _TEXTS
        table.add_column(column, overflow="fold", justify="left" if is_text else "right")
    return table
