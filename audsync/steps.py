"""Named moments at which a crash would leave something behind; tests cut the power there.

Everything with a lasting effect (a file, a transaction, a request) calls `reached` before and
after it. In daily use nothing listens. `AUDSYNC_CRASH_AT=n` kills the process with SIGKILL at
its n-th step, which is how the crash tests prove that any step may be the last one.
"""

import os
import signal
from collections.abc import Callable

Listener = Callable[[str], None]

_listener: Listener | None = None


def reached(step: str) -> None:
    """Tell whoever listens that `step` is about to happen or has just happened."""
    if _listener is not None:
        _listener(step)


def listen(listener: Listener | None) -> None:
    """Let `listener` see every step from now on; None to stop."""
    global _listener  # noqa: PLW0603 - one process has one power cord
    _listener = listener


def listen_from_environment() -> None:
    """Arm the SIGKILL that AUDSYNC_CRASH_AT asks for, if it does."""
    at = os.environ.get("AUDSYNC_CRASH_AT", "")
    if at:
        listen(_KillAt(int(at)))


class _KillAt:
    """Kill this process, as a power cut would, at the n-th step."""

    def __init__(self, at: int) -> None:
        self._left = at

    def __call__(self, _step: str) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
