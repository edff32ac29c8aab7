"""One audience: its members, the work that waits for it, and what it tells of itself.

Source: custom audience list and get references, expiry policy, read 2026-11-22.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from audsync.sandbox.members import Members, Row
from audsync.sandbox.people import People
from audsync.sandbox.tiktok.digests import readable
from audsync.sandbox.tiktok.settings import Settings

_DAY_S = 86_400
_HOUR_S = 3_600
_EXPIRING_S = 60 * _DAY_S
_TOO_SMALL = "The audience size would be less than {}."
_NO_RULE = '{"inclusions": null, "exclusions": null}'


@dataclass(slots=True, kw_only=True)
class Job:
    """Rows that were accepted and have not reached the members yet."""

    action: str
    """`add` or `delete`; or `CREATE`, `APPEND`, `REMOVE`, `REPLACE` of files."""
    rows: tuple[Iterable[Row], ...] = field(repr=False)
    due_at: float

    def all_rows(self) -> Iterable[Row]:
        """The rows of all parts."""
        return chain.from_iterable(self.rows)

    def keys(self) -> set[bytes]:
        """Every key that occurs."""
        return {key for row in self.all_rows() for key in row}


@dataclass(slots=True, kw_only=True)
class Audience:
    """A Partner audience (streaming) or a Customer File audience. Times are epoch seconds."""

    id: str
    owner_id: str
    name: str
    is_streaming: bool
    calculate_type: str
    sub_type: str = "NORMAL"
    retention_days: int | None = None
    created_at: float
    edited_at: float
    known: People = field(repr=False)
    """Who is who for its advertiser."""
    members: Members = field(init=False, repr=False)
    jobs: list[Job] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    device_hashes: frozenset[str] = frozenset()
    """The functions by which the device ids came hashed that it got so far."""
    cover: int = 0
    """Matched people, as last made public."""
    count_due_at: float | None = None
    """When a change shows in `cover`."""
    error: str | None = None
    """Why the last job of files failed."""

    def __post_init__(self) -> None:
        self.members = Members(self.known)
        self.remember("create", self.created_at)

    def catch_up(self, now: float, settings: Settings) -> None:
        """Let happen what time alone brings: jobs that are due, new counts."""
        due = [job for job in self.jobs if job.due_at <= now]
        self.jobs = [job for job in self.jobs if job.due_at > now]
        for job in due:
            if self.is_streaming:
                self._map(job, settings)
            else:
                self._work_off(job, settings)
        if self.count_due_at is not None and self.count_due_at <= now:
            self.cover, self.count_due_at = self.members.matched(), None

    def accept(self, job: Job, now: float, settings: Settings) -> None:
        """Take a job on; one that is due at once reaches the members at once."""
        self.jobs.append(job)
        self.edited_at = now
        if job.action in ("APPEND", "REMOVE", "REPLACE"):
            self.error = None
            self.remember(job.action.lower(), now)
        self.catch_up(now, settings)

    def remember(self, action: str, now: float, message: str | None = None) -> None:
        """Add a line to its history."""
        line = {
            "action": action,
            "action_detail": "0",
            "editor": "open_api",
            "msg": message,
            "opt_time": _shown(now),
        }
        self.history.append(line)

    def is_editable(self, now: float, settings: Settings) -> bool:
        """Whether it takes members: a file audience only when it is computed and big enough."""
        if self.is_expired(now, settings):
            return False
        return self.is_streaming or self._is_usable(settings)

    def is_expired(self, now: float, settings: Settings) -> bool:
        """Whether its time is over."""
        return now >= self._expires_at(settings)

    def read(self, now: float, settings: Settings, *, kind_field: str) -> dict[str, Any]:
        """What it tells; its kind is called `type` in one call and `audience_type` in another."""
        expires_at = self._expires_at(settings)
        is_expired = now >= expires_at
        return {
            "audience_id": self.id,
            "name": self.name,
            kind_field: "Partner" if self.is_streaming else "Customer File Audience",
            "audience_sub_type": self.sub_type,
            "calculate_type": self.calculate_type,
            "cover_num": self.cover,
            "is_valid": self._is_usable(settings) and not is_expired,
            "is_creator": True,
            "is_expiring": not is_expired and expires_at - now <= _EXPIRING_S,
            "is_auto_refresh": False,
            "shared": False,
            "owner_id": self.owner_id,
            "create_time": _shown(self.created_at),
            "expired_time": _shown(expires_at),
            "msg": None,
            "error_msg": self.error,
            "rule": _NO_RULE,
        }

    def people(self) -> frozenset[frozenset[tuple[str, str]]]:
        """Its persons, each as all (key, value) pairs that the advertiser knows of that person."""
        return frozenset(frozenset(map(readable, keys)) for keys in self.members.keys_of_persons())

    def _is_usable(self, settings: Settings) -> bool:
        is_computed = self.is_streaming or not self.jobs
        return is_computed and self.cover >= settings.smallest_audience

    def _expires_at(self, settings: Settings) -> float:
        if self.retention_days is not None:
            return self.created_at + self.retention_days * _DAY_S
        return self.edited_at + settings.unused_days * _DAY_S

    def _map(self, job: Job, settings: Settings) -> None:
        if job.action == "add":
            self.members.add(job.all_rows(), job.due_at)
        else:
            self.members.remove(job.all_rows())
        if self.count_due_at is None:
            self.count_due_at = job.due_at + settings.counts_after_h * _HOUR_S

    def _work_off(self, job: Job, settings: Settings) -> None:
        """Let a job of files reach the members, unless too few people would be left."""
        floor = settings.smallest_audience
        if job.action == "APPEND":
            self.members.add(job.all_rows(), job.due_at)
        elif job.action == "REMOVE":
            rows = list(job.all_rows())
            if self.members.matched_without(rows) < floor:
                self._fail(job, floor)
                return
            self.members.remove(rows)
        elif not self._replace(job, floor):
            self._fail(job, floor)
            return
        self.cover = self.members.matched()

    def _replace(self, job: Job, floor: int) -> bool:
        members = Members(self.known)
        members.add(job.all_rows(), job.due_at)
        is_big_enough = members.matched() >= floor
        (self.members if is_big_enough else members).forget()
        if is_big_enough:
            self.members = members
        return is_big_enough

    def _fail(self, job: Job, floor: int) -> None:
        self.error = _TOO_SMALL.format(floor)
        self.remember(job.action.lower(), job.due_at, self.error)


def _shown(at: float) -> str:
    """TikTok's form of a moment, in GMT."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
