"""`health`: what a monitor asks: are the connections, the scheduler and the syncs in order?

Nothing is asked of any platform: it tells what tests, jobs and the last `run-due` left behind.
The alerts and their limits are those of docs/health.md.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from audsync.domain import ConnectionStatus, SyncStatus
from audsync.services import due, expiry, reports
from audsync.services.run_due import LAST_RUN
from audsync.services.runtime import Runtime
from audsync.store import connections, settings, watch
from audsync.store.due import Candidate, candidates
from audsync.store.tables import Connection

WINDOW = timedelta(hours=24)
MIN_JOBS = 5
"""Fewer jobs than these say nothing of a rate."""
MAX_FAILURE_RATE = 0.10
MIN_MATCH_RATE = 0.50
MAX_DURATION_MS = 5 * 60 * 1000
MAX_LATENESS = timedelta(hours=1)
"""How long something may be due before the scheduler counts as not running."""
MAX_REFUSALS = 0

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One check. `since`: the moment that its verdict rests on, where there is one."""

    check: str
    ok: bool
    detail: str
    since: datetime | None = None

    def as_json(self) -> Json:
        """As `health --json` prints it."""
        return {
            "check": self.check,
            "ok": self.ok,
            "detail": self.detail,
            "since": reports.moment(self.since),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the store knows at one moment."""

    now: datetime
    names: tuple[str, ...]
    """Connections of the file."""
    records: tuple[Connection, ...]
    waiting: tuple[Candidate, ...]
    """Audiences that are synced by themselves."""
    due_since: tuple[datetime, ...]
    """Since when each audience that is due now is."""
    last_run: Json | None
    past: watch.Past
    match_rates: dict[str, float]


def examine(runtime: Runtime) -> list[Signal]:
    """Every check, in the order a person should read them."""
    return judge(_facts(runtime))


def judge(facts: Facts) -> list[Signal]:
    """The verdicts on what is known. Pure."""
    return [
        *_connections(facts),
        _scheduler(facts),
        _queue_depth(facts),
        _failure_rate(facts),
        _match_rate(facts),
        _sync_duration(facts),
        *_credential_expiry(facts),
        _token_refresh(facts),
    ]


def _facts(runtime: Runtime) -> Facts:
    tenant = runtime.config.tenant
    with runtime.database.reading() as session:
        now = runtime.database.now(session)
        found = candidates(session, tenant)
        last_run = settings.read(session, f"{LAST_RUN}:{tenant}")
        return Facts(
            now=now,
            names=tuple(runtime.config.connections),
            records=tuple(connections.listed(session, tenant)),
            waiting=tuple(found),
            due_since=tuple(one.since for one in due.due(found, now)),
            last_run=json.loads(last_run) if last_run else None,
            past=watch.past(session, tenant, now - WINDOW),
            match_rates=watch.match_rates(session, tenant),
        )


def _connections(facts: Facts) -> Iterator[Signal]:
    """How each connection was found last, by a test or by a job."""
    records = {record.name: record for record in facts.records}
    for name in dict.fromkeys([*facts.names, *records]):
        record = records.get(name)
        if record is None or record.status is ConnectionStatus.UNTESTED:
            detail = f"not tested yet: `audsync connections test {name}`"
            yield Signal(check=f"connection {name}", ok=True, detail=detail)
            continue
        is_ok = record.status is not ConnectionStatus.ERROR
        told = (record.error or {}).get("message", "")
        yield Signal(
            check=f"connection {name}",
            ok=is_ok,
            detail="in order" if is_ok else f"{(record.error or {}).get('code')}: {told}",
            since=record.tested_at if is_ok else record.updated_at,
        )


def _scheduler(facts: Facts) -> Signal:
    last = facts.last_run
    since = datetime.fromisoformat(last["started_at"]) if last else None
    if not facts.waiting:
        return Signal(
            check="scheduler", ok=True, detail="no audience is synced by itself", since=since
        )
    late = [moment for moment in facts.due_since if facts.now - moment > MAX_LATENESS]
    if since is None:
        detail = "`audsync run-due` never ran here: put it on a crontab (`audsync deploy cron`)"
        return Signal(check="scheduler", ok=not late, detail=detail)
    is_ok = not late or facts.now - since <= MAX_LATENESS
    detail = "last `run-due`" if is_ok else "no `run-due` for too long while audiences are due"
    return Signal(check="scheduler", ok=is_ok, detail=detail, since=since)


def _queue_depth(facts: Facts) -> Signal:
    oldest = min(facts.due_since, default=None)
    is_ok = oldest is None or facts.now - oldest <= MAX_LATENESS
    detail = f"{len(facts.due_since)} of {len(facts.waiting)} audiences are due"
    return Signal(check="queue_depth", ok=is_ok, detail=detail, since=oldest)


def _failure_rate(facts: Facts) -> Signal:
    counts = facts.past.by_status
    bad = counts.get(SyncStatus.FAILED, 0) + counts.get(SyncStatus.PARTIAL, 0)
    total = bad + counts.get(SyncStatus.COMPLETED, 0)
    detail = f"{bad} of {total} jobs of the last 24 hours did not complete"
    is_ok = total < MIN_JOBS or bad / total <= MAX_FAILURE_RATE
    return Signal(check="failure_rate", ok=is_ok, detail=detail)


def _match_rate(facts: Facts) -> Signal:
    rates = list(facts.match_rates.values())
    if not rates:
        return Signal(check="match_rate", ok=True, detail="no platform tells one")
    average = sum(rates) / len(rates)
    detail = f"{average:.0%} on average over {len(rates)} audiences"
    return Signal(check="match_rate", ok=average >= MIN_MATCH_RATE, detail=detail)


def _sync_duration(facts: Facts) -> Signal:
    slowest = facts.past.slowest
    if slowest is None:
        return Signal(check="sync_duration", ok=True, detail="no job in the last 24 hours")
    audience, took_ms = slowest
    detail = f"the slowest of the last 24 hours took {took_ms / 1000:,.0f} s ({audience})"
    return Signal(check="sync_duration", ok=took_ms <= MAX_DURATION_MS, detail=detail)


def _credential_expiry(facts: Facts) -> Iterator[Signal]:
    for record in facts.records:
        if record.expires_at is None:
            continue
        soon = expiry.ends_soon(record.expires_at, facts.now, left=timedelta(days=7))
        yield Signal(
            check=f"credential_expiry {record.name}",
            ok=not soon,
            detail=f"good until {record.expires_at:%Y-%m-%d %H:%M} UTC",
            since=record.tested_at,
        )


def _token_refresh(facts: Facts) -> Signal:
    refused = facts.past.refused
    names = ", ".join(sorted({audience for audience, _ in refused}))
    detail = f"{len(refused)} jobs of the last 24 hours ended for their credentials"
    is_ok = len(refused) <= MAX_REFUSALS
    return Signal(check="token_refresh", ok=is_ok, detail=detail if is_ok else f"{detail}: {names}")
