"""One customer-list segment: its data, what it tells of itself, and its states.

Source: developers.snap.com customer-lists page, read 2026-11-22.
"""

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from audsync.sandbox.members import Members
from audsync.sandbox.snapchat.settings import Settings
from audsync.sandbox.snapchat.values import readable

LIFETIME_DAYS = 9999
"""As a retention: members never age."""

_DAY_S = 86_400
_HOUR_S = 3_600


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Flight:
    """An upload that was answered and has not taken effect yet; equal to itself only."""

    action: str
    keys: frozenset[bytes] = field(repr=False)


@dataclass(slots=True, kw_only=True)
class Segment:
    """A segment of source type FIRST_PARTY. Times are epoch seconds."""

    id: str
    account_id: str
    name: str
    description: str | None
    retention_days: int
    created_at: float
    updated_at: float
    members: Members = field(repr=False)
    unready_calls: int
    schemas: set[str] = field(default_factory=set)
    """The kinds of identifier that were ever added."""
    uploaded_at: float | None = None
    """When its members were last told to change."""
    emptying_at: float | None = None
    """When a running `all_users` takes out whatever is in by then."""
    published: int = 0
    """Matched people, as last made public."""
    published_for: float | None = None
    expired_at: float = 0.0
    flights: list[Flight] = field(default_factory=list, repr=False)
    """Kept only where races are noted."""

    def catch_up(self, now: float, settings: Settings) -> None:
        """Let happen what time alone brings: emptying, members ageing, new sizes."""
        if self.emptying_at is not None and now >= self.emptying_at:
            self.emptying_at = None
            self.members.expire(math.inf)
        if self.retention_days != LIFETIME_DAYS and now - self.expired_at >= _HOUR_S:
            self.expired_at = now
            self.members.expire(now - self.retention_days * _DAY_S)
        is_new = self.uploaded_at is not None and self.uploaded_at != self.published_for
        if is_new and not self.is_processing(now, settings):
            self.published = self.members.matched()
            self.published_for = self.uploaded_at

    def is_processing(self, now: float, settings: Settings) -> bool:
        """Whether its latest upload is still being worked on."""
        if self.uploaded_at is None:
            return False
        return now < self.uploaded_at + settings.processing_h * _HOUR_S

    def touch(self, at: float) -> None:
        """Its members change by a call of that time, which may be older than the latest."""
        self.uploaded_at = max(at, self.uploaded_at or at)
        self.updated_at = max(at, self.updated_at)
        self.published_for = None

    def racing(self, flight: Flight) -> int:
        """How many values of `flight` are in one that waits and does the opposite."""
        opposite = [each.keys for each in self.flights if each.action != flight.action]
        return len(flight.keys.intersection(frozenset[bytes]().union(*opposite)))

    def as_json(self, now: float, settings: Settings) -> dict[str, Any]:
        """The entity as the vendor's samples show it."""
        told = {
            "id": self.id,
            "created_at": _moment(self.created_at),
            "updated_at": _moment(self.updated_at),
            "name": self.name,
            "ad_account_id": self.account_id,
            "description": self.description,
            "status": "PENDING" if now < self.created_at + settings.pending_s else "ACTIVE",
            "targetable_status": self._targetable(now, settings),
            "upload_status": self._uploaded(now, settings),
            "source_type": "FIRST_PARTY",
            "retention_in_days": self.retention_days,
            "approximate_number_users": _rounded(self.published, settings.smallest_shown),
        }
        return {name: value for name, value in told.items() if value is not None}

    def people(self) -> frozenset[frozenset[tuple[str, str]]]:
        """Its persons, each as all (schema, digest) pairs that Snapchat knows of that person."""
        return frozenset(frozenset(map(readable, keys)) for keys in self.members.keys_of_persons())

    def _uploaded(self, now: float, settings: Settings) -> str:
        if self.uploaded_at is None:
            return "NO_UPLOAD"
        return "PROCESSING" if self.is_processing(now, settings) else "COMPLETE"

    def _targetable(self, now: float, settings: Settings) -> str:
        if self.uploaded_at is None or self.is_processing(now, settings):
            return "NOT_READY"
        return "TOO_FEW_USERS" if self.published < settings.target_floor else "READY"


def _moment(epoch_s: float) -> str:
    text = datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _rounded(matched: int, smallest: int) -> int:
    """Down to two digits; 0 below `smallest`."""
    if matched < smallest:
        return 0
    step = int(10 ** max(0, len(str(matched)) - 2))
    return matched // step * step
