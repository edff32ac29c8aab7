"""Stopping in good order: SIGTERM and SIGINT let the request in flight end, then stop."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from audsync.errors import CancelledError


class StopSignal:
    """Whether somebody asked this process to stop."""

    def __init__(self) -> None:
        self._asked = threading.Event()

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
