"""Where a platform forgets members, the audience stays whole for as long as it is synced."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from audsync.services import audiences
from tests.services.conftest import closes
from tests.services.test_platforms import CASES, Shop

DAY_S = 86_400
LIFETIME_DAYS = 6
CROWD = [(f"p{number}", f"p{number}@example.com", "") for number in range(60)]
FORGETFUL = {
    "google": replace(
        CASES["google"],
        connection=CASES["google"].connection.rstrip()
        + f"\n      membership_days: {LIFETIME_DAYS}\n",
    ),
    "meta": replace(
        CASES["meta"],
        connection=CASES["meta"].connection + f"    options: {{retention_days: {LIFETIME_DAYS}}}\n",
    ),
    "snapchat": replace(
        CASES["snapchat"],
        connection=CASES["snapchat"].connection
        + f"    options: {{retention_days: {LIFETIME_DAYS}}}\n",
    ),
}


@pytest.fixture(params=list(FORGETFUL))
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    shop = Shop(FORGETFUL[request.param], tmp_path)
    shop.segment(CROWD)
    shop.until_done(shop.create)
    return shop


def refreshed(shop: Shop) -> int:
    """Unchanged profiles that were sent again so far."""
    return sum(job["profiles_refreshed"] for job in audiences.history(shop.runtime))


def test_a_daily_sync_keeps_everybody(shop: Shop) -> None:
    counts = [0]
    for _ in range(2 * LIFETIME_DAYS):
        shop.clock.advance(DAY_S)
        report = shop.until_done(shop.sync)
        assert closes(report.job)
        assert report.job["profiles_added"] == 0
        assert shop.is_exact()
        counts.append(refreshed(shop))
    rounds = counts[-1] / len(CROWD)
    assert 3 <= rounds <= 5, "a whole one in half a member's life"
    assert max(after - before for before, after in pairwise(counts)) < len(CROWD), "over the days"


def test_who_left_is_not_brought_back(shop: Shop) -> None:
    shop.segment(CROWD[:40])
    for _ in range(LIFETIME_DAYS):
        shop.until_done(shop.sync)
        assert shop.is_exact()
        shop.clock.advance(DAY_S)
