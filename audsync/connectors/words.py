"""A platform's own words on a failure, fit to be shown: nobody's data, no secret. Pure."""

import re
from collections.abc import Iterable

MAX_WORDS_CHARS = 200
_LOOKED_AT_CHARS = 10_000

_TELLING = re.compile(
    r'"[^"]*"'  # whatever a platform quotes may be ours
    r"|[^\s@<>]+@[^\s@<>]+"  # an address
    r"|[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"  # a mobile id
    r"|[0-9A-Fa-f]{32,}"  # a hash
    r"|\+?\d[\d ().-]{5,}\d"  # a phone number, or any long number
    r"|\S{40,}"  # whatever is as long as a token
)
_REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,128}")


def harmless(words: object, secrets: Iterable[str] = ()) -> str | None:
    """`words` without anything in them that could be a person's or secret; None if no text.

    Args:
        words: what the platform said, of any type and length.
        secrets: texts that are never to be repeated; blank ones are passed over.
    """
    if not isinstance(words, str):
        return None
    words = words[:_LOOKED_AT_CHARS]
    for secret in filter(None, secrets):
        words = words.replace(secret, "…")
    printable = "".join(letter if letter.isprintable() else " " for letter in words)
    return _TELLING.sub("…", printable)[:MAX_WORDS_CHARS]


def reference(words: object) -> str | None:
    """A platform's name for a request, which its support asks for; None if it is no such name."""
    return words if isinstance(words, str) and _REFERENCE.fullmatch(words) else None
