"""Credentials on their way in: a JSON document, or variables of the environment.

Nothing here repeats what it read.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from audsync.config.credentials import CREDENTIALS, secret_variable
from audsync.domain import Platform
from audsync.errors import UsageError

Secrets = Mapping[str, SecretStr]
"""The keys of a platform's credentials, as docs/connections.md lists them."""
MAX_BYTES = 65_536


def from_file(path: Path) -> Secrets:
    """Credentials in a JSON file.

    Raises:
        UsageError: it cannot be read, or is no JSON object of texts.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"--credentials-file {path} cannot be read: {error.strerror}.",
            details={"option": "--credentials-file"},
        ) from None
    return from_json(content, option="--credentials-file")


def from_json(content: bytes, *, option: str) -> Secrets:
    """Credentials in a JSON document; a value that is an object itself is kept as its JSON.

    Args:
        content: the document.
        option: where it came from, for the message.

    Raises:
        UsageError: it is no JSON object of texts.
    """
    refused = UsageError(
        f'{option} wants one JSON object of texts, such as {{"access_token": "…"}}.',
        details={"option": option},
    )
    try:
        entered = json.loads(content.decode("utf-8")) if len(content) <= MAX_BYTES else None
    except (ValueError, RecursionError):
        raise refused from None
    if not isinstance(entered, dict):
        raise refused
    found = {key: _text(value) for key, value in entered.items() if value is not None}
    if None in found.values():
        raise refused
    return {key: SecretStr(text) for key, text in found.items() if text is not None}


def enough(platform: Platform, secrets: Secrets) -> bool:
    """Whether one can sign in with these."""
    return any(set(way) <= secrets.keys() for way in CREDENTIALS[platform].ways)


def missing(platform: Platform, secrets: Secrets) -> UsageError:
    """What to say where nobody can be asked."""
    ways = (
        " and ".join(secret_variable(platform, key) for key in way if key not in secrets)
        for way in CREDENTIALS[platform].ways
    )
    return UsageError(
        f"There are no credentials for {platform.label}, and no terminal to ask on: use"
        f" --credentials-file or --credentials-stdin, or set {', or '.join(ways)}.",
        details={"platform": platform.value},
    )


def _text(value: object) -> str | None:
    if isinstance(value, dict):
        return json.dumps(value)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if isinstance(value, str) or is_number else None
