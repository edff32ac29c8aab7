"""What the sandbox remembers of the calls it got: bounded, and without anybody's data.

Bodies are kept apart, in memory only, and shown only to who asks for them by name.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any

KEPT_REQUESTS = 10_000
KEPT_VIOLATIONS = 10_000
KEPT_BODY_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One call. `path` is without the query string, which may hold a token."""

    at: float
    platform: str
    method: str
    path: str
    action: str
    rows: int
    status: int
    ending: str
    fault: str
    """The kind of the fault that struck it; "" for none."""


class Journal:
    """The last calls and violations."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything; numbering starts anew."""
        self.violations: deque[dict[str, Any]] = deque(maxlen=KEPT_VIOLATIONS)
        self._entries: deque[tuple[int, Entry]] = deque(maxlen=KEPT_REQUESTS)
        self._numbers = count(1)
        self._bodies: deque[tuple[int, bytes]] = deque()
        self._body_bytes = 0

    def record(self, entry: Entry, body: bytes) -> None:
        """Take note of a call; the oldest ones go when there are too many."""
        number = next(self._numbers)
        self._entries.append((number, entry))
        self._bodies.append((number, body))
        self._body_bytes += len(body)
        while self._body_bytes > KEPT_BODY_BYTES or len(self._bodies) > KEPT_REQUESTS:
            self._body_bytes -= len(self._bodies.popleft()[1])

    def violation(self, kind: str, facts: Mapping[str, Any]) -> None:
        """Take note of something that a well-behaved client never sends."""
        self.violations.append({"kind": kind, **facts})

    def requests(self, *, with_bodies: bool = False) -> list[dict[str, Any]]:
        """The kept calls, oldest first; with the text of the latest bodies if asked."""
        bodies = dict(self._bodies) if with_bodies else {}
        shown = []
        for number, entry in self._entries:
            line = {"number": number, **asdict(entry)}
            if number in bodies:
                line["body"] = bodies[number].decode("utf-8", "replace")
            shown.append(line)
        return shown
