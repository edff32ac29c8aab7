"""Each alert fires, and clears."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from audsync.domain import ConnectionStatus, Platform, SyncStatus
from audsync.services.health import Facts, judge
from audsync.store.due import Candidate
from audsync.store.tables import Connection
from audsync.store.watch import Past

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WAITING = Candidate(
    audience_id=uuid4(),
    slug="vip",
    created_at=NOW - timedelta(days=9),
    next_sync_at=NOW + timedelta(hours=1),
    latest=None,
    settling=None,
    is_held=False,
)
FINE = Facts(
    now=NOW,
    names=("ads",),
    records=(),
    waiting=(WAITING,),
    due_since=(),
    last_run={"started_at": "2026-11-22T11:55:00+00:00"},
    past=Past(by_status={SyncStatus.COMPLETED: 20}, slowest=("vip", 9_000), refused=()),
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


def past(**changes: Any) -> Past:  # noqa: ANN401 - fields of many types
    return replace(FINE.past, **changes)


def bad(facts: Facts) -> list[str]:
    return [signal.check for signal in judge(facts) if not signal.ok]


def test_all_is_well() -> None:
    assert bad(FINE) == []


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"past": past(by_status={SyncStatus.COMPLETED: 8, SyncStatus.FAILED: 1})}, "failure_rate"),
        ({"past": past(by_status={SyncStatus.PARTIAL: 5})}, "failure_rate"),
        ({"match_rates": {"vip": 0.6, "new": 0.3}}, "match_rate"),
        ({"past": past(slowest=("vip", 300_001))}, "sync_duration"),
        ({"past": past(refused=(("vip", "CREDENTIALS_EXPIRED"),))}, "token_refresh"),
        ({"records": (connection(expires_at=NOW + timedelta(days=6)),)}, "credential_expiry ads"),
        ({"records": (connection(status=ConnectionStatus.ERROR),)}, "connection ads"),
    ],
)
def test_an_alert_fires_for_its_reason_alone(changes: dict[str, Any], check: str) -> None:
    assert bad(replace(FINE, **changes)) == [check]


@pytest.mark.parametrize(
    "changes",
    [
        {"past": past(by_status={SyncStatus.COMPLETED: 9, SyncStatus.FAILED: 1})},
        {"past": past(by_status={SyncStatus.FAILED: 4})},
        {"match_rates": {"vip": 0.5}},
        {"match_rates": {}},
        {"past": past(slowest=("vip", 300_000))},
        {"records": (connection(expires_at=NOW + timedelta(days=8)),)},
        {"due_since": (NOW - timedelta(minutes=59),)},
        {"last_run": None},
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
