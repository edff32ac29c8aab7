"""`status` on every platform, and what happens when a platform has lost an audience."""

from pathlib import Path
from typing import Any

import pytest

from audsync.domain import AudienceState, RemoteId
from audsync.errors import AudienceStaleError
from audsync.services import audiences, stale
from tests.services.test_platforms import CASES, Shop, crowd, written


@pytest.fixture(params=sorted(CASES))
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    return Shop(CASES[request.param], tmp_path)


@pytest.fixture
def full(shop: Shop) -> Shop:
    """An audience of eight, whole and in effect."""
    written(shop, crowd(1, 9))
    report = shop.create()
    assert report.exit_code == 0, report.job["error"]
    shop.until_done(shop.sync)
    return shop


def shown(shop: Shop) -> dict[str, Any]:
    (one,) = audiences.status(shop.runtime, reference="a")
    return one


def lose(shop: Shop) -> None:
    """Somebody deletes the audience on the platform."""
    connector = shop.runtime.connect("ads")
    for remote in shop.remotes():
        connector.delete(RemoteId(remote.id))
    connector.close()


def test_what_was_accepted_and_what_is_in_effect_stand_apart(shop: Shop) -> None:
    written(shop, crowd(1, 9))
    shop.create()
    one = shown(shop)
    assert one["identifiers_accepted"] == 16
    assert one["identifiers_confirmed"] == (0 if shop.case.settles else 16)
    pending = (one["settlement"] or {}).get("status")
    assert pending == ("pending" if shop.case.settles else None)
    shop.clock.advance(3600)
    assert audiences.refresh(shop.runtime) == {}
    one = shown(shop)
    assert one["identifiers_confirmed"] == one["identifiers_accepted"] == 16
    if shop.case.settles:
        assert one["settlement"]["status"] == "confirmed"
        assert (one["settlement"]["confirmed"], one["settlement"]["requests"]) == (1, 1)


def test_sizes_are_shown_as_the_platform_tells_them(shop: Shop) -> None:
    written(shop, crowd(1, 3001))
    shop.create()
    assert shown(shop)["size_upper"] is None
    shop.clock.advance(26 * 3600)
    audiences.refresh(shop.runtime)
    one = shown(shop)
    # A platform that is not told who belongs together counts addresses and phones apart.
    assert 1_000 < one["size_lower"] <= one["size_upper"] <= 6_000
    assert one["platform_size"] == one["size_upper"]
    assert one["size_told_at"] is not None
    assert one["matched_size"] == (
        one["size_upper"] if one["size_lower"] == one["size_upper"] else None
    )
    assert one["warnings"] == []
    if one["matched_percent"] is not None:
        lower, upper = one["matched_percent"]
        assert 80 <= lower <= upper <= 100


def test_too_few_people_is_a_warning_of_the_job_and_of_the_status(full: Shop) -> None:
    minimum = full.runtime.spec_of(full.runtime.connection("ads")).minimum_size
    (first, *_) = audiences.history(full.runtime)
    (warning,) = first["warnings"]
    assert warning["code"] == "BELOW_MINIMUM_SIZE"
    assert f"{minimum:,}" in warning["message"]
    assert [one["code"] for one in shown(full)["warnings"]] == ["BELOW_MINIMUM_SIZE"]


def test_enough_people_is_no_warning(shop: Shop) -> None:
    minimum = shop.runtime.spec_of(shop.runtime.connection("ads")).minimum_size
    written(shop, crowd(1, minimum))
    assert [one["code"] for one in shop.create().job["warnings"]] == ["BELOW_MINIMUM_SIZE"]
    written(shop, crowd(1, minimum + 1))
    shop.clock.advance(3600)
    assert shop.sync().job["warnings"] == []
    one = shown(shop)
    knows_too_few = one["size_upper"] is not None and one["size_upper"] < minimum
    assert bool(one["warnings"]) is knows_too_few


def test_a_lost_audience_is_stale_and_made_anew_at_once(full: Shop) -> None:
    lose(full)
    report = full.sync()
    assert report.exit_code == 1
    assert report.job["error"]["code"] == "AUDIENCE_NOT_FOUND"
    assert report.job["error"]["details"]["where"] == "platform"
    assert shown(full)["state"] == "stale"
    with pytest.raises(AudienceStaleError):
        full.sync()
    written(full, crowd(2, 11))
    again = stale.recreate(full.runtime, "a")
    assert again.exit_code == 0, again.job["error"]
    assert again.job["profiles_added"] == 9
    full.until_done(full.sync)
    assert full.is_exact()
    assert shown(full)["state"] == "active"


def test_a_refresh_finds_a_lost_audience_too(full: Shop) -> None:
    lose(full)
    problems = audiences.refresh(full.runtime)
    assert [error.code for error in problems.values()] == ["AUDIENCE_NOT_FOUND"]
    assert shown(full)["state"] == "stale"
    assert audiences.refresh(full.runtime) == {}


def test_a_lost_audience_can_be_let_go(full: Shop) -> None:
    lose(full)
    full.sync()
    assert stale.unlink(full.runtime, "a").exit_code == 0
    assert audiences.status(full.runtime) == []
    assert full.remotes() == []


def test_what_is_let_go_here_stays_on_the_platform(full: Shop) -> None:
    before = [(remote.id, remote.identifiers) for remote in full.remotes()]
    report = audiences.delete(full.runtime, "a", keep_remote=True)
    assert report.exit_code == 0
    assert report.audience["state"] == AudienceState.RETIRED
    assert [(remote.id, remote.identifiers) for remote in full.remotes()] == before
    assert audiences.status(full.runtime) == []


def test_a_platform_that_cannot_be_asked_does_not_hide_what_is_known(tmp_path: Path) -> None:
    shop = Shop(CASES["meta"], tmp_path)
    written(shop, crowd(1, 9))
    shop.create()
    shop.runtime.config.connections.clear()
    problems = audiences.refresh(shop.runtime)
    assert [error.code for error in problems.values()] == ["CONNECTION_NOT_FOUND"]
    assert shown(shop)["identifiers_confirmed"] == 16
