from datetime import UTC, datetime

import pytest

from audsync.connectors import registry
from audsync.domain import Platform, RemoteAudience, RemoteId
from audsync.services.jobs import told
from audsync.store.tables import PlatformAudience

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 23, 12, tzinfo=UTC)


def record() -> PlatformAudience:
    return PlatformAudience(
        tenant_id=1,
        slug="a",
        segment="vip",
        connection="ads",
        platform=Platform.META,
        platform_audience_name="a",
        ad_account_id="1",
        created_at=NOON,
        updated_at=NOON,
    )


def remote(
    lower: int | None = None,
    upper: int | None = None,
    *,
    percent: int | None = None,
    id_: str = "1",
) -> RemoteAudience:
    return RemoteAudience(
        id=RemoteId(id_), name="a", size_lower=lower, size_upper=upper, matched_percent=percent
    )


def test_bounds_stay_bounds_and_only_one_number_is_a_number() -> None:
    audience = record()
    told.remember(audience, remote(1_000, 1_200), now=NOON)
    assert (audience.platform_size, audience.matched_size) == (1_200, None)
    told.remember(audience, remote(1_100, 1_100, percent=61), now=NOON)
    assert (audience.platform_size, audience.matched_size) == (1_100, 1_100)
    assert audience.match_rate == pytest.approx(0.61)


def test_a_size_stays_with_its_date_while_the_platform_tells_none() -> None:
    audience = record()
    told.remember(audience, remote(5, 7), now=NOON)
    told.remember(audience, remote(), now=LATER)
    assert audience.platform_size == 7
    assert audience.told is not None
    assert audience.told["size_told_at"] == "2026-11-22T12:00:00Z"


def test_nothing_that_was_said_of_another_audience_stays() -> None:
    audience = record()
    told.remember(audience, remote(5, 5), now=NOON)
    told.remember(audience, remote(id_="2"), now=LATER)
    assert (audience.platform_size, audience.matched_size) == (None, None)


@pytest.mark.parametrize("platform", list(Platform))
def test_too_few_is_fewer_than_the_platform_needs(platform: Platform) -> None:
    spec = registry.spec_of(platform, {})
    audience = record()
    assert told.too_small(audience, spec) is None
    told.remember(audience, remote(0, spec.minimum_size - 1), now=NOON)
    warning = told.too_small(audience, spec)
    assert warning is not None
    assert f"{spec.minimum_size:,}" in warning["message"]
    told.remember(audience, remote(0, spec.minimum_size), now=NOON)
    assert told.too_small(audience, spec) is None
    # Some platforms tell 0 for whatever is too small to be told.
    told.remember(audience, remote(0, None), now=NOON)
    assert told.too_small(audience, spec) is None


def test_few_matches_are_warned_of_until_the_platform_tells_more() -> None:
    audience = record()
    assert told.matches_few(audience, least_percent=50) is None, "it tells none"
    told.remember(audience, remote(percent=49), now=NOON)
    told.remember(audience, remote(5, 5), now=LATER)
    warning = told.matches_few(audience, least_percent=50)
    assert warning is not None
    assert warning["code"] == "LOW_MATCH_RATE"
    assert audience.match_rate == pytest.approx(0.49), "the last one holds while none is told"
    told.remember(audience, remote(percent=50), now=LATER)
    assert told.matches_few(audience, least_percent=50) is None
