"""One exit code for many outcomes."""

from collections.abc import Sequence

_WORST_FIRST = (1, 2, 130, 5, 3, 7, 6, 8, 4)


def worst(codes: Sequence[int]) -> int:
    """The code that a script must hear of; 0 for none."""
    return next((code for code in _WORST_FIRST if code in codes), max(codes, default=0))
