"""Upload sessions: which batch may come next, and when a session is over.

Source: Custom Audiences guide (sessions) and the usersreplace reference, read 2026-11-22.
"""

from dataclasses import dataclass, field
from typing import Any

from audsync.sandbox.meta import errors
from audsync.sandbox.meta.rows import as_object

LIFE_S = 90 * 60
"""A session without its last batch closes itself after 90 minutes."""
KEPT_SESSIONS = 10_000
_MAX_ID = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The `session` parameter of one call."""

    session_id: int
    number: int
    is_last: bool


@dataclass(slots=True, kw_only=True)
class Session:
    """What an ad account remembers of a session."""

    id: int
    audience_id: str
    kind: str
    """add, remove or replace."""
    schema: tuple[str, ...]
    opened_at: float
    seen: set[int] = field(default_factory=set)
    received: int = 0
    invalid: int = 0
    closed_at: float | None = None

    def is_timed_out(self, now: float) -> bool:
        """Whether it closed by itself."""
        return self.closed_at is None and now - self.opened_at > LIFE_S

    def as_json(self, now: float) -> dict[str, Any]:
        """As the sessions edge shows it."""
        is_open = self.closed_at is None and not self.is_timed_out(now)
        ended_at = self.opened_at + LIFE_S if self.closed_at is None else self.closed_at
        return {
            "session_id": str(self.id),
            "start_time": str(int(self.opened_at)),
            "end_time": "" if is_open else str(int(ended_at)),
            "stage": "uploading" if is_open else "processed",
            "progress": "0" if is_open else "100",
            "num_received": str(self.received),
            "num_matched": str((self.received - self.invalid) * 3 // 4),
            "num_invalid_entries": str(self.invalid),
        }


def parse(value: Any) -> Batch:  # noqa: ANN401 - any JSON
    """Read a session parameter.

    Raises:
        RefusedError: a field is missing or not of its type.
    """
    document = as_object(value, name="session")
    session_id = _whole(document.get("session_id"))
    number = _whole(document.get("batch_seq"))
    is_last = document.get("last_batch_flag")
    if session_id is None or not 1 <= session_id <= _MAX_ID:
        raise errors.invalid("Param session[session_id] must be a positive int64", field="session")
    if number is None or number < 1:
        raise errors.invalid("Param session[batch_seq] must count from 1", field="session")
    if not isinstance(is_last, bool):
        raise errors.invalid("Param session[last_batch_flag] must be a boolean", field="session")
    return Batch(session_id=session_id, number=number, is_last=is_last)


class Sessions:
    """All sessions of one ad account; the oldest are forgotten when there are very many."""

    def __init__(self) -> None:
        self._known: dict[int, Session] = {}

    def find(self, session_id: int) -> Session | None:
        """A session of this account."""
        return self._known.get(session_id)

    def of_audience(self, audience_id: str) -> list[Session]:
        """An audience's sessions, oldest first."""
        return [each for each in self._known.values() if each.audience_id == audience_id]

    def open(self, session: Session) -> Session:
        """Remember a new one."""
        self._known[session.id] = session
        if len(self._known) > KEPT_SESSIONS:
            del self._known[next(iter(self._known))]
        return session


def check_order(session: Session, batch: Batch, *, now: float, tolerates_repeats: bool) -> None:
    """Whether a batch may come now in a session of the members edge.

    Raises:
        RefusedError: the session is over, or another batch is next.
    """
    if tolerates_repeats and batch.number in session.seen:
        return
    if session.closed_at is not None or session.is_timed_out(now):
        raise errors.invalid("The session is closed; use a new session_id", field="session")
    if batch.number != len(session.seen) + 1:
        raise errors.invalid("Param session[batch_seq] is out of order", field="session")


def _whole(value: Any) -> int | None:  # noqa: ANN401 - any JSON
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    return None
