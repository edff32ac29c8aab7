"""Each alert fires when it should, is told once, and clears; and none is left out here."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from audsync.config.watching import NotifyEvent
from audsync.domain import Platform
from tests.receiver import Receiver, receiving
from tests.services.alerts import ALERTS, FEW, Alert, Stage

ROOT = Path(__file__).parents[2]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def ended(receiver: Receiver) -> list[str]:
    """What was told to be over."""
    recoveries = [body for body in receiver.bodies if body["event"] == "recovered"]
    return [event for body in recoveries for event in body["ended"]]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_an_alert_fires_is_told_once_and_clears(
    alert: Alert, tmp_path: Path, receiver: Receiver
) -> None:
    stage = Stage(alert.platform, tmp_path, receiver, alert.more)
    stage.begin(alert.people or FEW)
    assert (receiver.events, stage.bad() & alert.checks) == ([], set())
    alert.rise(stage)
    signals = stage.signals()
    assert {check for check in alert.checks if not signals[check].ok} == alert.checks
    assert all(signals[check].since is not None for check in alert.checks)
    alert.rise(stage)
    if alert.event is not None:
        assert receiver.events.count(alert.event) == 1
    assert alert.event not in ended(receiver)
    alert.fall(stage)
    assert stage.bad() & alert.checks == set()
    if alert.event is not None and alert.ends:
        assert ended(receiver).count(alert.event) == 1
    assert "example.com" not in str(receiver.bodies)


def test_every_event_has_a_row() -> None:
    events = {alert.event for alert in ALERTS if alert.event is not None}
    assert events | {NotifyEvent.RECOVERED} == set(NotifyEvent)


def test_every_check_has_a_row() -> None:
    source = (ROOT / "audsync" / "services" / "watch" / "signals.py").read_text("utf-8")
    kinds = set(re.findall(r'check=f?"(\w+)', source))
    assert len(kinds) > 10
    covered = {check.partition(" ")[0] for alert in ALERTS for check in alert.checks}
    assert kinds | {Platform.META.value} == covered
    page = (ROOT / "docs" / "health.md").read_text("utf-8")
    assert {kind for kind in covered if f"`{kind}" not in page} == set()
