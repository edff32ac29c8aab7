"""One custom audience: its data, what it tells of itself, and its states.

Source: Custom Audience reference, read 2026-11-22.
"""

from dataclasses import dataclass, field
from typing import Any

from audsync.sandbox.members import Members
from audsync.sandbox.meta.columns import readable
from audsync.sandbox.meta.sessions import LIFE_S, Session
from audsync.sandbox.meta.settings import Settings

_DELIVERABLE = 100
_FLOOR = 1_000
_DAY_S = 86_400
_HOUR_S = 3_600
_STATUSES = {
    200: "Normal",
    414: "Replacing the users of this audience.",
    441: "We're still populating this audience.",
    471: "This audience may not follow our integrity policy.",
}


@dataclass(slots=True, kw_only=True)
class Replace:
    """A replace that runs: its rows wait aside until the session ends."""

    session: Session
    staged: Members = field(repr=False)


@dataclass(slots=True, kw_only=True)
class Audience:
    """A customer-file audience. Times are epoch seconds."""

    id: str
    account_id: str
    name: str
    description: str
    customer_file_source: str
    retention_days: int | None
    created_at: float
    updated_at: float
    members: Members = field(repr=False)
    unready_calls: int
    content_at: float | None = None
    """When its members last changed."""
    is_list: bool | None = None
    """The schema family of its first rows; None before."""
    replace: Replace | None = None
    populated_at: float = 0.0
    """Until then the last replace is still being worked in."""
    published: int | None = None
    """Matched people, as last made public."""
    published_for: float | None = None
    expired_at: float = 0.0

    def catch_up(self, now: float, settings: Settings) -> None:
        """Let happen what time alone brings: a replace timing out, members ageing, new counts."""
        if self.replace is not None and self.replace.session.is_timed_out(now):
            self.end_replace(self.replace, self.replace.session.opened_at + LIFE_S, settings)
        if self.retention_days is not None and now - self.expired_at >= _HOUR_S:
            self.expired_at = now
            self.members.expire(now - self.retention_days * _DAY_S)
        self._publish(now, settings)

    def end_replace(self, replace: Replace, now: float, settings: Settings) -> None:
        """What came in becomes the members, whether it was all or, at a time-out, a part."""
        if self.replace is replace:
            self.replace = None
        self.members.forget()
        self.members = replace.staged
        self.content_at = now
        self.populated_at = now + settings.populate_s

    def status(self, now: float, settings: Settings) -> int:
        """The code of `operation_status`."""
        if self.is_flagged(settings):
            return 471
        if self.replace is not None:
            return 414
        return 441 if now < self.populated_at else 200

    def is_flagged(self, settings: Settings) -> bool:
        """Whether its words suggest health or financial status."""
        return settings.flags(self.name, self.description)

    def read(self, now: float, settings: Settings) -> dict[str, Any]:
        """Every field that can be asked for; those without a value are None."""
        lower, upper = _bounds(self.published)
        status = self.status(now, settings)
        is_big = self.published is not None and self.published >= _DELIVERABLE
        return {
            "id": self.id,
            "name": self.name,
            "account_id": self.account_id,
            "subtype": "CUSTOM",
            "description": self.description,
            "customer_file_source": self.customer_file_source,
            "retention_days": self.retention_days,
            "approximate_count_lower_bound": lower,
            "approximate_count_upper_bound": upper,
            "operation_status": {"code": status, "description": _STATUSES[status]},
            "delivery_status": _delivery(is_big=is_big),
            "time_created": int(self.created_at),
            "time_updated": int(self.updated_at),
            "time_content_updated": None if self.content_at is None else int(self.content_at),
        }

    def people(self) -> frozenset[frozenset[tuple[str, str]]]:
        """Its persons, each as all (key, value) pairs that the account knows of that person."""
        return frozenset(frozenset(map(readable, keys)) for keys in self.members.keys_of_persons())

    def _publish(self, now: float, settings: Settings) -> None:
        changed_at = self.content_at
        if changed_at is None or changed_at == self.published_for:
            return
        if now >= changed_at + settings.counts_after_h * _HOUR_S:
            self.published = self.members.matched()
            self.published_for = changed_at


def _bounds(matched: int | None) -> tuple[int | None, int | None]:
    """Lower and upper bound: two significant digits, never below 1,000."""
    if matched is None:
        return None, None
    if matched < _FLOOR:
        return _FLOOR, _FLOOR
    step = 10 ** (len(str(matched)) - 2)
    lower = matched // step * step
    return lower, lower + step


def _delivery(*, is_big: bool) -> dict[str, Any]:
    if is_big:
        return {"code": 200, "description": "This audience is ready for use."}
    return {"code": 300, "description": "This audience is too small to be used."}
