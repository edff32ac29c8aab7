"""Connections that do not come from the file: from `audsync connect`, or out of the store."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from audsync.config.document import Branch, Items, Leaf, Node, plain
from audsync.config.model import Config, ConnectionConfig
from audsync.config.problems import translate
from audsync.config.values import Surroundings
from audsync.errors import ConfigError


def parse_connection(name: str, values: Mapping[str, object], *, folder: Path) -> ConnectionConfig:
    """A connection from the keys that it would have in the file, credentials included.

    Args:
        name: what it is called.
        values: `platform`, `account`, `credentials` and so on, as JSON has them.
        folder: absolute; a relative path of a key file is seen from here.

    Raises:
        ConfigError: something in it cannot be used; the message has keys, never a value.
    """
    root = _grown({"connections": {name: values}})
    try:
        config = Config.model_validate(plain(root), context=Surroundings(folder=folder))
    except ValidationError as error:
        problems = translate(error, root)
    else:
        return config.connections[name]
    raise ConfigError(
        "\n".join(f"{problem.key}: {problem.text}" for problem in problems),
        details={
            "problems": [{"key": problem.key, "message": problem.text} for problem in problems]
        },
    )


def _grown(value: object) -> Node:
    """Values as the tree that a file with them would give."""
    if isinstance(value, Mapping):
        children = {str(key): _grown(child) for key, child in value.items()}
        return Branch(line=0, lines=dict.fromkeys(children, 0), children=children)
    if isinstance(value, list | tuple):
        return Items(line=0, children=tuple(_grown(child) for child in value))
    return Leaf(line=0, text=None if value is None else str(value))
