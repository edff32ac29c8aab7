"""How far a long command has come: a bar on a terminal, one line a minute elsewhere; on stderr."""

import sys
import time
from typing import TYPE_CHECKING, Any

from audsync.cli.globals import Globals

if TYPE_CHECKING:
    from audsync.sync.ports import Progress

QUICK_S = 2.0
"""What takes less shows no bar."""
LINE_EVERY_S = 60.0
_LABELS = {"read": "Reading", "plan": "Planning", "send": "Sending"}
_UNITS = {"read": "rows", "plan": "", "send": "people"}


def progress_for(settings: Globals) -> "Progress":
    """What fits the place where stderr goes."""
    from audsync.services.wiring.runtime import Silence

    if settings.is_quiet:
        return Silence()
    if sys.stderr.isatty() and not settings.is_plain:
        return Bar()
    return Lines()


class Lines:
    """One line a minute, for logs."""

    def __init__(self) -> None:
        self._name = ""
        self._total: int | None = None
        self._done = 0
        self._told_at = time.monotonic()

    def phase(self, name: str, total: int | None) -> None:
        """A new stretch of work begins."""
        self._name, self._total, self._done = name, total, 0

    def advance(self, amount: int) -> None:
        """So much more is done; now and then it is told."""
        self._done += amount
        now = time.monotonic()
        if now - self._told_at < LINE_EVERY_S:
            return
        self._told_at = now
        of = f" of {self._total:,}" if self._total else ""
        label, unit = _LABELS.get(self._name, self._name), _UNITS.get(self._name, "")
        sys.stderr.write(f"{label}: {self._done:,}{of} {unit}\n")


class Bar:
    """A bar with counts and time left, once a stretch lasts longer than a moment."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._name = ""
        self._total: int | None = None
        self._done = 0
        self._began_at = time.monotonic()

    def phase(self, name: str, total: int | None) -> None:
        """A new stretch of work begins; the bar of the last one goes."""
        self.end()
        self._name, self._total, self._done = name, total, 0
        self._began_at = time.monotonic()

    def advance(self, amount: int) -> None:
        """So much more is done."""
        self._done += amount
        if self._bar is None and time.monotonic() - self._began_at > QUICK_S:
            self._open()
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done)
            if self._total is not None and self._done >= self._total:
                self.end()

    def end(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task(_LABELS.get(self._name, self._name), total=self._total)
        self._bar.start()
