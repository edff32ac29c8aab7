"""How long platforms took to answer, as one histogram an hour. Functions never commit."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlmodel import col, select

from audsync.domain import Platform
from audsync.store.missing import insert_missing
from audsync.store.tables import Latency

if TYPE_CHECKING:
    from sqlmodel import Session

BOUNDS_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds; the last bucket has none. Stored counts rest on them: they are never changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Requests by how long they took."""

    counts: tuple[int, ...] = (0,) * (len(BOUNDS_S) + 1)
    """In each bucket alone."""
    sum_s: float = 0.0

    @classmethod
    def of(cls, seconds: float) -> "Histogram":
        """That of one request."""
        place = sum(seconds > bound for bound in BOUNDS_S)
        counts = tuple(int(each == place) for each in range(len(BOUNDS_S) + 1))
        return cls(counts=counts, sum_s=seconds)

    def plus(self, other: "Histogram") -> "Histogram":
        """Both together."""
        counts = tuple(a + b for a, b in zip(self.counts, other.counts, strict=True))
        return Histogram(counts=counts, sum_s=self.sum_s + other.sum_s)

    @property
    def total(self) -> int:
        """How many requests."""
        return sum(self.counts)


def add(
    session: "Session", tenant_id: int, platform: Platform, seen: Histogram, *, now: datetime
) -> None:
    """Count these to the hour."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    key = {"tenant_id": tenant_id, "platform": platform, "hour": hour}
    empty = Histogram()
    values = {**key, "counts": list(empty.counts), "sum_s": empty.sum_s}
    insert_missing(session, Latency, values)
    statement = select(Latency).where(*(col(getattr(Latency, name)) == key[name] for name in key))
    row = session.exec(statement.with_for_update()).one()
    session.refresh(row)
    both = _histogram(row).plus(seen)
    row.counts, row.sum_s = list(both.counts), both.sum_s
    session.add(row)
    session.flush()


def by_platform(
    session: "Session", tenant_id: int, *, since: datetime | None = None
) -> dict[Platform, Histogram]:
    """What was counted in the hours that ended after `since`, or ever."""
    statement = select(Latency).where(col(Latency.tenant_id) == tenant_id)
    if since is not None:
        hour = since.replace(minute=0, second=0, microsecond=0)
        statement = statement.where(col(Latency.hour) >= hour)
    return _together(session.exec(statement).all())


def _together(rows: Iterable[Latency]) -> dict[Platform, Histogram]:
    found: dict[Platform, Histogram] = {}
    for row in rows:
        found[row.platform] = found.get(row.platform, Histogram()).plus(_histogram(row))
    return dict(sorted(found.items()))


def _histogram(row: Latency) -> Histogram:
    return Histogram(counts=tuple(row.counts), sum_s=row.sum_s)
