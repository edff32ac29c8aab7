"""Printing for `demo`: each step with the command line that does it."""

import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from audsync.cli import render, show_segments
from audsync.cli.globals import Globals

if TYPE_CHECKING:
    from audsync.services.demonstration import Step, Story

Json = dict[str, Any]


def narrator(settings: Globals) -> "Callable[[Step], None]":
    """What tells each step as it happens; nothing where nobody reads along."""
    is_silent = settings.as_json or settings.is_quiet
    numbers = iter(range(1, 100))

    def tell(step: "Step") -> None:
        if is_silent:
            return
        sys.stdout.write(f"\n{next(numbers)}. {step.title}\n")
        if step.command:
            sys.stdout.write(f"   $ {step.command}\n")
        sys.stdout.flush()
        _show(step, settings)

    return tell


def ending(story: "Story", settings: Globals) -> None:
    """How it came out, and where to go from here."""
    if settings.as_json:
        kept_in = str(story.kept_in) if story.kept_in else None
        steps = [asdict(step) for step in story.steps]
        render.document({"steps": steps, "exact": story.is_exact, "kept_in": kept_in})
        return
    if not story.is_exact:
        sys.stderr.write("\nNot exact: this is a bug of audsync; please report it.\n")
        return
    if settings.is_quiet:
        return
    sys.stdout.write(
        "\nThis was Meta. Google, TikTok and Snapchat come with later versions.\n"
        "With your own data: audsync init\n"
    )
    if story.kept_in:
        sys.stdout.write(
            f"\nEverything is in {story.kept_in}. The sandbox has forgotten its members; to go on,"
            " in two terminals:\n"
            "   $ audsync sandbox\n"
            f"   $ audsync --config {story.kept_in}/audsync.yaml create customers"
            " --connection meta-sandbox --id again\n"
        )


def _show(step: "Step", settings: Globals) -> None:
    result = step.result
    match step.shape:
        case "job":
            render.job(result, settings)
        case "job_in_depth":
            render.job_in_depth(result, settings)
        case "plan":
            render.plans([result], settings, is_many=False)
        case "audiences":
            render.audiences(result["audiences"], settings)
        case "readiness":
            show_segments.readiness(result, settings)
        case "export":
            show_segments.exported(result["report"], result["left_out"], settings)
        case "verdict":
            _verdict(result)
        case _:
            _facts(result)


def _facts(facts: Json) -> None:
    for name, value in facts.items():
        text = ", ".join(value) if isinstance(value, list) else value
        text = f"{text:,}" if isinstance(text, int) else text
        sys.stdout.write(f"   {name.replace('_', ' ')}: {text}\n")


def _verdict(result: Json) -> None:
    here, there = result["identifiers_in_segment"], result["identifiers_on_platform"]
    if result["is_exact"]:
        sys.stdout.write(
            f"   exact: {there:,} identifiers on the platform = {here:,} in the segment,"
            f" of {result['people_in_segment']:,} people; none arrived unhashed\n"
        )
        return
    sys.stdout.write(
        f"   NOT EXACT: {there:,} identifiers on the platform, {here:,} in the segment:"
        f" {result['missing']:,} missing, {result['unexpected']:,} unexpected;"
        f" {result['people_on_platform']:,} people for {result['people_in_segment']:,};"
        f" {result['plaintext_seen']:,} unhashed\n"
    )
