"""Each alert fires, and clears."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from audsync.config.watching import HealthConfig
from audsync.domain import CircuitState, ConnectionStatus, Platform, SyncStatus
from audsync.services.watch.signals import Facts, judge
from audsync.store.breakers import Circuit
from audsync.store.due import Candidate
from audsync.store.latencies import Histogram
from audsync.store.tables import Connection
from audsync.store.watch import EndedJob, Past

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DONE, FAILED, PARTIAL = SyncStatus.COMPLETED, SyncStatus.FAILED, SyncStatus.PARTIAL
WAITING = Candidate(
    audience_id=uuid4(),
    slug="vip",
    segment="vip",
    connection="meta-main",
    created_at=NOW - timedelta(days=9),
    next_sync_at=NOW + timedelta(hours=1),
    latest=None,
    settling=None,
    is_held=False,
)


def job(status: SyncStatus = DONE, **changes: Any) -> EndedJob:  # noqa: ANN401 - its fields
    values = {"audience": "vip", "platform": Platform.META, "at": NOW, "took_ms": 9_000}
    return EndedJob(status=status, **{**values, **changes})


def past(*jobs: EndedJob, done: int = 0) -> Past:
    return Past(jobs=(*jobs, *[job()] * done))


FINE = Facts(
    now=NOW,
    platforms={"ads": Platform.META},
    records=(),
    waiting=(WAITING,),
    due_since=(),
    last_run={"started_at": "2026-11-22T11:55:00+00:00"},
    past=past(done=20),
    match_rates={"vip": 0.6},
)


def connection(**changes: Any) -> Connection:  # noqa: ANN401 - columns of many types
    values = {
        "tenant_id": 1,
        "name": "ads",
        "platform": Platform.META,
        "account": "1",
        "status": ConnectionStatus.OK,
        "created_at": NOW,
        "updated_at": NOW,
        "tested_at": NOW,
    }
    return Connection(**{**values, **changes})


def answers(seconds: float, count: int) -> dict[Platform, Histogram]:
    total = Histogram()
    for _ in range(count):
        total = total.plus(Histogram.of(seconds))
    return {Platform.META: total}


def bad(facts: Facts) -> list[str]:
    return [signal.check for signal in judge(facts) if not signal.ok]


def test_all_is_well() -> None:
    assert bad(FINE) == []


@pytest.mark.parametrize(
    ("changes", "checks"),
    [
        ({"past": past(job(FAILED), done=8)}, ["meta", "failure_rate"]),
        ({"past": past(*[job(PARTIAL)] * 5)}, ["meta", "failure_rate"]),
        ({"match_rates": {"vip": 0.6, "new": 0.3}}, ["match_rate"]),
        ({"past": past(job(took_ms=300_001), done=9)}, ["sync_duration"]),
        ({"past": past(job(FAILED, code="CREDENTIALS_EXPIRED"), done=20)}, ["token_refresh"]),
        ({"records": (connection(expires_at=NOW + timedelta(days=6)),)}, ["credential_expiry ads"]),
        ({"records": (connection(status=ConnectionStatus.ERROR),)}, ["meta", "connection ads"]),
        ({"circuits": {"ads": Circuit(openings=3)}}, ["circuit ads"]),
        ({"latencies": answers(5.1, 5)}, ["latency meta"]),
        ({"undelivered": (0, 1)}, ["notifications"]),
    ],
)
def test_an_alert_fires_for_its_reason_alone(changes: dict[str, Any], checks: list[str]) -> None:
    assert bad(replace(FINE, **changes)) == checks


@pytest.mark.parametrize(
    "changes",
    [
        {"past": past(job(FAILED), done=9)},
        {"past": past(*[job(FAILED)] * 4)},
        {"past": past(*[job(SyncStatus.CANCELLED)] * 9)},
        {"match_rates": {"vip": 0.5}},
        {"match_rates": {}},
        {"past": past(job(took_ms=300_000))},
        {"records": (connection(expires_at=NOW + timedelta(days=8)),)},
        {"due_since": (NOW - timedelta(minutes=59),)},
        {"last_run": None},
        {"circuits": {"ads": Circuit(state=CircuitState.OPEN, openings=2)}},
        {"latencies": answers(5, 9)},
        {"latencies": answers(60, 4)},
        {"undelivered": (3, 0)},
    ],
)
def test_what_is_within_its_limit_alerts_nobody(changes: dict[str, Any]) -> None:
    assert bad(replace(FINE, **changes)) == []


def test_a_scheduler_that_stopped_is_told_of_and_cleared() -> None:
    late = replace(FINE, due_since=(NOW - timedelta(hours=3),))
    stopped = replace(late, last_run={"started_at": "2026-11-22T09:00:00+00:00"})
    assert bad(stopped) == ["scheduler", "queue_depth"]
    assert bad(replace(late, last_run=None)) == ["scheduler", "queue_depth"]
    assert bad(late) == ["queue_depth"], "it runs and does not keep up"
    assert bad(FINE) == []


def test_limits_are_those_of_the_configuration() -> None:
    limits = HealthConfig.model_validate(
        {
            "min_samples": 2,
            "max_failure_percent": 60,
            "min_match_percent": 70,
            "max_sync": "5s",
            "max_latency": "1s",
            "max_circuit_opens": 0,
            "max_token_refusals": 1,
            "credentials_left": "10d",
            "max_lateness": "2h",
        }
    )
    facts = replace(
        FINE,
        past=past(job(FAILED, code="INVALID_CREDENTIALS"), done=1),
        circuits={"ads": Circuit(openings=1)},
        latencies=answers(1.5, 2),
        records=(connection(expires_at=NOW + timedelta(days=9)),),
        due_since=(NOW - timedelta(minutes=90),),
    )
    assert bad(replace(facts, limits=limits)) == [
        "circuit ads",
        "match_rate",
        "sync_duration",
        "latency meta",
        "credential_expiry ads",
    ]
    assert bad(facts) == ["queue_depth", "token_refresh"]


def test_a_verdict_says_since_when() -> None:
    first = NOW - timedelta(hours=5)
    facts = replace(FINE, past=past(job(FAILED, at=first, code="CREDENTIALS_EXPIRED"), job(FAILED)))
    since = {one.check: one.since for one in judge(facts)}
    assert since["failure_rate"] == since["token_refresh"] == since["meta"] == first
