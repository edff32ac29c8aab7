"""What a receiver is told."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One event: for programs as `body`, for people as `text`. Nobody's personal data in either."""

    body: dict[str, Any]
    """JSON values; see docs/notifications.md."""
    title: str
    text: str
    """A sentence or two; one line without control characters."""
    is_good_news: bool = False
