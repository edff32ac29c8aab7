"""The four quotas of a Cloud project, each by minute and by day.

Source: Data Manager limits page, read 2026-11-22. Minutes and days are those of the virtual clock
in UTC; where Google's own windows begin is not documented.
"""

from enum import StrEnum

from audsync.sandbox.google import errors
from audsync.sandbox.google.settings import Quota, Settings

_MINUTE_S = 60
_DAY_S = 86_400


class Bucket(StrEnum):
    """Which quota a call counts against."""

    INGESTION_MUTATE = "IngestionMutateRequests"
    INGESTION_READ = "IngestionReadRequests"
    MANAGEMENT_MUTATE = "ManagementMutateRequests"
    MANAGEMENT_READ = "ManagementReadRequests"


class Quotas:
    """What is used up of each."""

    def __init__(self) -> None:
        self._windows: dict[tuple[Bucket, int], tuple[int, int]] = {}
        """(bucket, window length) -> (window's number, calls in it)."""

    def spend(self, bucket: Bucket, settings: Settings, now: float) -> None:
        """Count one call.

        Raises:
            RefusedError: the minute's or the day's quota is used up; it was not counted.
        """
        quota: Quota = getattr(settings.quotas, bucket.name.lower())
        limits = {_MINUTE_S: quota.per_minute, _DAY_S: quota.per_day}
        used = {length: self._used(bucket, length, now) for length in limits}
        for length, limit in limits.items():
            if used[length] >= limit:
                raise errors.quota_exceeded(limit_name(bucket, is_daily=length == _DAY_S))
        for length, calls in used.items():
            self._windows[bucket, length] = (int(now // length), calls + 1)

    def _used(self, bucket: Bucket, length: int, now: float) -> int:
        number, calls = self._windows.get((bucket, length), (0, 0))
        return calls if number == int(now // length) else 0


def limit_name(bucket: Bucket, *, is_daily: bool) -> str:
    """What a refusal calls the quota."""
    return f"{bucket}Per{'Day' if is_daily else 'Minute'}PerProject"
