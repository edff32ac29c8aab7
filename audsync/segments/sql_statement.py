"""The SQL that is sent to a source database: what the user wrote, wrapped, its :names bound.

Pure text. What is wrapped must be one expression or one SELECT: nothing of it reaches out of its
brackets, and no second statement follows it.
"""

# ruff: noqa: S608 - wrapping the user's own query is the task; what goes around it is ours

import re
from collections.abc import Callable, Iterator, Mapping

from audsync.errors import ConfigError
from audsync.segments.contract import SqlQuery

Bind = Callable[[str], str]
"""From a name in `vars` to what stands for its value in the statement."""
_TOKEN = re.compile(
    r"""
      (?P<text> [eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' )
    | (?P<name> "(?:[^"]|"")*" | `[^`]*` )
    | (?P<dollar> (?<![\w$])\$(?P<tag>\w*)\$ .*? \$(?P=tag)\$ )
    | (?P<comment> --[^\n]* | /\*.*?\*/ )
    | (?P<cast> ::+ | := )
    | (?P<bind> (?<![\w:)\]]):(?P<variable>[^\W\d]\w*) )
    | (?P<open> \( )
    | (?P<close> \) )
    | (?P<end> ; )
    | (?P<quote> ['"`] | /\* )
    """,
    re.DOTALL | re.VERBOSE,
)


def rows_of(query: SqlQuery, bind: Bind) -> str:
    """The rows that a query asks for, filtered by its `where`: what stands after FROM.

    Raises:
        ConfigError: `select` or `where` is more than one statement or expression, or names a
            variable that has no value, or a value has no name.
    """
    used: set[str] = set()

    def bound(name: str) -> str:
        if name not in query.vars:
            raise ConfigError(
                f"The query names :{name}, and `vars` has no value for it; add it to `vars`",
                details={"key": "source.vars", "variable": name},
            )
        used.add(name)
        return bind(name)

    subject = query.select if query.is_table else rewritten(query.select, "query", bound)
    body = subject if query.is_table else f"({subject}\n) audsync"
    if query.where is not None:
        body += f" WHERE ({rewritten(query.where, 'where', bound)}\n)"
    for name in query.vars:
        if name not in used:
            raise ConfigError(
                f"`vars` has a value for {name}, and neither `query` nor `where` names :{name}",
                details={"key": "source.vars", "variable": name},
            )
    return body


def rewritten(written: str, key: str, bind: Bind) -> str:
    """The user's SQL with each :name replaced; a semicolon at its end is dropped.

    Args:
        written: one SELECT or one expression.
        key: what the config calls it, for messages.
        bind: what stands for a name.

    Raises:
        ConfigError: it is empty, its brackets or quotes do not pair up, or something follows it.
    """
    parts: list[str] = []
    depth = end = 0
    is_over = False
    for kind, part, variable in _tokens(written):
        depth += (kind == "open") - (kind == "close")
        if depth < 0 or kind == "quote":
            raise _refused(key, "has brackets or quotes that do not pair up")
        if is_over and kind != "comment" and part.strip():
            raise _refused(key, "has something after its semicolon; write a single statement")
        if kind == "end":
            if depth or key == "where":
                raise _refused(key, "has a semicolon inside")
            is_over = True
            continue
        parts.append(bind(variable) if kind == "bind" else part)
        end = len(parts) if kind != "comment" and part.strip() else end
    if depth:
        raise _refused(key, "has brackets or quotes that do not pair up")
    if not end:
        raise _refused(key, "is empty")
    return "".join(parts)


def freshness_of(written: str) -> str:
    """The statement that asks for the time of the last update.

    Raises:
        ConfigError: it is no single statement.
    """

    def refuse(name: str) -> str:
        raise _refused("freshness", f"names :{name}, and takes no variables")

    return f"SELECT * FROM ({rewritten(written, 'freshness', refuse)}\n) audsync"


def number_or_text(value: str) -> int | float | bool | str:
    """A variable's value by the way it is written: 5, 0.8 and true are no text; 0042 is."""
    if re.fullmatch(r"-?(0|[1-9]\d{0,17})", value):
        return int(value)
    if re.fullmatch(r"-?(0|[1-9]\d{0,17})\.\d{1,18}", value):
        return float(value)
    return value == "true" if value in {"true", "false"} else value


def values_of(variables: Mapping[str, str]) -> dict[str, int | float | bool | str]:
    """All variables by `number_or_text`."""
    return {name: number_or_text(value) for name, value in variables.items()}


def _tokens(written: str) -> Iterator[tuple[str, str, str]]:
    """Kind, text and the name of a variable; what is between tokens is `plain`."""
    position = 0
    for match in _TOKEN.finditer(written):
        if match.start() > position:
            yield "plain", written[position : match.start()], ""
        kind = match.lastgroup or "plain"
        yield kind, match[0], match["variable"] or ""
        position = match.end()
    if position < len(written):
        yield "plain", written[position:], ""


def _refused(key: str, reason: str) -> ConfigError:
    return ConfigError(f"`{key}` {reason}; correct `{key}`", details={"key": key})
