"""The checks of `health`: what is known of the past, judged by limits. Pure.

Which there are, and their limits, stands in docs/health.md; the limits are `health` of the
configuration. Rates and durations are of a window, and say nothing below a number of samples.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from audsync.config.watching import HealthConfig
from audsync.domain import CircuitState, ConnectionStatus, Platform
from audsync.services import reports
from audsync.services.watch import expiry
from audsync.store.breakers import Circuit
from audsync.store.due import Candidate
from audsync.store.latencies import Histogram
from audsync.store.tables import Connection
from audsync.store.watch import Drift, EndedJob, Past

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
    platforms: dict[str, Platform]
    """Connections of the file, and where they lead."""
    records: tuple[Connection, ...]
    waiting: tuple[Candidate, ...]
    """Audiences that are synced by themselves."""
    due_since: tuple[datetime, ...]
    """Since when each audience that is due now is."""
    last_run: Json | None
    past: Past
    match_rates: dict[str, float]
    limits: HealthConfig = field(default_factory=HealthConfig)
    circuits: dict[str, Circuit] = field(default_factory=dict)
    latencies: dict[Platform, Histogram] = field(default_factory=dict)
    rated_at: datetime | None = None
    """When the oldest of the match rates was found."""
    drifts: dict[str, Drift] = field(default_factory=dict)
    """Audiences of another size than they should have."""
    undelivered: tuple[int, int] = (0, 0)
    """Notifications that wait, and that were given up in the window."""
    first_lost_at: datetime | None = None
    """When the first of them was given up."""

    @property
    def window(self) -> str:
        """How far back rates look, in words."""
        hours, rest = divmod(self.limits.window, 3600)
        return f"{hours} hours" if not rest else f"{self.limits.window // 60} minutes"


def judge(facts: Facts) -> list[Signal]:
    """Every verdict, in the order a person should read them."""
    found: list[Signal] = []
    for check in _CHECKS:
        found += check(facts)
    return found


def _connections(facts: Facts) -> Iterator[Signal]:
    """How each connection was found last, by a test or by a job."""
    records = {record.name: record for record in facts.records}
    for name in dict.fromkeys([*facts.platforms, *records]):
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


def _platforms(facts: Facts) -> Iterator[Signal]:
    """Of each platform in use: its connections together, and how many of its jobs complete."""
    records = {record.name: record for record in facts.records}
    leads_to = facts.platforms | {name: one.platform for name, one in records.items()}
    for platform in sorted(set(leads_to.values())):
        names = [name for name, where in leads_to.items() if where is platform]
        broken = [
            name
            for name in names
            if name in records and records[name].status is ConnectionStatus.ERROR
        ]
        past = facts.past.on(platform)
        bad = _bad(past)
        share = f"{len(past.counted) - len(bad)} of {len(past.counted)} jobs completed"
        yield Signal(
            check=platform.value,
            ok=not broken and _is_low(bad, past, facts),
            detail=f"{len(names) - len(broken)} of {len(names)} connections in order; {share}",
            since=bad[0].at if bad else None,
        )


def _circuits(facts: Facts) -> Iterator[Signal]:
    """Breakers of connections that met failures."""
    for name, circuit in facts.circuits.items():
        detail = f"opened {circuit.openings} times in the last hour"
        if circuit.state is not CircuitState.CLOSED:
            detail += f"; {circuit.state.value} now, after {circuit.failures} failures in a row"
        is_ok = circuit.openings <= facts.limits.max_circuit_opens
        yield Signal(check=f"circuit {name}", ok=is_ok, detail=detail, since=circuit.recovery_at)


def _scheduler(facts: Facts) -> Iterator[Signal]:
    last = facts.last_run
    since = datetime.fromisoformat(last["started_at"]) if last else None
    if not facts.waiting:
        detail = "no audience is synced by itself"
        yield Signal(check="scheduler", ok=True, detail=detail, since=since)
        return
    longest = timedelta(seconds=facts.limits.max_lateness)
    late = [moment for moment in facts.due_since if facts.now - moment > longest]
    if since is None:
        detail = "`audsync run-due` never ran here: put it on a crontab (`audsync deploy cron`)"
        yield Signal(check="scheduler", ok=not late, detail=detail)
        return
    is_ok = not late or facts.now - since <= longest
    detail = "last `run-due`" if is_ok else "no `run-due` for too long while audiences are due"
    yield Signal(check="scheduler", ok=is_ok, detail=detail, since=since)


def _queue_depth(facts: Facts) -> Iterator[Signal]:
    oldest = min(facts.due_since, default=None)
    longest = timedelta(seconds=facts.limits.max_lateness)
    is_ok = oldest is None or facts.now - oldest <= longest
    detail = f"{len(facts.due_since)} of {len(facts.waiting)} audiences are due"
    yield Signal(check="queue_depth", ok=is_ok, detail=detail, since=oldest)


def _failure_rate(facts: Facts) -> Iterator[Signal]:
    bad = _bad(facts.past)
    detail = f"{len(bad)} of {len(facts.past.counted)} jobs of the last {facts.window} did not"
    yield Signal(
        check="failure_rate",
        ok=_is_low(bad, facts.past, facts),
        detail=f"{detail} complete",
        since=bad[0].at if bad else None,
    )


def _match_rate(facts: Facts) -> Iterator[Signal]:
    rates = list(facts.match_rates.values())
    if not rates:
        yield Signal(check="match_rate", ok=True, detail="no platform tells one")
        return
    average = sum(rates) / len(rates)
    detail = f"{average:.0%} on average over {len(rates)} audiences"
    is_ok = 100 * average >= facts.limits.min_match_percent
    yield Signal(check="match_rate", ok=is_ok, detail=detail, since=facts.rated_at)


def _size_drift(facts: Facts) -> Iterator[Signal]:
    """Audiences whose platform counts another size than it should."""
    found = [f"{slug} ({one.percent:+.0f} %)" for slug, one in sorted(facts.drifts.items())]
    since = min((one.since for one in facts.drifts.values() if one.since), default=None)
    detail = "sizes are as expected, where platforms tell them"
    if found:
        detail = f"not of the expected size, see `audsync status`: {', '.join(found)}"
    yield Signal(check="size_drift", ok=not found, detail=detail, since=since)


def _sync_duration(facts: Facts) -> Iterator[Signal]:
    slowest = facts.past.slowest
    if slowest is None:
        detail = f"no job in the last {facts.window}"
        yield Signal(check="sync_duration", ok=True, detail=detail)
        return
    longest_ms = 1000 * facts.limits.max_sync
    slow = [job for job in facts.past.jobs if job.took_ms > longest_ms]
    took = f"{slowest.took_ms / 1000:,.0f} s ({slowest.audience})"
    yield Signal(
        check="sync_duration",
        ok=not slow,
        detail=f"the slowest of the last {facts.window} took {took}",
        since=slow[0].at if slow else None,
    )


def _latency(facts: Facts) -> Iterator[Signal]:
    """How long each platform takes to answer."""
    for platform, seen in facts.latencies.items():
        if seen.total < facts.limits.min_samples:
            continue
        average_s = seen.sum_s / seen.total
        detail = f"{average_s:.1f} s on average over {seen.total} requests"
        is_ok = average_s <= facts.limits.max_latency
        since = facts.now - timedelta(seconds=facts.limits.window)
        yield Signal(check=f"latency {platform.value}", ok=is_ok, detail=detail, since=since)


def _credential_expiry(facts: Facts) -> Iterator[Signal]:
    left = timedelta(seconds=facts.limits.credentials_left)
    for record in facts.records:
        if record.expires_at is None:
            continue
        yield Signal(
            check=f"credential_expiry {record.name}",
            ok=not expiry.ends_soon(record.expires_at, facts.now, left=left),
            detail=f"good until {record.expires_at:%Y-%m-%d %H:%M} UTC",
            since=record.tested_at,
        )


def _token_refresh(facts: Facts) -> Iterator[Signal]:
    refused = [job for job in facts.past.jobs if job.is_refused]
    names = ", ".join(sorted({job.audience for job in refused}))
    detail = f"{len(refused)} jobs of the last {facts.window} ended for their credentials"
    is_ok = len(refused) <= facts.limits.max_token_refusals
    yield Signal(
        check="token_refresh",
        ok=is_ok,
        detail=detail if is_ok else f"{detail}: {names}",
        since=refused[0].at if refused else None,
    )


def _notifications(facts: Facts) -> Iterator[Signal]:
    waiting, lost = facts.undelivered
    if waiting or lost:
        detail = f"{waiting} wait to be sent, {lost} of the last {facts.window} were given up"
        since = facts.first_lost_at
        yield Signal(check="notifications", ok=not lost, detail=detail, since=since)


def _bad(past: Past) -> list[EndedJob]:
    return [job for job in past.counted if job.is_bad]


def _is_low(bad: list[EndedJob], past: Past, facts: Facts) -> bool:
    """Whether so many bad ones are still in order, or too few jobs to tell."""
    total = len(past.counted)
    if total < facts.limits.min_samples:
        return True
    return 100 * len(bad) / total <= facts.limits.max_failure_percent


_CHECKS: tuple[Callable[[Facts], Iterable[Signal]], ...] = (
    _platforms,
    _connections,
    _circuits,
    _scheduler,
    _queue_depth,
    _failure_rate,
    _match_rate,
    _size_drift,
    _sync_duration,
    _latency,
    _credential_expiry,
    _token_refresh,
    _notifications,
)
