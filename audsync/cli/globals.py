"""Options that every command takes, before or after its name."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from audsync.errors import UsageError

_FLAGS = {
    "--json": "as_json",
    "--quiet": "is_quiet",
    "-q": "is_quiet",
    "--verbose": "is_verbose",
    "-v": "is_verbose",
    "--no-color": "is_plain",
}
_VALUES = ("--config", "--tenant", "--log-format", "--log-file")
_FORMATS = ("text", "json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Globals:
    """How the program is to behave, whatever it does."""

    config: Path | None = None
    tenant: int | None = None
    as_json: bool = False
    is_quiet: bool = False
    is_verbose: bool = False
    is_plain: bool = False
    command: tuple[str, ...] = ()
    """Everything that was typed after the program's name."""
    is_log_json: bool = False
    log_file: Path | None = None

    @property
    def is_interactive(self) -> bool:
        """Whether a person can be asked."""
        return sys.stdin.isatty() and not self.as_json


def split(arguments: Sequence[str]) -> tuple[Globals, list[str]]:
    """Take the global options out of a command line, wherever they stand before a `--`.

    Raises:
        UsageError: a global option lacks its value, or has one that cannot be.
    """
    found: dict[str, bool] = {}
    values: dict[str, str] = {}
    rest: list[str] = []
    queue = list(arguments)
    while queue:
        argument = queue.pop(0)
        name, joined, value = argument.partition("=")
        if argument == "--":
            rest += [argument, *queue]
            break
        if argument in _FLAGS:
            found[_FLAGS[argument]] = True
        elif name in _VALUES:
            values[name] = value if joined else _next(name, queue)
        else:
            rest.append(argument)
    config = Path(values["--config"]) if "--config" in values else None
    log_file = Path(values["--log-file"]) if "--log-file" in values else None
    settings = Globals(
        config=config,
        tenant=_tenant(values.get("--tenant")),
        is_log_json=_log_format(values.get("--log-format")) == "json",
        log_file=log_file,
        command=tuple(arguments),
        **found,
    )
    return settings, rest


def _next(name: str, queue: list[str]) -> str:
    if not queue:
        raise UsageError(f"{name} needs a value.", details={"option": name})
    return queue.pop(0)


def _log_format(text: str | None) -> str:
    if text is not None and text not in _FORMATS:
        raise UsageError("--log-format is text or json.", details={"option": "--log-format"})
    return text or _FORMATS[0]


def _tenant(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise UsageError("--tenant is a number from 1 on.", details={"option": "--tenant"})
    return int(text)
