"""Errors that nobody expected, told without what they may hold of anybody's data."""

from typing import Any

from audsync.errors import AudsyncError


def as_error(error: BaseException) -> AudsyncError:
    """An `INTERNAL_ERROR` with its type and place, never its text, which may hold a value."""
    trace: Any = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "?"
    return AudsyncError(
        f"A bug in audsync: {type(error).__name__} at {place}. Run the command again with"
        " --verbose for the whole trace, and report it.",
        details={"type": type(error).__name__},
    )
