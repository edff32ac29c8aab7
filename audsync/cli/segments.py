"""`check`, `export`, `hash`."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from audsync.cli import show_segments
from audsync.cli.context import globals_of, runtime_of
from audsync.cli.globals import Globals
from audsync.domain import Platform
from audsync.errors import UsageError

Segment = Annotated[str, typer.Argument(metavar="SEGMENT", help="A segment of the file.")]


class ExportFormat(StrEnum):
    """How a segment is written."""

    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"
    PARQUET = "parquet"


def check(
    context: typer.Context,
    segment: Segment,
    platform: Annotated[
        Platform | None, typer.Option("--for", help="Only this platform; default all.")
    ] = None,
) -> None:
    """Show how well a segment will match, before the first call to a platform."""
    from audsync.services.segments import checking

    runtime = runtime_of(context)
    platforms = [platform] if platform else list(Platform)
    with runtime.stop.on_signals():
        found = checking.check(runtime, segment, platforms)
    show_segments.readiness(found, globals_of(context))


def export(  # noqa: PLR0913, PLR0917 - one parameter an option
    context: typer.Context,
    out: Annotated[
        str, typer.Option("--out", metavar="PATH", help="A file, s3://bucket/key, or - for stdout.")
    ],
    segment: Annotated[
        str | None, typer.Argument(metavar="[SEGMENT]", help="A segment of the file.")
    ] = None,
    form: Annotated[
        ExportFormat, typer.Option("--format", help="How to write it.")
    ] = ExportFormat.CSV,
    identifiers: Annotated[
        str | None,
        typer.Option(help="Types, commas between; default email,phone where mapped."),
    ] = None,
    hashed: Annotated[
        bool, typer.Option("--hash/--no-hash", help="Hashes, or normal forms as plain text.")
    ] = True,
    platform: Annotated[
        Platform | None,
        typer.Option("--for", help="As this platform takes them; default hashed in Meta's form."),
    ] = None,
    traits: Annotated[
        bool, typer.Option("--traits/--no-traits", help="With the segment's traits.")
    ] = True,
    events: Annotated[
        bool, typer.Option("--events/--no-events", help="With what its people did.")
    ] = False,
    yes_plaintext: Annotated[
        bool, typer.Option("--yes-plaintext", help="With --no-hash: plain text is meant.")
    ] = False,
    holdout: Annotated[
        bool, typer.Option("--holdout", help="Only those who are held out of every platform.")
    ] = False,
    delta: Annotated[
        str | None,
        typer.Option(metavar="AUDIENCE", help="Only what sync would send to it, as it is sent."),
    ] = None,
    excel_safe: Annotated[
        bool, typer.Option("--excel-safe", help="CSV: no text is a formula in a spreadsheet.")
    ] = False,
    expires: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="How long the URL of an object works; default 1h."),
    ] = None,
) -> None:
    """Write a segment to a file: whoever may be sent, in the order of the source.

    --for with CSV makes files for that platform's own upload page. --delta AUDIENCE writes what
    `sync` would send to the audience now, without sending it.
    """
    from audsync.services.exports import export_changes, export_wish, exporting

    runtime, settings = runtime_of(context), globals_of(context)
    if excel_safe and (form is not ExportFormat.CSV or platform is not None):
        raise UsageError(
            "--excel-safe changes texts of a CSV for people: leave it out with another --format and"
            " with --for.",
            details={"option": "--excel-safe"},
        )
    lasts_s = _seconds(expires) if expires is not None else None
    if delta is not None:
        _refuse_beside_delta(
            identifiers=identifiers,
            platform=platform,
            plain=not hashed,
            events=events,
            holdout=holdout,
        )
        change = export_changes.DeltaWish(
            audience=delta,
            segment=segment,
            out=out,
            format=form.value,
            is_excel_safe=excel_safe,
            lasts_s=lasts_s,
        )
        with runtime.stop.on_signals():
            done = export_changes.export_delta(runtime, change, stdout=sys.stdout.buffer)
        show_segments.exported(done.report, done.left_out, settings, done.notes)
        return
    if segment is None:
        raise UsageError("Name a segment: audsync export SEGMENT --out PATH.")
    wish = export_wish.Wish(
        segment=segment,
        out=out,
        format=form.value,
        identifiers=tuple(identifiers.split(",")) if identifiers is not None else None,
        is_hashed=hashed,
        platform=platform,
        with_traits=traits,
        with_events=events,
        is_excel_safe=excel_safe,
        lasts_s=lasts_s,
        is_of_holdout=holdout,
    )
    if not hashed:
        _confirm_plaintext(settings, is_confirmed=yes_plaintext)
    with runtime.stop.on_signals():
        done = exporting.export(runtime, wish, stdout=sys.stdout.buffer)
    show_segments.exported(done.report, done.left_out, settings, done.notes)


def _seconds(text: str) -> int:
    """Seconds of `--expires`.

    Raises:
        UsageError: it is no length of time.
    """
    from audsync.config.times import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--expires {error}.", details={"option": "--expires"}) from None


def _refuse_beside_delta(**said: object) -> None:
    options = {
        "identifiers": "--identifiers",
        "platform": "--for",
        "plain": "--no-hash",
        "events": "--events",
        "holdout": "--holdout",
    }
    for name, value in said.items():
        if value:
            raise UsageError(
                f"{options[name]} does not go with --delta, which writes what travels, as it"
                " travels.",
                details={"option": options[name]},
            )


def _confirm_plaintext(settings: Globals, *, is_confirmed: bool) -> None:
    """Have a person say that identifiers in plain text are what they want.

    Raises:
        UsageError: nobody said so.
    """
    question = "--no-hash writes e-mail addresses and phone numbers in plain text."
    if is_confirmed:
        if not settings.is_quiet:
            sys.stderr.write(f"Warning: {question}\n")
        return
    if not (settings.is_interactive and typer.confirm(f"{question} Go on?", err=True)):
        raise UsageError(
            f"{question} Say --yes-plaintext, too, if that is meant.",
            details={"option": "--yes-plaintext"},
        )


def hash_(
    context: typer.Context,
    values: Annotated[
        list[str] | None,
        typer.Argument(metavar="[VALUE...]", help="None: JSON lines from stdin."),
    ] = None,
    platform: Annotated[Platform | None, typer.Option(help="Default: all; for stdin meta.")] = None,
    kind: Annotated[
        str | None, typer.Option("--type", help="Such as email or phone; default: by its looks.")
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="Country of phones without a country code, such as GB.")
    ] = None,
) -> None:
    """Show how a value is normalised and hashed, or why it is rejected.

    Without VALUE reads JSON lines {"platform", "type", "value", "region"} from stdin and writes
    each with "normalized", "hash", "sent" and "rejected" added.
    """
    from audsync.services.segments import hashing

    settings = globals_of(context)
    if values:
        platforms = [platform] if platform else list(Platform)
        found = hashing.hash_values(values, platforms=platforms, kind=kind, region=region)
        show_segments.hashes(found, settings)
        return
    if sys.stdin.isatty() and not settings.is_quiet:
        sys.stderr.write(
            'Reading JSON lines such as {"type": "email", "value": "…"}; end: Ctrl-D\n'
        )
    defaults = hashing.Defaults(platform=platform or Platform.META, kind=kind, region=region)
    for piece in hashing.hash_lines(sys.stdin.buffer, defaults):
        sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
