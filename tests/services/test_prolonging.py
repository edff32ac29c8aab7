"""A token that ends soon is traded for one that ends later, where Meta knows the app."""

import logging
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from audsync.domain import Platform
from audsync.sandbox.faults import FaultKind, Rule
from audsync.sandbox.meta.settings import DEFAULT_APP_SECRET
from audsync.services import audiences
from audsync.services.connections import connecting, listing
from audsync.services.connections.connecting import Wanted
from audsync.services.cron.run_due import Pace, run_due
from tests.services.saved import SANDBOX_TOKEN, Shop, a_shop, told

APP = {"app_id": "sandbox-app", "app_secret": DEFAULT_APP_SECRET}
DAY_S = 86_400


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    yield from a_shop(tmp_path)


def ends_in(shop: Shop, days: float, **token: object) -> None:
    ends_at = shop.clock.now() + timedelta(days=days)
    shop.set_token(expires_at=ends_at.timestamp(), **token)


def connect(shop: Shop, **app: str) -> dict[str, Any]:
    access = shop.access("meta")
    wanted = Wanted(
        platform=Platform.META, name="main", account="act_1001", base_url=access["base_url"]
    )
    return connecting.connect(shop.runtime(), wanted, told({"access_token": SANDBOX_TOKEN, **app}))


def days_left(shop: Shop) -> float:
    (found,) = listing.listed(shop.runtime())
    record = shop.runtime().connections()["main"].record
    assert record is not None
    assert record.expires_at is not None
    assert found["status"] in {"ok", "expiring"}
    return (record.expires_at - shop.clock.now()).total_seconds() / DAY_S


def trades(shop: Shop) -> int:
    return sum(
        call["path"].endswith("/oauth/access_token") for call in shop.world.journal.requests()
    )


@pytest.mark.parametrize("kind", ["USER", "SYSTEM_USER"])
def test_a_token_of_an_hour_becomes_one_of_sixty_days(shop: Shop, kind: str) -> None:
    ends_in(shop, 1 / 24, kind=kind)
    assert connect(shop, **APP)["status"] == "ok"
    assert days_left(shop) == pytest.approx(60)
    shop.clock.advance(DAY_S)
    with closing(shop.runtime().connect("main")) as connector:
        connector.check_access()


def test_it_is_traded_again_when_half_of_its_life_is_over(shop: Shop) -> None:
    ends_in(shop, 1 / 24)
    connect(shop, **APP)
    new = audiences.NewAudience(segment="vip", connection="main", slug="a", name="a")
    assert audiences.create(shop.runtime(), new).exit_code == 0
    for _ in range(10):
        shop.clock.advance(10 * DAY_S)
        assert run_due(shop.runtime(), Pace()).exit_code == 0
        assert days_left(shop) > 20
    assert trades(shop) == 1 + 3


@pytest.mark.parametrize(("days", "app"), [(31, APP), (2, {})])
def test_no_token_is_traded_that_lasts_or_whose_app_is_not_known(
    shop: Shop, days: int, app: dict[str, str]
) -> None:
    ends_in(shop, days)
    connect(shop, **app)
    assert (days_left(shop), trades(shop)) == (days, 0)


@pytest.mark.parametrize(
    "trouble",
    [
        Rule(kind=FaultKind.STATUS, status=404, path="oauth/access_token", times=0),
        Rule(kind=FaultKind.ERROR, code=100, path="oauth/access_token", times=0),
        Rule(kind=FaultKind.EMPTY, path="oauth/access_token", times=0),
    ],
)
def test_what_cannot_be_traded_is_kept_as_it_is(
    shop: Shop, trouble: Rule, caplog: pytest.LogCaptureFixture
) -> None:
    shop.world.faults.arm([trouble])
    ends_in(shop, 2)
    with caplog.at_level(logging.WARNING):
        assert connect(shop, **APP)["status"] == "expiring"
    assert days_left(shop) == pytest.approx(2, abs=0.01)
    assert "could not be prolonged" in caplog.text
    assert DEFAULT_APP_SECRET not in caplog.text
    assert SANDBOX_TOKEN not in caplog.text


def test_a_token_that_is_no_better_is_not_kept(shop: Shop) -> None:
    shop.world.platforms["meta"].configure({"long_token_days": 1})
    ends_in(shop, 20, kind="USER")
    connect(shop, **APP)
    assert days_left(shop) == 20


def test_neither_token_can_be_read_in_the_store(shop: Shop) -> None:
    ends_in(shop, 1)
    connect(shop, **APP)
    store = shop.store()
    assert b"sandbox-meta" not in store
    assert DEFAULT_APP_SECRET.encode() not in store
