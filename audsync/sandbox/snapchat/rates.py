"""How many calls a second are let in, for each token and for each app.

Source: developers.snap.com rate-limits page, read 2026-11-22: 10 a second for an access token and
20 a second for an app, on average; 429 above, and no header of any kind.
"""

from collections import defaultdict, deque

from audsync.sandbox.snapchat.errors import ThrottledError
from audsync.sandbox.snapchat.settings import Settings

WINDOW_S = 1.0


class Rates:
    """The calls of the last second; a call that was refused does not count."""

    def __init__(self) -> None:
        self._calls: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)

    def spend(self, now: float, *, token: str, client_id: str, settings: Settings) -> None:
        """Count one call.

        Raises:
            ThrottledError: it is one too many; it was not counted.
        """
        of_token = self._recent(("token", token), now)
        of_app = self._recent(("app", client_id), now)
        if settings.token_calls_per_s is not None and len(of_token) >= settings.token_calls_per_s:
            raise ThrottledError
        if settings.app_calls_per_s is not None and len(of_app) >= settings.app_calls_per_s:
            raise ThrottledError(b"Too Many Requests")
        of_token.append(now)
        of_app.append(now)

    def _recent(self, whose: tuple[str, str], now: float) -> deque[float]:
        calls = self._calls[whose]
        while calls and calls[0] <= now - WINDOW_S:
            calls.popleft()
        return calls
