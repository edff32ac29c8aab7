"""`${…}` in a YAML text: hidden from the parser, then filled in per scalar.

Values are put into scalars that are parsed already: whatever a variable holds, it can never
become structure, a comment or another variable. `$${NAME}` stands for the text `${NAME}`. What an
expression stands for is for `references` to say.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

_EXPRESSION = re.compile(r"\$?\$\{[^}\n]*\}")
# Private-use characters: YAML takes them in plain scalars, also between { and }, where the
# braces of an expression would end the scalar.
_STAND_IN = re.compile("\ue000([0-9]{1,9})\ue001")


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

    def fill(self, scalar: str, value_of: Callable[[str], str]) -> str:
        """The scalar with the values of its expressions.

        Args:
            scalar: as the parser gave it, with stand-ins.
            value_of: from an expression such as `${NAME}` to its value.

        Raises:
            LookupError: an expression has no value or is malformed; the message never holds one.
        """
        if "${" in scalar:
            raise LookupError("has ${ without } on the same line; write $${ for the text ${")

        def value(found: re.Match[str]) -> str:
            expression = self._expression(found)
            is_text = not expression or expression.startswith("$$")
            return expression[1:] if is_text else value_of(expression)

        return _STAND_IN.sub(value, scalar)

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
