r"""The `.env` file beside the configuration: KEY=VALUE lines, as shells and compose write them.

Understood: comments, `export`, single quotes (taken literally), double quotes (with \n, \t,
\", \\ and \$), quoted values over several lines. Variables inside values are not expanded.
"""

import re

_ENTRY = re.compile(
    r"""
    [^\S\n]*(?:export[^\S\n]+)?
    (?P<name>[A-Za-z_][A-Za-z0-9_]*)[^\S\n]*=
    (?:
        [^\S\n]*'(?P<literal>[^']*)'
      | [^\S\n]*"(?P<quoted>(?:[^"\\]|\\.)*)"
      | (?P<plain>(?![^\S\n]*['"])[^\n]*?)
    )
    (?:[^\S\n]*|[^\S\n]+\#[^\n]*)(?:\n|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)
_NOTHING = re.compile(r"[^\S\n]*(?:\#[^\n]*)?(?:\n|\Z)")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "$": "$"}


def parse(text: str) -> dict[str, str]:
    """The variables of a `.env` file; of a name that comes twice, the last value.

    Raises:
        ValueError: a line cannot be read; the message has its number, never its text.
    """
    text = text.replace("\r\n", "\n")
    variables: dict[str, str] = {}
    at = 0
    while at < len(text):
        nothing = _NOTHING.match(text, at)
        entry = None if nothing else _ENTRY.match(text, at)
        if entry is not None:
            variables[entry["name"]] = _value(entry)
        found = nothing or entry
        if found is None:
            line = text.count("\n", 0, at) + 1
            raise ValueError(f"{line}: must be KEY=VALUE, with any quotes closed")
        at = found.end()
    return variables


def _value(entry: re.Match[str]) -> str:
    if entry["literal"] is not None:
        return entry["literal"]
    if entry["quoted"] is not None:
        return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[0]), entry["quoted"])
    return entry["plain"].strip()
