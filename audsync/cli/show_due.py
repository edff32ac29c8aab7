"""What `run-due` prints: a line on stderr as each audience ends, and a table at the end."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from audsync.cli import render
from audsync.cli.globals import Globals

if TYPE_CHECKING:
    from audsync.services.cron.crew import Ended
    from audsync.services.cron.run_due import Report

_NOTHING = "Nothing is due.\n"


def teller(settings: Globals) -> "Callable[[Ended], None]":
    """Tells of each audience as it ends; with --quiet only of those that a person should see to."""

    def tell(ended: "Ended") -> None:
        if settings.is_quiet and not ended.exit_code:
            return
        for line in _lines(ended, is_brief=settings.is_quiet):
            sys.stderr.write(f"{ended.audience}: {line}\n")

    return tell


def nothing(settings: Globals) -> None:
    """A run that had nothing to do."""
    if settings.as_json:
        render.document({"jobs": [], "skipped": []})
    elif not settings.is_quiet:
        sys.stdout.write(_NOTHING)


def report(found: "Report", settings: Globals) -> None:
    """A run that is over."""
    if settings.as_json:
        render.document(found.as_json())
        return
    if settings.is_quiet:
        return
    if found.jobs:
        render.history(found.jobs, settings)
    if found.quiet_until is not None:
        until = f"{found.quiet_until:%Y-%m-%dT%H:%M:%SZ}"
        sys.stdout.write(f"Quiet hours: nothing is begun before {until}.\n")
    elif not found.ended:
        sys.stdout.write(_NOTHING)
    if found.left:
        sys.stdout.write(f"{found.left} more are due: --limit left them to the next run.\n")


def _lines(ended: "Ended", *, is_brief: bool) -> list[str]:
    if ended.error is not None:
        return [f"skipped: {ended.error.code}: {ended.error.message}"]
    if ended.job is None:
        return []
    error = ended.job["error"]
    lines = (
        [] if is_brief else [f"{ended.job['status']} in {ended.job['duration_ms'] / 1000:.1f} s"]
    )
    lines += [f"{one['code']}: {one['message']}" for one in ended.job["warnings"] if not is_brief]
    return [*lines, *([f"{error['code']}: {error['message']}"] if error else [])]
