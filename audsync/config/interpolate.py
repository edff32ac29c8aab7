"""`${NAME}` and `${NAME:-default}`: hidden from the YAML parser, then filled in per scalar.

Values are put into scalars that are parsed already: whatever a variable holds, it can never
become structure, a comment or another variable. `$${NAME}` stands for the text `${NAME}`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

_EXPRESSION = re.compile(r"\$?\$\{[^}\n]*\}")
_PARTS = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
# Private-use characters: YAML takes them in plain scalars, also between { and }, where the
# braces of an expression would end the scalar.
_STAND_IN = re.compile("\ue000([0-9]{1,9})\ue001")
_NEAR_NAME = 0.8


@dataclass(frozen=True, slots=True)
class Shielded:
    """A text whose expressions are replaced by stand-ins; it has the same lines."""

    text: str
    expressions: tuple[str, ...]

    def holds_expression(self, scalar: str) -> bool:
        """Whether a scalar of the text has a stand-in in it."""
        return _STAND_IN.search(scalar) is not None

    def restore(self, scalar: str) -> str:
        """The scalar as it was written."""
        return _STAND_IN.sub(self._expression, scalar)

    def fill(self, scalar: str, variables: Mapping[str, str]) -> str:
        """The scalar with the values of its variables.

        Raises:
            LookupError: a variable is not set, or an expression is malformed; the message
                names variables and never holds a value.
        """
        if "${" in scalar:
            raise LookupError("has ${ without } on the same line; write $${ for the text ${")
        return _STAND_IN.sub(lambda found: _value(self._expression(found), variables), scalar)

    def _expression(self, found: re.Match[str]) -> str:
        number = int(found[1])
        return self.expressions[number] if number < len(self.expressions) else ""


def shield(text: str) -> Shielded:
    """Replace every expression in `text` by a stand-in that means nothing to YAML."""
    expressions: list[str] = []

    def stand_in(found: re.Match[str]) -> str:
        expressions.append(found[0])
        return f"\ue000{len(expressions) - 1}\ue001"

    return Shielded(_EXPRESSION.sub(stand_in, text), tuple(expressions))


def _value(expression: str, variables: Mapping[str, str]) -> str:
    if expression.startswith("$$") or not expression:
        return expression[1:]
    parts = _PARTS.fullmatch(expression)
    if parts is None:
        raise LookupError("has a malformed variable; write ${NAME} or ${NAME:-default}")
    name, default = parts[1], parts[2]
    value = variables.get(name, "")
    if value or default is not None:
        return value or default
    if name in variables:
        raise LookupError(f"needs the variable {name}, which is empty; ${{{name}:-}} allows that")
    near = get_close_matches(name, variables, n=1, cutoff=_NEAR_NAME)
    hint = f" (did you mean {near[0]}?)" if near else "; set it in the environment or in .env"
    raise LookupError(f"needs the variable {name}, which is not set{hint}")
