"""Requests that one list has accepted and not yet worked off, and what happens when it is done.

Google promises no order between requests: an add and a remove of one person that are in flight
together may end either way. Here the order is a setting, and such a pair is a violation.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from audsync.sandbox.contract import Report
from audsync.sandbox.google.settings import Settings
from audsync.sandbox.members import Members, Row
from audsync.sandbox.people import People

Action = Literal["ingest", "remove", "remove_all"]


@dataclass(slots=True, kw_only=True)
class Work:
    """What one request does to one list."""

    request_id: str
    action: Action
    received_at: float
    rows: list[Row] = field(default_factory=list, repr=False)
    """Whom it names, less those who are left out; emptied when all is done."""
    row_count: int = 0
    """How many there were."""
    consents: dict[bytes, tuple[str, str]] = field(default_factory=dict, repr=False)
    """ingest: what it says of the person of each identifier, also of those who are left out."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Members left out, by reason."""
    before: float = 0.0
    """remove_all: only whoever was last added earlier goes."""
    is_applied: bool = False
    is_settled: bool = False
    matched: int = 0
    """ingest: how many of the rows named somebody whom Google knows."""
    status: str = "PROCESSING"

    def leave_out(self, reason: str, records: int) -> None:
        """Do not apply so many of the last members; without any left the request fails."""
        lost = min(records, len(self.rows))
        del self.rows[len(self.rows) - lost :]
        self.dropped[reason] += max(1, lost)

    def finish(self) -> None:
        """Nothing more will come of it."""
        self.is_settled = True
        self.row_count = len(self.rows)
        if self.dropped:
            self.status = "PARTIAL_SUCCESS" if self.rows else "FAILED"
        else:
            self.status = "SUCCESS"
        # Statuses are kept for weeks; whom they were about need not be.
        self.rows = []


class Flight:
    """The works of one list that are in flight, oldest first."""

    def __init__(self, list_id: str, people: People, report: Report) -> None:
        self._list_id = list_id
        self._people = people
        self._report = report
        self._works: list[Work] = []
        self._keys: dict[str, set[bytes | int]] = {}

    def __len__(self) -> int:
        return len(self._works)

    def take(self, work: Work, members: Members, settings: Settings) -> None:
        """Accept a request; in the mode `at_once` members change now."""
        self._look_for_opposites(work)
        self._works.append(work)
        if settings.apply == "at_once":
            self._apply(work, members, settings, work.received_at)

    def settle(self, members: Members, settings: Settings, now: float) -> float | None:
        """Finish what is due by `now`; when the latest of it was, None for nothing."""
        latest = None
        while self._works:
            due = self._works[:1]
            if settings.order != "fifo":
                until = due[0].received_at + settings.settle_after_s
                due = [work for work in self._works if work.received_at <= until]
            due_at = due[-1].received_at + settings.settle_after_s
            if due_at > now:
                break
            self._works = self._works[len(due) :]
            for work in _ordered(due, settings):
                self._apply(work, members, settings, due_at)
                self._keys.pop(work.request_id, None)
                work.finish()
            latest = due_at
        return latest

    def give_up(self) -> None:
        """The list is gone: whatever is in flight fails."""
        for work in self._works:
            work.leave_out("PROCESSING_ERROR_REASON_INTERNAL_ERROR", len(work.rows))
            work.finish()
        self._works.clear()
        self._keys.clear()

    def _apply(self, work: Work, members: Members, settings: Settings, at: float) -> None:
        if work.is_applied:
            return
        work.is_applied = True
        if work.action == "ingest":
            members.add(work.rows, work.received_at if settings.added_at == "received" else at)
            named = (self._people.named(row[0]) for row in work.rows if row)
            work.matched = self._people.matched(each for each in named if each is not None)
        elif work.action == "remove_all":
            if not work.dropped:
                members.expire(work.before)
        else:
            _REMOVALS[settings.removal_needs](work.rows, members, self._people)

    def _look_for_opposites(self, work: Work) -> None:
        if work.action == "remove_all":
            return
        keys = self._everybody(work)
        opposite = "remove" if work.action == "ingest" else "ingest"
        others = [each for each in self._works if each.action == opposite]
        shared = sum(len(keys & self._keys[each.request_id]) for each in others)
        if shared:
            about = {"audience": self._list_id, "shared": shared, "at": work.received_at}
            self._report("opposite_in_flight", {"platform": "google", **about})
        self._keys[work.request_id] = keys

    def _everybody(self, work: Work) -> set[bytes | int]:
        """All keys of a request and all persons who are known by one of them."""
        keys: set[bytes | int] = {key for row in work.rows for key in row}
        named = {self._people.named(key) for row in work.rows for key in row}
        return keys | {person for person in named if person is not None}


def _ordered(works: list[Work], settings: Settings) -> list[Work]:
    if settings.order == "reversed":
        return works[::-1]
    if settings.order == "shuffled":
        seed = f"{settings.order_seed}:{works[0].request_id}"
        return Random(seed).sample(works, len(works))  # noqa: S311 - repeatable on purpose
    return works


def _remove_by_any(rows: list[Row], members: Members, _people: People) -> None:
    members.remove(rows)


def _remove_by_all(rows: list[Row], members: Members, people: People) -> None:
    """Whoever still has an identifier in the list stays in."""
    for row in rows:
        for key in row:
            members.identifiers.pop(key, None)
    named = {people.named(key) for row in rows for key in row}
    left = {people.named(key) for key in members.identifiers}
    for person in named - left:
        if person is not None:
            members.persons.pop(person, None)


_REMOVALS: dict[str, Callable[[list[Row], Members, People], None]] = {
    "any_identifier": _remove_by_any,
    "all_identifiers": _remove_by_all,
}
