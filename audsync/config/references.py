"""What `${…}` stands for: a variable, the text of a file, or what a command prints.

Files and commands are for secrets that another program keeps. Whatever goes wrong with them is
told without their content, and without the command, which may hold a secret itself.
"""

import re
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

from audsync.config.values import resolve

COMMAND_TIMEOUT_S = 10.0
ALLOWING = "AUDSYNC_ALLOW_COMMANDS"
_MAX_FILE_BYTES = 65_536
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_SOURCE = re.compile(r"\$\{(file|cmd):(.*)\}")
_NEAR_NAME = 0.8
_TRUE = {"1", "t", "true", "y", "yes", "on"}


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """Where the values of expressions come from; each file and command is asked once."""

    variables: Mapping[str, str] = field(repr=False)
    folder: Path
    """Absolute; relative paths are seen from here, and commands run here."""
    allows_commands: bool = False
    _known: dict[str, str] = field(default_factory=dict, repr=False)

    def allowing(self, written: str | None) -> "References":
        """The same, with commands if `secrets.allow_commands` of the file or the environment says.

        Args:
            written: the setting as it stands in the file; None where it does not.
        """
        said = {(written or "").lower(), self.variables.get(ALLOWING, "").lower()}
        return replace(self, allows_commands=bool(said & _TRUE))

    def value_of(self, expression: str) -> str:
        """What the expression, from `${` to `}`, stands for.

        Raises:
            LookupError: there is no such thing; the message never holds a value.
        """
        source = _SOURCE.fullmatch(expression)
        if source is None:
            return self._variable(expression)
        if expression not in self._known:
            ask = self._file if source[1] == "file" else self._command
            self._known[expression] = ask(source[2].strip())
        return self._known[expression]

    def _variable(self, expression: str) -> str:
        parts = _VARIABLE.fullmatch(expression)
        if parts is None:
            raise LookupError("has a malformed variable; write ${NAME} or ${NAME:-default}")
        name, default = parts[1], parts[2]
        value = self.variables.get(name, "")
        if value or default is not None:
            return value or default
        if name in self.variables:
            raise LookupError(
                f"needs the variable {name}, which is empty; ${{{name}:-}} allows that"
            )
        near = get_close_matches(name, self.variables, n=1, cutoff=_NEAR_NAME)
        hint = f" (did you mean {near[0]}?)" if near else "; set it in the environment or in .env"
        raise LookupError(f"needs the variable {name}, which is not set{hint}")

    def _file(self, written: str) -> str:
        """The text of a file, without the line end that editors put behind it."""
        try:
            path = Path(resolve(written, self.folder))
            if not path.is_file():
                raise LookupError(f"needs the file {path}, which is not there")
            with path.open("rb") as file:
                content = file.read(_MAX_FILE_BYTES + 1)
            text = content.decode("utf-8").rstrip("\r\n")
        except OSError as error:
            raise LookupError(f"needs the file {written}: {error.strerror}") from None
        except ValueError:  # of `resolve`, and of text that is not UTF-8
            raise LookupError("needs a file that is no path, or no UTF-8 text") from None
        if len(content) > _MAX_FILE_BYTES:
            raise LookupError(f"needs the file {path}, which is too large for a secret")
        return _some(text, f"the file {path}, which is empty")

    def _command(self, written: str) -> str:
        """What a command prints; no shell reads it."""
        if not self.allows_commands:
            raise LookupError(
                "has a command, and commands are not allowed: write `secrets: {allow_commands:"
                f" true}}` into this file, or set {ALLOWING}=1"
            )
        try:
            done = subprocess.run(  # noqa: S603 - a person wrote it and allowed it
                shlex.split(written),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=self.folder,
                timeout=COMMAND_TIMEOUT_S,
                check=False,
            )
            text = done.stdout.decode("utf-8").rstrip("\r\n")
        except subprocess.TimeoutExpired:
            raise LookupError(f"has a command that took over {COMMAND_TIMEOUT_S:g} s") from None
        except OSError as error:
            raise LookupError(f"has a command that cannot be run: {error.strerror}") from None
        except (ValueError, IndexError):  # quotes left open, nothing at all, or no UTF-8
            raise LookupError("has a command that cannot be read, or prints no text") from None
        if done.returncode:
            raise LookupError(
                f"has a command that failed with exit code {done.returncode}; run it by hand"
            )
        return _some(text, "a command that prints something")


def _some(text: str, what: str) -> str:
    if not text:
        raise LookupError(f"needs {what}")
    return text
