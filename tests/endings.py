"""What ends with the tests of a process: workers of pytest-xdist leave without `atexit`."""

import atexit
from collections.abc import Callable

_calls: list[Callable[[], object]] = []


def at_end(call: Callable[[], object]) -> None:
    """Have it called once the last test of this process is over; the last one first."""
    _calls.append(call)


def end_all() -> None:
    while _calls:
        _calls.pop()()


atexit.register(end_all)
