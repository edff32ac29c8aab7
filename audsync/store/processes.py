"""Whether the process that wrote a mark is gone for certain. When in doubt it is alive."""

import os
from pathlib import Path

_PROC = Path("/proc")
_NO_LONGER_RUNNING = {"Z", "X", "x"}


def started_mark(pid: int) -> str:
    """A text that no other process on any machine shares: boot, pid namespace, start time.

    "" where the system does not tell, such as outside Linux. A process id alone names a process
    only within one boot and one namespace: two containers may share host name and process id.
    """
    ticks = _state_and_start(pid)[1]
    place = _place()
    return f"{place}/{ticks}" if ticks and place else ""


def is_gone(pid: int, mark: str) -> bool:
    """Whether the process `pid` that had `mark` has ended, as far as this host can tell.

    Args:
        pid: a process id on this host.
        mark: what `started_mark` said of it when it wrote; "" if that system told nothing.
    """
    place, _, ticks = mark.rpartition("/")
    if place != _place():
        return False
    if not _exists(pid):
        return True
    state, ticks_now = _state_and_start(pid)
    if not ticks_now:
        return False
    return state in _NO_LONGER_RUNNING or ticks_now != ticks


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _place() -> str:
    """Which running kernel and which pid namespace this process lives in; "" if unknown."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot}/{(_PROC / 'self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def _state_and_start(pid: int) -> tuple[str, str]:
    """State letter and start time in clock ticks since boot; ("", "") if not told."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text("utf-8", errors="replace")
    except OSError:
        return "", ""
    # The name in parentheses may itself hold blanks and parentheses; fields 3 and 22 of proc(5).
    after_name = stat.rpartition(")")[2].split()
    return after_name[0], after_name[19]
