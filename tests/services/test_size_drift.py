"""Members that somebody changes on the platform itself show in the size it tells, days later."""

from pathlib import Path
from typing import Any

import pytest

from audsync.services import audiences
from audsync.services.watch import health
from tests.services.by_hand import remove_by_hand
from tests.services.test_platforms import CASES, Shop, crowd, written

DAYS_S = 5 * 86_400
MANY = crowd(1, 3_001)


@pytest.fixture(params=["meta", "google", "tiktok", "snapchat"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    """An audience of three thousand, of which the platform has told its size."""
    shop = Shop(CASES[request.param], tmp_path)
    written(shop, MANY)
    shop.create()
    shop.until_done(shop.sync)
    shop.clock.advance(DAYS_S)
    assert audiences.refresh(shop.runtime) == {}
    return shop


def warned(shop: Shop) -> list[str]:
    (one,) = audiences.status(shop.runtime)
    return [warning["code"] for warning in one["warnings"]]


def drift_of(job: dict[str, Any]) -> list[str]:
    return [one["message"] for one in job["warnings"] if one["code"] == "SIZE_DRIFT"]


def size_check(shop: Shop) -> bool:
    return {one.check: one.ok for one in health.examine(shop.runtime)}["size_drift"]


def test_members_deleted_by_hand_are_missed(shop: Shop) -> None:
    assert warned(shop) == []
    remove_by_hand(shop, MANY[:1_500])
    shop.clock.advance(DAYS_S)
    report = shop.sync()
    assert report.exit_code == 0, "a warning and no failure"
    (message,) = drift_of(report.job)
    assert "fewer" in message
    assert "audsync reconcile a" in message
    assert warned(shop) == ["SIZE_DRIFT"]
    assert not size_check(shop)
    shop.clock.advance(3600)
    assert drift_of(shop.sync().job), "it stays until somebody does something"
    done = shop.until_done(lambda: audiences.reconcile(shop.runtime, "a"))
    assert drift_of(done.job) == []
    assert shop.is_exact()
    assert (warned(shop), size_check(shop)) == ([], True)
    shop.clock.advance(DAYS_S)
    assert audiences.refresh(shop.runtime) == {}
    assert warned(shop) == []


def test_a_large_change_is_no_drift_not_even_while_it_is_counted(shop: Shop) -> None:
    written(shop, crowd(1, 5_001))
    shop.until_done(shop.sync)
    for hours in (1, 12, 30, 80):
        shop.clock.advance(3600 * hours)
        assert audiences.refresh(shop.runtime) == {}
        assert warned(shop) == []
    written(shop, crowd(1, 2_001))
    shop.until_done(lambda: shop.sync(allow_shrink=True))
    for hours in (1, 12, 30, 80):
        shop.clock.advance(3600 * hours)
        assert audiences.refresh(shop.runtime) == {}
        assert warned(shop) == []


def test_the_limit_is_configured(shop: Shop) -> None:
    with (shop.folder / "audsync.yaml").open("a", encoding="utf-8") as file:
        file.write("\nhealth: {max_size_drift_percent: 90}\n")
    shop.restart()
    remove_by_hand(shop, MANY[:1_500])
    shop.clock.advance(DAYS_S)
    assert drift_of(shop.sync().job) == []
