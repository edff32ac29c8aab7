"""Log lines: as text or as JSON, each with the run, job, audience and connection it is about.

A line is one line: whatever control characters a field holds are escaped, so that nobody's file
name or platform's words can forge another. Of exceptions only type and place are written, never
their text, which may hold a value.
"""

import json
import logging
import os
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TextIO

from audsync.errors import AudsyncError

OURS = "audsync"
MARKS = ("job_id", "audience", "connection", "platform", "code", "request_id")
"""What a line may say beside its message, in this order."""
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters, line ends, and what turns the direction of text."""

_about: ContextVar[dict[str, str] | None] = ContextVar("audsync_about", default=None)


@contextmanager
def about(**marks: str) -> Iterator[None]:
    """Have every line of this thread say these of `MARKS` while the block runs."""
    token = _about.set({**(_about.get() or {}), **marks})
    try:
        yield
    finally:
        _about.reset(token)


def also(**marks: str) -> None:
    """Have the lines of the block that `about` began say these, too, from now on."""
    known = _about.get()
    if known is not None:
        known.update(marks)


def of(error: AudsyncError | Mapping[str, Any], *, is_told: bool = False) -> dict[str, Any]:
    """What a log line says of an error: to be given to a logger as `extra`.

    Args:
        error: the error, or its JSON.
        is_told: the command itself tells it on stderr, so that a text log there need not.
    """
    known = error.as_json() if isinstance(error, AudsyncError) else error
    details = known.get("details") or {}
    cause = details.get("cause")
    traces = [details.get("trace_id")]
    if isinstance(cause, Mapping):
        traces.append((cause.get("details") or {}).get("trace_id"))
    request_id = next((str(each) for each in traces if each), None)
    return {"code": known.get("code"), "request_id": request_id, "is_told": is_told}


class TextLines(logging.Formatter):
    """Lines for people: time, level, logger, message, then what it is about."""

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self._run_id = run_id

    def format(self, record: logging.LogRecord) -> str:
        marks = {**_marks(record), "run_id": self._run_id}
        place = " ".join(f"{key}={value}" for key, value in marks.items())
        trace = "".join(f" | {one}" for one in _trace(record))
        text = f"{_time(record)} {record.levelname} {record.name}: {record.getMessage()} [{place}]"
        return escaped(text + trace)


class JsonLines(logging.Formatter):
    """Lines for programs: one JSON object each."""

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self._run_id = run_id

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "run_id": self._run_id,
            **_marks(record),
        }
        if trace := _trace(record):
            line["trace"] = trace
        # ASCII only: every character that could end a line or turn it is escaped.
        return json.dumps(line)


def escaped(text: str) -> str:
    r"""The text on one line: `\n`, `\x1b` and the like stand for what would break it."""
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def set_up(*, level: int, file: Path | None, is_json: bool, run_id: str) -> None:
    """Send log lines to stderr from `level` on, and to a file from INFO on.

    Of other libraries only warnings are written. May be called again: then it holds instead.

    Raises:
        OSError: the file cannot be opened.
    """
    lines = JsonLines(run_id) if is_json else TextLines(run_id)
    handlers: list[logging.Handler] = [_Stderr(level)]
    if not is_json:
        handlers[0].addFilter(_is_untold)
    if file is not None:
        handlers.append(_file_handler(file))
    root = logging.getLogger()
    for old in [one for one in root.handlers if getattr(one, "is_ours", False)]:
        root.removeHandler(old)
        old.close()
    for handler in handlers:
        handler.setFormatter(lines)
        handler.addFilter(_is_wanted)
        handler.is_ours = True  # type: ignore[attr-defined]  # how the next set-up knows it
        root.addHandler(handler)
    root.setLevel(min(handler.level for handler in handlers))


class _Stderr(logging.StreamHandler[TextIO]):
    """Wherever stderr is at the moment of writing."""

    def __init__(self, level: int) -> None:
        logging.Handler.__init__(self, level)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # the base has an attribute
        return sys.stderr


def _file_handler(path: Path) -> logging.Handler:
    """Appends to a file that is its owner's alone; one that is moved away is opened anew."""
    from logging.handlers import WatchedFileHandler  # noqa: PLC0415 - few runs write to a file

    class Appending(WatchedFileHandler):
        def _open(self) -> TextIOWrapper:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            return os.fdopen(os.open(path, flags, 0o600), "a", encoding="utf-8")

    handler = Appending(path, encoding="utf-8")
    handler.setLevel(logging.INFO)
    return handler


def _is_wanted(record: logging.LogRecord) -> bool:
    is_ours = record.name == OURS or record.name.startswith(f"{OURS}.")
    return is_ours or record.levelno >= logging.WARNING


def _is_untold(record: logging.LogRecord) -> bool:
    """Whether the command itself does not say it on stderr."""
    return not getattr(record, "is_told", False)


def _time(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def _marks(record: logging.LogRecord) -> dict[str, str]:
    """What this line is about; what the call itself says comes first."""
    known = _about.get() or {}
    marks = {key: getattr(record, key, None) or known.get(key) for key in MARKS}
    return {key: str(value) for key, value in marks.items() if value}


def _trace(record: logging.LogRecord) -> list[str]:
    """The place of an exception, innermost last, and its types; no text of it."""
    if not record.exc_info or record.exc_info[1] is None:
        return []
    places: list[str] = []
    error: BaseException | None = record.exc_info[1]
    while error is not None:
        frames = traceback.extract_tb(error.__traceback__)
        found = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
        places = [*found, type(error).__name__, *places]
        error = error.__cause__ or error.__context__
    return places
