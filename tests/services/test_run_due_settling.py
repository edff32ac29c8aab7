"""What a platform works off later is followed up between syncs, and sent again where it failed."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from audsync.domain import SettlementState
from audsync.services import audiences
from audsync.services.cron import run_due
from audsync.services.cron.run_due import Pace, Report
from audsync.store import jobs
from tests.services.test_platforms import CASES, Shop, crowd, written

FOLLOW_UP = "audsync.services.cron.follow_up.follow_up"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """An audience on Google, created a moment ago: nothing of it is worked off yet."""
    shop = Shop(CASES["google"], tmp_path)
    written(shop, crowd(1, 9))
    assert shop.create().job["settlement"]["status"] == "pending"
    return shop


def due(shop: Shop) -> Report:
    return run_due.run_due(shop.runtime, Pace())


def asked(shop: Shop) -> int:
    """How often the platform was asked so far."""
    return sum("requestStatus" in call["path"] for call in shop.world.journal.requests())


def history(shop: Shop) -> Sequence[dict[str, Any]]:
    return audiences.history(shop.runtime)


def test_the_platform_is_asked_every_ten_minutes_until_all_is_confirmed(shop: Shop) -> None:
    before = asked(shop)
    assert due(shop) == Report()
    assert asked(shop) == before, "not at once"
    for _ in range(30):
        shop.clock.advance(600)
        report = due(shop)
        assert (report.exit_code, report.as_json()) == (0, {"jobs": [], "skipped": []})
        if history(shop)[0]["settlement"]["status"] != "pending":
            break
    (job,) = history(shop)
    assert job["settlement"]["status"] == "confirmed"
    assert shop.is_exact()
    settled = asked(shop)
    shop.clock.advance(3600)
    due(shop)
    assert asked(shop) == settled, "nothing is asked any more"


def test_a_question_that_fails_is_put_off_too(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> int:
        raise KeyError("a secret")

    monkeypatch.setattr(FOLLOW_UP, broken)
    shop.clock.advance(600)
    report = due(shop)
    assert report.exit_code == 1
    assert report.as_json()["skipped"] == [{"audience": "a", "reason": "INTERNAL_ERROR"}]
    assert due(shop) == Report()


def test_what_came_to_nothing_is_sent_again_soon(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rejected(runtime: Any, audience: Any) -> int:  # noqa: ANN401
        with runtime.database.transaction() as session:
            (job,) = jobs.recent(session, 1, audience_id=audience.id)
            assert job.settlement
            job.settlement = {**job.settlement, "status": SettlementState.REJECTED.value}
            session.add(job)
        return 0

    shop.clock.advance(600)
    regular = audiences.find(shop.runtime, "a").regular_sync_at
    with monkeypatch.context() as patched:
        patched.setattr(FOLLOW_UP, rejected)
        assert due(shop).exit_code == 0
    audience = audiences.find(shop.runtime, "a")
    assert audience.next_sync_at == shop.clock.now() + timedelta(seconds=60)
    assert audience.regular_sync_at == regular
    shop.clock.advance(60)
    report = due(shop)
    assert [job["operation"] for job in report.jobs] == ["update"]
