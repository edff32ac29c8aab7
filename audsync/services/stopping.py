"""Stopping in good order: a signal or the end of a time budget lets the request in flight end."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from audsync.clock import Clock
from audsync.errors import BudgetEndedError, CancelledError


class StopSignal:
    """Whether somebody asked this process to stop."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    @property
    def is_asked(self) -> bool:
        """Whether to stop at the next safe moment."""
        return self._asked.is_set()

    def ask(self) -> None:
        """Ask for a stop at the next safe moment."""
        self._asked.set()

    def check(self) -> None:
        """Called at safe moments.

        Raises:
            CancelledError: a stop was asked for.
        """
        if self._asked.is_set():
            raise CancelledError(
                "Stopped by a signal. Nothing is half done: the next `audsync sync` goes on from"
                " here."
            )

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Listen to SIGINT and SIGTERM while the block runs; a second one kills at once."""

        def asked(number: int, _frame: FrameType | None) -> None:
            if self._asked.is_set():
                signal.signal(number, signal.SIG_DFL)
                signal.raise_signal(number)
            self.ask()

        before = {name: signal.signal(name, asked) for name in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for name, handler in before.items():
                signal.signal(name, handler)


class TimeBudget:
    """How long a run may begin anything new; without an end where `seconds` is None."""

    def __init__(self, clock: Clock, seconds: float | None) -> None:
        self._clock = clock
        self._seconds = seconds
        self._ends_at = None if seconds is None else clock.monotonic() + seconds

    @property
    def has_ended(self) -> bool:
        """Whether the time is over."""
        return self._ends_at is not None and self._clock.monotonic() >= self._ends_at

    def check(self) -> None:
        """Called between two requests, and between two blocks of a segment.

        Raises:
            BudgetEndedError: the time is over.
        """
        if self.has_ended:
            raise BudgetEndedError(
                f"The time budget of {self._seconds:g} s ended. What was done is saved; the rest"
                " is due, and the next `audsync run-due` goes on from here.",
                details={"time_budget_s": self._seconds},
            )
