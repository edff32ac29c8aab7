"""Access tokens that live for an hour, renewed by a call: one renewal at a time.

A token is renewed ahead of its end, and once more when a platform refuses it early. How it is
asked for is the platform's business.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from audsync.clock import Clock

MARGIN_S = 120.0
"""A token is renewed so long before its end, so that none ends on the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An access token, and for how many seconds from now it is good."""

    value: str = field(repr=False)
    lasts_s: float


class Bearer:
    """The token of one connection, shared by all its calls; safe between threads.

    Args:
        fetch: asks the platform for a new token. Raises `AttentionError` where it is refused and
            `TransientError` where it cannot be had now; never `OutcomeUnknownError`, since a
            renewal that got lost changes nothing.
        clock: tells when a token is old.
        margin_s: how long before its end a token is renewed.
    """

    def __init__(
        self, fetch: Callable[[], Token], *, clock: Clock, margin_s: float = MARGIN_S
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._margin_s = margin_s
        self._lock = Lock()
        self._token: Token | None = None
        self._renew_at_s = float("-inf")

    def token(self) -> str:
        """A token that is good now."""
        with self._lock:
            if self._token is None or self._clock.monotonic() >= self._renew_at_s:
                return self._renew()
            return self._token.value

    def renewed(self, refused: str) -> str:
        """A token other than `refused`; where another caller has got one, that one."""
        with self._lock:
            if self._token is None or self._token.value == refused:
                return self._renew()
            return self._token.value

    def _renew(self) -> str:
        asked_at_s = self._clock.monotonic()
        token = self._fetch()
        # A life shorter than the margin is used for half of it, not renewed at every call.
        useful_s = max(token.lasts_s - self._margin_s, token.lasts_s / 2)
        self._token, self._renew_at_s = token, asked_at_s + useful_s
        return token.value
