"""Access tokens that live for an hour, renewed by a call: one renewal at a time.

A token is renewed ahead of its end, and once more when a platform refuses it early. How it is
asked for is the platform's business.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Protocol

from audsync.clock import Clock

MARGIN_S = 120.0
"""A token is renewed so long before its end, so that none ends on the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An access token, and for how many seconds from now it is good."""

    value: str = field(repr=False)
    lasts_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What asking for a token brought."""

    token: Token
    refresh_token: str | None = field(default=None, repr=False)
    """The one to ask with from now on; None where it stays as it is."""


Fetch = Callable[[str | None], Granted]
"""Asks the platform for a new token, with a refresh token that came with an earlier one, or None
for the one that a person entered. Raises `AttentionError` where it is refused and `TransientError`
where it cannot be had now; never `OutcomeUnknownError`, since a renewal that got lost changes
nothing."""


class Shelf(Protocol):
    """Where the tokens of a connection lie for everybody who uses it."""

    def token(self, fetch: Fetch, *, refused: str | None, margin_s: float) -> Token:
        """A token that is good now, asked for only where none lies there.

        Args:
            fetch: asks for a new one; it is called once at most.
            refused: one that is not good whatever is known of it.
            margin_s: how long before its end a token is good no more; see `useful_s`.

        Raises:
            AudsyncError: what `fetch` raises.
            CancelledError, BudgetEndedError: there was no time to wait for who asks already.
        """
        ...


class OwnShelf:
    """Keeps token and refresh token for all clients of this process that have the same secrets."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._token: Token | None = None
        self._asked_at_s = 0.0
        self._refresh_token: str | None = None

    def token(self, fetch: Fetch, *, refused: str | None, margin_s: float) -> Token:
        """The token that is there, while it is good; else a new one, asked for once."""
        with self._lock:
            now_s = self._clock.monotonic()
            kept, age_s = self._token, now_s - self._asked_at_s
            if kept and kept.value != refused and age_s < useful_s(kept, margin_s):
                return replace(kept, lasts_s=kept.lasts_s - age_s)
            granted = fetch(self._refresh_token)
            self._refresh_token = granted.refresh_token or self._refresh_token
            self._token, self._asked_at_s = granted.token, now_s
            return granted.token


def useful_s(token: Token, margin_s: float) -> float:
    """How long a token is used; where the margin is most of its life, half of that."""
    return max(token.lasts_s - margin_s, token.lasts_s / 2)


class Bearer:
    """The token of one connection, shared by all its calls; safe between threads.

    Args:
        fetch: asks the platform for a new token.
        clock: tells when a token is old.
        shelf: where tokens lie for other processes, too; None where there is no such place.
        margin_s: how long before its end a token is renewed.
    """

    def __init__(
        self,
        fetch: Fetch,
        *,
        clock: Clock,
        shelf: Shelf | None = None,
        margin_s: float = MARGIN_S,
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._shelf = shelf or OwnShelf(clock)
        self._margin_s = margin_s
        self._lock = Lock()
        self._token: Token | None = None
        self._renew_at_s = float("-inf")

    def token(self) -> str:
        """A token that is good now."""
        with self._lock:
            if self._token is None or self._clock.monotonic() >= self._renew_at_s:
                return self._renew(refused=None)
            return self._token.value

    def renewed(self, refused: str) -> str:
        """A token other than `refused`; where another caller has got one, that one."""
        with self._lock:
            if self._token is None or self._token.value == refused:
                return self._renew(refused=refused)
            return self._token.value

    def _renew(self, *, refused: str | None) -> str:
        asked_at_s = self._clock.monotonic()
        token = self._shelf.token(self._fetch, refused=refused, margin_s=self._margin_s)
        self._token = token
        self._renew_at_s = asked_at_s + useful_s(token, self._margin_s)
        return token.value
