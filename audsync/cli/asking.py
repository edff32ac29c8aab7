"""Getting a platform's secrets: from a file, from stdin, from the environment, or from a person.

What a person types is not shown, and no secret is ever an argument, which other users of the
machine could see.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from audsync.cli.globals import Globals
from audsync.errors import UsageError

if TYPE_CHECKING:
    from audsync.domain import Platform
    from audsync.services.connections.connecting import Ask
    from audsync.services.connections.secrets import Secrets
    from audsync.services.wiring.runtime import Runtime


def secrets_from(
    runtime: "Runtime", settings: Globals, *, file: Path | None, is_stdin: bool
) -> "Ask":
    """What asks for secrets, once it is known of which platform.

    Args:
        runtime: the program's; its configuration has the secrets of the environment.
        settings: says whether a person can be asked.
        file: a JSON file that has them.
        is_stdin: whether a JSON document on stdin has them.

    Raises:
        UsageError: two sources are named.
    """
    if file is not None and is_stdin:
        raise UsageError("Say --credentials-file or --credentials-stdin, not both.")

    def ask(platform: "Platform") -> "Secrets":
        from audsync.services.connections import secrets

        if file is not None:
            return secrets.from_file(file)
        if is_stdin:
            content = sys.stdin.buffer.read(secrets.MAX_BYTES + 1)
            return secrets.from_json(content, option="--credentials-stdin")
        found = runtime.config.secrets_of(platform)
        if secrets.enough(platform, found):
            return found
        if not settings.is_interactive:
            raise secrets.missing(platform, found)
        return _asked(platform, found)

    return ask


def _asked(platform: "Platform", found: "Secrets") -> "Secrets":
    """Ask a person for what is missing; what may be left out is asked last."""
    from pydantic import SecretStr

    from audsync.config.credentials import CREDENTIALS

    model = CREDENTIALS[platform]
    way = _chosen(model.ways)
    known = {key for each in model.ways for key in each}
    answers = dict(found)
    for key in (*way, *(key for key in model.model_fields if key not in known)):
        if key not in answers:
            told = model.model_fields[key].description or ""
            optional = key not in way
            answers[key] = SecretStr(_typed(f"{key} ({told.rstrip('.')})", optional=optional))
    return answers


def _chosen(ways: Sequence[Sequence[str]]) -> Sequence[str]:
    """The set of keys to ask for, where there are several that are enough."""
    if len(ways) == 1:
        return ways[0]
    for number, way in enumerate(ways, start=1):
        typer.echo(f"  {number}  {', '.join(way)}", err=True)
    numbers = range(1, len(ways) + 1)
    answer = 0
    while answer not in numbers:
        answer = int(typer.prompt("Sign in with", type=int, default=1, err=True))
    return ways[answer - 1]


def _typed(words: str, *, optional: bool) -> str:
    if not optional:
        return str(typer.prompt(words, hide_input=True, err=True))
    return str(
        typer.prompt(
            f"{words}; empty for none", hide_input=True, default="", show_default=False, err=True
        )
    )
