"""JSON bodies read as Google's front end reads them: every name, type and enum is checked.

Names may come in camel or in snake case, enums as texts or as numbers; what comes out has camel
case names and enum texts, and no nulls. The words of the refusals are those of the generic
transcoder, which are widely seen but not documented for this API.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Path = tuple[Any, str | int] | None
"""A linked list of names and positions, from the innermost outwards."""

_UPPER = re.compile("([A-Z])")
_INT64 = re.compile("-?[0-9]{1,19}")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that cannot be read."""

    field: str
    description: str


class Shape(Protocol):
    """What a value must look like."""

    @property
    def plain(self) -> type | None:
        """A type whose values need no look at all; None when there is none."""
        ...

    def read(self, value: Any, path: Path, problems: list[Problem]) -> Any:  # noqa: ANN401 - any JSON
        """The value in its normal form; what is wrong with it goes to `problems`."""
        ...


def snake(name: str) -> str:
    """`emailAddress` -> `email_address`."""
    return _UPPER.sub(r"_\1", name).lower()


def joined(path: Path) -> str:
    """The path as Google writes it: `audience_members[0].user_data`."""
    names: list[str] = []
    while path is not None:
        path, name = path
        names.append(name if isinstance(name, str) else f"[{name}]")
    return ".".join(reversed(names)).replace(".[", "[")


def _wrong(path: Path, kind: str, problems: list[Problem]) -> None:
    where = joined(path)
    problems.append(Problem(where, f"Invalid value at '{where}' ({kind})"))


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text, a number or a yes-or-no."""

    plain: type
    kind: str

    def read(self, value: Any, path: Path, problems: list[Problem]) -> Any:  # noqa: ANN401 - any JSON
        if self.plain is int and isinstance(value, str) and _INT64.fullmatch(value):
            return int(value)
        _wrong(path, self.kind, problems)
        return None


TEXT = Scalar(str, "TYPE_STRING")
FLAG = Scalar(bool, "TYPE_BOOL")
WHOLE = Scalar(int, "TYPE_INT64")


@dataclass(frozen=True, slots=True)
class Choice:
    """An enum; a name's number is its position."""

    kind: str
    names: Sequence[str]
    plain: None = None

    def read(self, value: Any, path: Path, problems: list[Problem]) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, str) and value in self.names:
            return value
        if type(value) is int and 0 <= value < len(self.names):
            return self.names[value]
        where = joined(path)
        told = f'"{value}"' if isinstance(value, str) else str(value)
        kind = f"type.googleapis.com/google.ads.datamanager.v1.{self.kind}"
        problems.append(Problem(where, f"Invalid value at '{where}' ({kind}), {told}"))
        return None


@dataclass(frozen=True, slots=True)
class Many:
    """A list."""

    of: Shape
    plain: None = None

    def read(self, value: Any, path: Path, problems: list[Problem]) -> Any:  # noqa: ANN401 - any JSON
        if not isinstance(value, list):
            _wrong(path, "a repeated field must be an array", problems)
            return None
        plain, read = self.of.plain, self.of.read
        return [
            each if type(each) is plain else read(each, (path, at), problems)
            for at, each in enumerate(value)
        ]


@dataclass(slots=True)
class Message:
    """An object with known names; of those in `one_of` only one may be set."""

    fields: Mapping[str, Shape]
    one_of: frozenset[str] = frozenset()
    plain: None = None
    _known: dict[str, tuple[str, str, Shape]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        known = [(name, snake(name), shape) for name, shape in self.fields.items()]
        self._known = {spelt: each for each in known for spelt in each[:2]}

    def read(self, value: Any, path: Path, problems: list[Problem]) -> Any:  # noqa: ANN401 - any JSON
        if not isinstance(value, dict):
            _wrong(path, "an object is expected", problems)
            return None
        read: dict[str, Any] = {}
        for name, inner in value.items():
            known = self._known.get(name)
            if known is None:
                self._unknown(name, path, problems)
            elif inner is not None:
                camel, spelt, shape = known
                is_plain = type(inner) is shape.plain
                read[camel] = inner if is_plain else shape.read(inner, (path, spelt), problems)
        if len(read) > 1 and len(self.one_of.intersection(read)) > 1:
            self._set_twice(read, path, problems)
        return read

    def _unknown(self, name: str, path: Path, problems: list[Problem]) -> None:
        where = joined(path)
        at = f" at '{where}'" if where else ""
        told = f'Invalid JSON payload received. Unknown name "{name}"{at}: Cannot find field.'
        problems.append(Problem(where, told))

    def _set_twice(self, read: Mapping[str, Any], path: Path, problems: list[Problem]) -> None:
        second = [name for name in read if name in self.one_of][1]
        where = joined(path)
        told = f"Invalid value at '{where}' (oneof), only one of its kinds may be set:"
        problems.append(Problem(where, f"{told} cannot set '{second}'"))
