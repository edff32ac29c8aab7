"""How all processes together keep to a platform's limits: one row a quota, and places in time.

The algorithm is GCRA: a rate is a moment up to which its calls reach when they are spread evenly,
and the next call's place is where that moment is not too far ahead. A few calls may leave at once;
whatever happens, no window ever sees more than its limit. All times are the database's, each
change is a transaction of its own that locks one row, and no other row is ever locked with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, select, update
from sqlmodel import Session

from audsync.domain import CallQuota, CallRate
from audsync.store import tables
from audsync.store.database import Database, execute, now
from audsync.store.missing import insert_missing

BURST_SHARE = 5
"""One in so many of a window's calls may leave at once; the others are spread over it."""
LATE_S = 0.25
"""Whoever wakes so long after the place it was given takes another one: by then it may be where
others have theirs."""

LONGEST_WAIT_S = 3600.0
"""Nobody takes a place that is further away: the most that `limits.max_wait` may be."""
_WIDER = 1.01

_BUDGET = tables.METADATA.tables["budget"]
_ONE = select(_BUDGET.c.taken, _BUDGET.c.blocked_until).where(_BUDGET.c.key == bindparam("quota"))
_LOCKED = _ONE.with_for_update()
_CHANGE = update(_BUDGET).where(_BUDGET.c.key == bindparam("quota"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """When the next request may leave, and whether that moment is taken for it now."""

    at: datetime
    wait_s: float
    is_taken: bool
    is_blocked: bool
    """Whether a platform's own word is what makes it wait."""


def take(
    database: Database,
    quota: CallQuota,
    *,
    most_s: float,
    pace_s: float = 0.0,
    asks_anyway: bool = False,
) -> Place:
    """Take the next place for one request; none that is further away than is any use.

    Args:
        database: the store.
        quota: what the request counts against.
        most_s: the longest wait.
        pace_s: the same, if that is longer, where no platform asked for it: it is our own pace.
        asks_anyway: whether it leaves although the platform asked for calm.
    """
    with database.transaction() as session:
        row = _locked(session, quota.key)
        moment = now(session)
        blocked_until = None if asks_anyway else row.blocked_until
        earliest = max(moment, blocked_until or moment)
        known = believable(quota.rates, row.taken, now_s=moment.timestamp())
        at_s = place_s(quota.rates, known, earliest.timestamp())
        at = max(earliest, datetime.fromtimestamp(at_s, UTC))
        wait_s = (at - moment).total_seconds()
        is_blocked = earliest > moment
        is_taken = wait_s <= max(0.0, most_s, 0.0 if is_blocked else pace_s)
        if is_taken:
            taken = taken_after(quota.rates, known, at.timestamp(), since_s=moment.timestamp())
            execute(session, _CHANGE, {"quota": quota.key, "taken": taken})
    return Place(at=at, wait_s=wait_s, is_taken=is_taken, is_blocked=is_blocked)


def holds(database: Database, quota: CallQuota, place: Place) -> bool:
    """Whether a request may leave now at the place that was taken for it.

    Not where the platform has asked for calm meanwhile, nor where that moment is long past.
    """
    with database.reading() as session:
        row = execute(session, _ONE, {"quota": quota.key}).first()
        moment = now(session)
    is_blocked = row is not None and row.blocked_until is not None and row.blocked_until > moment
    return not is_blocked and (moment - place.at).total_seconds() <= LATE_S


def block(database: Database, quota: CallQuota, seconds: float) -> None:
    """Let nothing be sent for so long; a longer calm that was asked for earlier stays."""
    with database.transaction() as session:
        row = _locked(session, quota.key)
        until = now(session) + timedelta(seconds=seconds)
        if row.blocked_until is None or row.blocked_until < until:
            execute(session, _CHANGE, {"quota": quota.key, "blocked_until": until})


def unblock(database: Database, quota: CallQuota) -> None:
    """Let requests be sent again: the platform took one that was sent all the same."""
    with database.transaction() as session:
        if _locked(session, quota.key).blocked_until is not None:
            execute(session, _CHANGE, {"quota": quota.key, "blocked_until": None})


def believable(
    rates: Sequence[CallRate], taken: Mapping[str, float], *, now_s: float
) -> dict[str, float]:
    """What is taken, without what lies further ahead than any call ever takes. Pure.

    On SQLite the clock is the host's: where it was a day ahead and is right again, what was taken
    by then would keep everybody waiting for that day.
    """
    most_s = {rate.name: LONGEST_WAIT_S + (_burst(rate) + 1) * _step_s(rate) for rate in rates}
    return {
        name: until_s
        for name, until_s in taken.items()
        if until_s <= now_s + most_s.get(name, LONGEST_WAIT_S)
    }


def place_s(rates: Sequence[CallRate], taken: Mapping[str, float], earliest_s: float) -> float:
    """The first moment from `earliest_s` on at which every rate lets a call in. Pure.

    Args:
        rates: those of one quota.
        taken: name of a rate -> the moment up to which its calls reach; all in seconds since 1970.
        earliest_s: before which nothing is to leave.
    """
    reaches = ((rate, taken.get(rate.name, earliest_s)) for rate in rates)
    ahead = [until_s - (_burst(rate) - 1) * _step_s(rate) for rate, until_s in reaches]
    return max([earliest_s, *ahead])


def taken_after(
    rates: Sequence[CallRate], taken: Mapping[str, float], at_s: float, *, since_s: float
) -> dict[str, float]:
    """What is taken after a call at that moment; what was over by `since_s` is left out. Pure."""
    reach = {rate.name: max(taken.get(rate.name, at_s), at_s) + _step_s(rate) for rate in rates}
    return {name: until_s for name, until_s in {**taken, **reach}.items() if until_s > since_s}


def _locked(session: Session, key: str) -> Row[Any]:
    """The quota's row, made if it is the first call."""
    row = execute(session, _LOCKED, {"quota": key}).first()
    if row is None:
        insert_missing(session, tables.Budget, {"key": key, "taken": {}})
        row = execute(session, _LOCKED, {"quota": key}).one()
    return row


def _burst(rate: CallRate) -> int:
    return max(1, rate.calls // BURST_SHARE)


def _step_s(rate: CallRate) -> float:
    """Between two calls that are spread evenly.

    Burst and even ones together are one less than the limit, for a request that is held up on its
    way; where nothing leaves at once, they are a little wider apart for the same reason.
    """
    burst = _burst(rate)
    if burst == 1:
        return rate.window_s / rate.calls * _WIDER
    return rate.window_s / (rate.calls - burst)
