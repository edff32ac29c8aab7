"""An end to calls that could hang: nobody's receiver holds up a sync."""

import threading
from collections.abc import Callable


def bounded(call: Callable[[], str], *, timeout_s: float) -> str:
    """What `call` says went wrong, "" for nothing; or that it has not ended in time.

    A call that is given up goes on in a thread of its own, which keeps no process alive: what it
    sends may still arrive.
    """
    problems: list[str] = []
    thread = threading.Thread(
        target=lambda: problems.append(call()), name="audsync-notify", daemon=True
    )
    thread.start()
    thread.join(timeout_s)
    return problems[0] if problems else f"did not answer within {timeout_s:g} s"
