"""Connections that come from somewhere else than the file, held to the same rules as those in it.

Settings typed on a command line and records of the store go through the models of the file; what
is wrong is told by the key it is wrong with, and never with a value.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from audsync.config.connections import ConnectionConfig
from audsync.config.document import Branch, Leaf, Node
from audsync.config.model import Config
from audsync.config.problems import translate
from audsync.config.values import Surroundings
from audsync.errors import UsageError

Entered = Mapping[str, Any]
"""Keys of a connection as in the file: texts, truths and numbers, or mappings of these."""


def connection_from(name: str, entered: Entered, *, folder: Path | None = None) -> ConnectionConfig:
    """A connection, checked.

    Args:
        name: what it is called.
        entered: its keys; a None counts as not written.
        folder: where relative paths are seen from; None to leave them as they are.

    Raises:
        UsageError: a key is unknown or missing, or its value cannot be; `details.problems` lists
            them by key.
    """
    whole = {"connections": {name: entered}}
    try:
        surroundings = Surroundings(folder=folder) if folder is not None else None
        return Config.model_validate(whole, context=surroundings).connections[name]
    except ValidationError as error:
        problems = translate(error, _node(whole))
    found = [
        {
            "key": problem.key.removeprefix(f"connections.{name}").lstrip("."),
            "message": problem.text,
        }
        for problem in problems
    ]
    lines = [f"{one['key']} {one['message']}".lstrip() for one in found]
    raise UsageError(f"Connection `{name}`: " + "; ".join(lines) + ".", details={"problems": found})


def _node(value: object) -> Node:
    if isinstance(value, Mapping):
        children = {key: _node(each) for key, each in value.items()}
        return Branch(line=0, lines=dict.fromkeys(children, 0), children=children)
    return Leaf(line=0, text=None if value is None else str(value))
