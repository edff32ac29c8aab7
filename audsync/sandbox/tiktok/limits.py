"""How many calls are let in: by app, in a second, a minute and a day; by advertiser, in a second.

Numbers: rate-limits page, read 2026-11-22. TikTok tells nothing in headers, and not which of the
limits was reached.
"""

from collections import defaultdict
from collections.abc import Iterable

from audsync.sandbox.tiktok import errors
from audsync.sandbox.tiktok.settings import Settings

_MINUTE_S = 60
_DAY_S = 86_400


class _Window:
    """Calls of the running second, minute or day, counted from its full stroke."""

    def __init__(self, length_s: int) -> None:
        self._length_s = length_s
        self._stroke = -1
        self._calls = 0

    def is_full(self, now: float, most: int) -> bool:
        stroke = int(now // self._length_s)
        if stroke != self._stroke:
            self._stroke, self._calls = stroke, 0
        return self._calls >= most

    def count(self) -> None:
        self._calls += 1


class Limits:
    """The counts of the app and of every advertiser."""

    def __init__(self) -> None:
        self._second, self._minute, self._day = _Window(1), _Window(_MINUTE_S), _Window(_DAY_S)
        self._advertisers: defaultdict[str, _Window] = defaultdict(lambda: _Window(1))
        self._restricted_until = 0.0

    def let_in(self, now: float, settings: Settings) -> None:
        """Count one call of the app; calls that are refused do not count.

        Raises:
            RefusedError: it has made too many.
        """
        rates = settings.rates()
        if now < self._restricted_until:
            raise errors.app_restricted()
        if self._day.is_full(now, rates.per_day) or self._second.is_full(now, rates.per_s):
            raise errors.too_many_calls()
        if self._minute.is_full(now, rates.per_min):
            self._restricted_until = now + settings.restricted_s
            raise errors.app_restricted()
        for window in (self._second, self._minute, self._day):
            window.count()

    def let_in_for(self, advertisers: Iterable[str], now: float, settings: Settings) -> None:
        """Count one call for each of `advertisers`.

        Raises:
            RefusedError: one of them had too many.
        """
        most = settings.advertiser_calls_per_s
        windows = [self._advertisers[each] for each in advertisers]
        if most is not None and any(window.is_full(now, most) for window in windows):
            raise errors.too_many_calls_for_advertiser()
        for window in windows:
            window.count()
