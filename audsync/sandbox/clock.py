"""The sandbox's time: the machine's, or a test's, plus what somebody added to it."""

from audsync.clock import Clock, SystemClock


class VirtualClock:
    """Time that can be moved forward, so that hours pass without waiting."""

    def __init__(self, base: Clock | None = None) -> None:
        self._base = base or SystemClock()
        self.offset_s = 0.0

    def now(self) -> float:
        """Epoch seconds."""
        return self._base.now().timestamp() + self.offset_s

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once."""
        self.offset_s += seconds
