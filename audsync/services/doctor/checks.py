"""One thing that `doctor` looked at, and the words for what it found."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from audsync.errors import AudsyncError


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One verdict. `mend` says how to put it right; "" where all is well."""

    name: str
    ok: bool
    detail: str
    mend: str = ""


def good(name: str, detail: str) -> Check:
    """All is well."""
    return Check(name=name, ok=True, detail=detail)


def bad(name: str, detail: str, mend: str) -> Check:
    """Something must be mended."""
    return Check(name=name, ok=False, detail=detail, mend=mend)


def guarded(name: str, look: Callable[[], Iterator[Check]], *, mend: str) -> Iterator[Check]:
    """The checks of `look`; an expected failure inside it becomes one too, and ends it."""
    try:
        yield from look()
    except AudsyncError as error:
        yield bad(name, f"{error.code}: {error.message}", mend)
