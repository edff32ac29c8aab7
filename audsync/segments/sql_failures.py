"""From a database's failure to an error a person can act on.

A database's own words may quote a row or a password: they are looked into, and passed on only where
their form says that nothing but names of the schema is in them.
"""

import re
from dataclasses import dataclass

from audsync.errors import SourceError

_LOST = (
    "the connection broke off; nothing of what was read is used. See that the server runs, then"
    " run again"
)
_LOGIN = "it does not accept user or password; correct them in `url`"
_WRITES = "the query would write, and sources are only read; make it a plain SELECT"
_STOPPED = "it stopped the query; run again, and raise `timeout` if that was the reason"
_VALUE = (
    "a value does not fit an expression of the query or of `where`; run the query with the"
    " database's own client to see which"
)
_BYTES = "a value holds bytes that are no text; write them as encode(column, 'hex')"
_DENIED = "the user may not read that; grant SELECT on it, and USAGE on its schema"
_STATES = (
    ("28", _LOGIN),
    ("3D000", "it has no database of that name; correct `url`"),
    ("42501", _DENIED),
    ("25006", _WRITES),
    ("22021", _BYTES),
    ("22P05", _BYTES),
    ("22", _VALUE),
    ("40", _STOPPED),
    ("57014", _STOPPED),
    ("57", _LOST),
    ("08", _LOST),
    ("53", "it has no more room (memory, disk or connections); try again later"),
)
"""Beginnings of SQLSTATEs, https://www.postgresql.org/docs/18/errcodes-appendix.html (read
2026-11-22); the first that fits counts."""
_SYNTAX = "42601"
_WORDS = (
    ("unable to open database file", "the file cannot be opened; check `url` and its permissions"),
    ("file is not a database", "the file is no database of that kind; correct `url`"),
    ("not a valid duckdb database", "the file is no database of that kind; correct `url`"),
    ("malformed", "the file is damaged; restore it from a backup"),
    ("disk image", "the file is damaged; restore it from a backup"),
    ("could not set lock", "another process has the file open for writing; end it first"),
    ("database is locked", "another process keeps the file locked; run again"),
    ("readonly database", _WRITES),
    ("read-only", _WRITES),
    ("could not decode to utf-8", "a text is no UTF-8; mend it, or write hex(column) in the query"),
    ("password authentication failed", _LOGIN),
    ("no password supplied", _LOGIN),
    ("access denied", _LOGIN),
    ("role ", "it has no such user; correct `url`"),
    ("database ", "it has no database of that name; correct `url`"),
    ("could not translate host name", "there is no host of that name; correct `url`"),
    ("failed to resolve host", "there is no host of that name; correct `url`"),
    ("name or service not known", "there is no host of that name; correct `url`"),
    ("connection refused", "nothing listens there; start the server, or correct `url`"),
    ("no such file or directory", "nothing is there; start the server, or correct `url`"),
    ("invalid uri query parameter", "`url` has a parameter that its driver does not know"),
    ("invalid connection option", "`url` has a parameter that its driver does not know"),
    ("timeout expired", "it does not answer; see that this machine may reach it"),
    ("timed out", "it does not answer; see that this machine may reach it"),
    ("server closed the connection", _LOST),
    ("terminating connection", _LOST),
    ("lost connection", _LOST),
    ("connection is lost", _LOST),
    ("connection not open", _LOST),
    ("interrupted", _STOPPED),
    # ADBC's reader tells no SQLSTATE once rows flow.
    ("invalid byte sequence", _BYTES),
    ("invalid input syntax", _VALUE),
    ("conversion error", _VALUE),
    ("out of range", _VALUE),
    ("division by zero", _VALUE),
    ("permission denied", _DENIED),
    ("canceling statement", _STOPPED),
    ("out of memory", "the query needs more memory; raise `state.memory_limit`"),
)
"""What a message without SQLSTATE has in it, and what that means."""
_NAMED = tuple(
    (re.compile(pattern, re.IGNORECASE), words)
    for pattern, words in (
        (r"(?:relation|table) \"?([\w.]{1,120})\"? does not exist", "there is no table `{}`"),
        (r"table with name \"?([\w.]{1,120})\"? does not exist", "there is no table `{}`"),
        (r"no such table: ([\w.]{1,120})", "there is no table `{}`"),
        (r"column \"?([\w.]{1,120})\"? does not exist", "there is no column `{}`"),
        (r"column \"([\w.]{1,120})\" not found", "there is no column `{}`"),
        (r"no such column: ([\w.]{1,120})", "there is no column `{}`"),
        (r"column reference \"([\w.]{1,120})\" is ambiguous", "column `{}` is there twice"),
        (r"ambiguous column name: ([\w.]{1,120})", "column `{}` is there twice"),
        (r"no such function: (\w{1,120})", "there is no function `{}`"),
        (r"function (\w{1,120})\(", "there is no such function `{}` for these types"),
        (r"schema \"?([\w.]{1,120})\"? does not exist", "there is no schema `{}`"),
    )
)
"""Messages about the query's own names."""
_CORRECT = "; correct the query or `where`"
_NEAR = re.compile(r"near \"?([a-z_]{1,60})\"?")
"""A word of the query; never a text or a number, which may be somebody's."""
_SYNTAX_MARKS = ("syntax error", "unrecognized token", "incomplete input", "parser error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What a driver said, in parts that may be looked into."""

    name: str
    """Of its exception."""
    state: str
    """SQLSTATE; "" where there is none."""
    text: str
    """In small letters."""


def explained(error: BaseException, *, place: str) -> SourceError:
    """The error to show.

    Args:
        error: what the driver raised.
        place: the database, for messages.
    """
    failure = _failure(error)
    words = _words(failure)
    if words is None:
        said = failure.name + (f", SQLSTATE {failure.state}" if failure.state else "")
        words = f"it failed ({said}); run the query with its own client to see its words"
    return SourceError(
        f"{place}: {words}",
        details={"failure": failure.name, "sqlstate": failure.state or None},
    )


def _words(failure: Failure) -> str | None:
    if failure.state == _SYNTAX or any(mark in failure.text for mark in _SYNTAX_MARKS):
        near = _NEAR.search(failure.text)
        return f"the query is not its SQL{f', near `{near[1]}`' if near else ''}{_CORRECT}"
    if failure.state[:2] in {"", "42", "3F"}:
        for pattern, words in _NAMED:
            if found := pattern.search(failure.text):
                return words.format(found[1]) + _CORRECT
    for state, words in _STATES:
        if failure.state.startswith(state):
            return words
    if not failure.state:
        return next((words for mark, words in _WORDS if mark in failure.text), None)
    return None


def _failure(error: BaseException) -> Failure:
    """What the driver said; SQLAlchemy's wrapping is taken off."""
    cause = getattr(error, "orig", None) or error
    text = str(cause)
    state = getattr(cause, "sqlstate", None) or ""
    if not state and (found := re.search(r"SQLSTATE: (\w{5})", text)):
        state = found[1]
    return Failure(name=type(cause).__name__, state=state, text=text.lower())
