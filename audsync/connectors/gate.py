"""What every request passes before it leaves: the port that `http` knows, and its plain form.

Who else sends calls to the same platform, and how they all keep to its limits, is not a
connector's business: whoever makes one gives it a gate.
"""

import math
from typing import Protocol

from audsync.clock import Clock
from audsync.errors import AudsyncError

MOMENT_S = 0.001
"""What is not worth a pause."""


class Gate(Protocol):
    """The way out of one connection. `admit` and `conclude` enclose a call, with all its tries."""

    def admit(self) -> None:
        """Let a call begin.

        Raises:
            CircuitOpenError: the connection rests; nothing is to be sent.
        """
        ...

    def take_place(self, most_s: float) -> float:
        """Wait until one request may leave, and count it.

        Args:
            most_s: the longest wait.

        Returns:
            0 once it may leave; else the seconds, more than `most_s`, that it would have to wait.
            Then nothing was counted, and it must not leave.

        Raises:
            CancelledError, BudgetEndedError: there was no time to wait.
        """
        ...

    def block(self, seconds: float) -> None:
        """Let no request of anybody leave for so long: the platform asked for it."""
        ...

    def pause(self, seconds: float) -> None:
        """Wait.

        Raises:
            CancelledError, BudgetEndedError: there was no time for it.
        """
        ...

    def timed(self, seconds: float) -> None:
        """Learn how long one request took, answered or not."""
        ...

    def conclude(self, error: AudsyncError | None) -> None:
        """Learn how a call ended that was admitted: the last try's own error, None for success."""
        ...


class OwnGate:
    """A gate that knows of no other requests than those of one client, and keeps it in memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._blocked_until_s = -math.inf

    def admit(self) -> None:
        """Let every call begin."""

    def take_place(self, most_s: float) -> float:
        """Keep the calm that was asked for, or tell how long it lasts."""
        left_s = self._blocked_until_s - self._clock.monotonic()
        if left_s > most_s:
            return left_s
        if left_s > MOMENT_S:
            self._clock.sleep(left_s)
        return 0.0

    def block(self, seconds: float) -> None:
        """Keep calm for so long."""
        ends_at_s = self._clock.monotonic() + seconds
        self._blocked_until_s = max(self._blocked_until_s, ends_at_s)

    def pause(self, seconds: float) -> None:
        """Wait."""
        self._clock.sleep(seconds)

    def timed(self, seconds: float) -> None:
        """Nothing is counted."""

    def conclude(self, error: AudsyncError | None) -> None:
        """Nothing is remembered of a call."""
