"""Errors that nobody expected, told without what they may hold of anybody's data."""

import errno
from typing import Any

from audsync.errors import AudsyncError, StateError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def as_error(error: BaseException) -> AudsyncError:
    """An `INTERNAL_ERROR` with its type and place, never its text, which may hold a value.

    A disk that is full is nobody's bug, whoever was writing.
    """
    if isinstance(error, OSError) and error.errno in _FULL:
        return StateError(
            f"The disk is full: {error.filename or 'the state folder, or TMPDIR,'} takes no more."
            " Make room there, then run again; what was confirmed before is intact.",
            details={"error": errno.errorcode[error.errno]},
        )
    trace: Any = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "?"
    return AudsyncError(
        f"A bug in audsync: {type(error).__name__} at {place}. Run the command again with"
        " --verbose for the whole trace, and report it.",
        details={"type": type(error).__name__},
    )
