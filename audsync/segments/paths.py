"""Names of columns that lead into nested values: `contact.email`, `$.emails[*]`. Pure.

Written as in JSON, `$.contact["e-mail"]`, or without the `$.` where names are simple. `[0]` is one
element of a list, `[*]` all of them, which stands at most once.
"""

import re
from dataclasses import dataclass

from audsync.segments.engine import name_literal, text_literal
from audsync.segments.kinds import NESTED

ALL = "*"
MAYBE_LIST = "JSON[]"
"""The type of a JSON value that may be a list of values."""
_STEP = re.compile(r'\.(?P<name>[^.\[\]"]+)|\["(?P<quoted>[^"]+)"\]|\[(?P<index>\d{1,4}|\*)\]')
_INNER = "['OBJECT', 'ARRAY']"


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A way into the value of a column."""

    root: str
    """The column."""
    steps: tuple[str | int, ...]
    """Names of keys, numbers of elements from 0, and `ALL`, which no key is called."""


def parse(name: str) -> Path | None:
    """The path that a name is; None where it can only be a column's own name."""
    text = name.removeprefix("$") if name.startswith("$") else f".{name}"
    steps: list[str | int] = []
    at = 0
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None:
            return None
        index = step["index"]
        key = step["name"] or step["quoted"]
        steps.append(key if index is None else (ALL if index == ALL else int(index)))
        at = step.end()
    is_path = name.startswith("$") or len(steps) > 1
    if not is_path or not steps or not isinstance(steps[0], str) or steps[0] == ALL:
        return None
    if steps.count(ALL) > 1:
        return None
    return Path(root=steps[0], steps=tuple(steps[1:]))


def in_json(path: Path) -> tuple[str, str]:
    """SQL for the value in a column of JSON, and its type: JSON, `MAYBE_LIST`, or a list."""
    root = name_literal(path.root)
    way = text_literal("$" + "".join(_json_step(step) for step in path.steps))
    if ALL not in path.steps:
        return f"({root} -> {way})", "JSON"
    if path.steps[-1] == ALL:
        way = text_literal("$" + "".join(_json_step(step) for step in path.steps[:-1]))
        return f"({root} -> {way})", MAYBE_LIST
    nested = f"list_has_any(json_type({root}, {way}), {_INNER})"
    return f"(CASE WHEN {nested} THEN error('{NESTED}') ELSE {root} ->> {way} END)", "VARCHAR[]"


def above_all(path: Path) -> Path:
    """The way to the list whose elements are wanted; the path itself where there is none."""
    if ALL not in path.steps:
        return path
    return Path(root=path.root, steps=path.steps[: path.steps.index(ALL)])


def in_struct(path: Path) -> str:
    """SQL for the value in a column of structs and lists."""
    return _in_struct(name_literal(path.root), path.steps)


def _in_struct(cell: str, steps: tuple[str | int, ...]) -> str:
    for place, step in enumerate(steps):
        if step == ALL:
            inner = _in_struct("each", steps[place + 1 :])
            return cell if inner == "each" else f"[{inner} FOR each IN {cell}]"
        cell += f"[{step + 1}]" if isinstance(step, int) else f".{name_literal(step)}"
    return cell


def _json_step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return "[*]" if step == ALL else f'."{step}"'
