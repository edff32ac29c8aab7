"""Audiences that TikTok makes of files: once, exact again after any break, and no silent loop."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from audsync import steps
from audsync.errors import UsageError, ValidationError
from audsync.sandbox.faults import FaultKind, Rule
from audsync.services import audiences
from audsync.services.jobs.sync_audience import Report
from tests.services.conftest import closes
from tests.services.test_platforms import CASES, Shop, crowd, written

When = Literal["before", "after"]
SMALL = {"file_delay_h": 0.5, "smallest_audience": 1}


class PowerCut(BaseException):
    """The process dies."""


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return shop_with(tmp_path)


def shop_with(folder: Path, **sandbox: float) -> Shop:
    case = replace(CASES["tiktok files"], sandbox={**SMALL, **sandbox})
    made = Shop(case, folder)
    with (folder / "audsync.yaml").open("a", encoding="utf-8") as file:
        file.write("limits: {max_batch_size: 4}\n")  # so that a session has several files
    made.restart()
    return made


@pytest.fixture(autouse=True)
def _mains() -> Iterator[None]:
    yield
    steps.listen(None)


def cut_the_power(*, at: int, step: str) -> None:
    """At the `at`-th time that this step is reached."""
    left = [at]

    def listener(reached: str) -> None:
        left[0] -= reached == step
        if left[0] == 0 and reached == step:
            raise PowerCut

    steps.listen(listener)


def arm(shop: Shop, *, when: When, nth: int = 1, path: str = "", times: int = 3) -> None:
    rule = Rule(kind=FaultKind.RESET, when=when, nth=nth, times=times, path=path, platform="tiktok")
    shop.world.faults.arm([rule])


def told_id(report: Report) -> str:
    return str(report.audience["platform_audience_id"])


def uploads(shop: Shop) -> int:
    return sum("/file/upload/" in one["path"] for one in shop.world.journal.requests())


def heal(shop: Shop) -> None:
    """One clean run with another segment, and the time that TikTok takes."""
    shop.world.faults.disarm()
    steps.listen(None)
    shop.restart()
    shop.clock.advance(7_200)
    written(shop, crowd(4, 13))
    report = shop.sync(allow_shrink=True)
    assert report.exit_code == 0, report.job["error"]
    shop.clock.advance(7_200)
    assert shop.is_exact()
    (made,) = shop.remotes()
    assert told_id(report) == made.id


def test_the_id_is_tiktoks_own_as_soon_as_there_is_one(shop: Shop) -> None:
    written(shop, crowd(1, 10))
    created = shop.create()
    assert created.exit_code == 0, created.job["error"]
    (made,) = shop.remotes()
    assert created.job["platform_audience_id"] == told_id(created) == made.id
    assert created.job["settlement"]["status"] == "pending"
    assert created.job["total_batches"] == 3
    shop.clock.advance(7_200)
    assert shop.is_exact()
    (seen,) = audiences.status(shop.runtime)
    assert seen["platform_audience_id"] == made.id


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("nth", range(1, 10))
def test_a_create_that_lost_answers_is_finished_once(shop: Shop, nth: int, when: When) -> None:
    written(shop, crowd(1, 10))
    arm(shop, when=when, nth=nth)
    shop.create()
    heal(shop)


@pytest.mark.parametrize("step", ["http: before request", "http: after response"])
@pytest.mark.parametrize("at", range(1, 10))
def test_a_create_that_was_cut_off_is_finished_once(shop: Shop, at: int, step: str) -> None:
    written(shop, crowd(1, 10))
    cut_the_power(at=at, step=step)
    with pytest.raises(PowerCut):
        shop.create()
    heal(shop)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("path", ["/get/", "/file/upload/", "/update/"])
def test_a_change_that_lost_answers_is_made_good(shop: Shop, path: str, when: When) -> None:
    written(shop, crowd(1, 10))
    shop.create()
    shop.clock.advance(7_200)
    written(shop, crowd(3, 12))
    arm(shop, when=when, path=path)
    shop.sync()
    heal(shop)


def test_a_session_that_broke_before_its_end_leaves_nothing_in_doubt(shop: Shop) -> None:
    people = crowd(1, 10)
    written(shop, people)
    shop.create()
    shop.clock.advance(7_200)
    written(shop, crowd(1, 12))
    arm(shop, when="after", path="/file/upload/", nth=2, times=9)
    broken = shop.sync()
    assert (broken.exit_code, broken.job["status"]) == (6, "failed")
    assert (broken.job["profiles_added"], broken.job["successful_batches"]) == (0, 0)
    assert closes(broken.job)
    shop.world.faults.disarm()
    shop.clock.advance(7_200)
    written(shop, people)
    back = shop.sync()
    assert (back.exit_code, back.job["total_batches"]) == (0, 0)
    assert shop.is_exact()


def test_nothing_is_uploaded_where_nothing_changed(shop: Shop) -> None:
    written(shop, crowd(1, 10))
    shop.create()
    shop.clock.advance(7_200)
    before = uploads(shop)
    again = shop.sync()
    assert again.job["total_batches"] == 0
    assert uploads(shop) == before


def test_a_change_waits_until_the_one_before_it_is_final(shop: Shop) -> None:
    written(shop, crowd(1, 10))
    shop.create()
    same = shop.sync()
    assert (same.exit_code, same.job["settlement"]["status"]) == (0, "pending")
    written(shop, crowd(1, 12))
    early = shop.sync()
    assert early.exit_code == 6
    assert early.job["error"]["code"] == "PLATFORM_UNAVAILABLE"
    shop.clock.advance(7_200)
    assert shop.sync().exit_code == 0
    shop.clock.advance(7_200)
    assert shop.is_exact()


def test_a_change_of_unknown_outcome_is_waited_for(shop: Shop) -> None:
    written(shop, crowd(1, 10))
    shop.create()
    shop.clock.advance(7_200)
    shop.sync()
    written(shop, crowd(1, 12))
    arm(shop, when="after", path="/update/", times=9)
    assert shop.sync().exit_code == 6
    shop.world.faults.disarm()
    early = shop.sync()
    assert early.exit_code == 6
    assert "computes" in early.job["error"]["message"]
    heal(shop)


def test_an_audience_below_the_minimum_is_told_once_and_for_all(tmp_path: Path) -> None:
    shop = shop_with(tmp_path, smallest_audience=30)
    written(shop, crowd(1, 10))
    assert shop.create().exit_code == 0
    shop.clock.advance(7_200)
    for _ in range(2):
        report = shop.sync()
        assert report.exit_code == 1
        assert report.job["error"]["code"] == "VALIDATION_ERROR"
        assert "delete it and create it anew" in report.job["error"]["message"]
        assert "less than 30" in report.job["error"]["message"]
    (seen,) = audiences.status(shop.runtime)
    assert seen["settlement"]["status"] == "rejected"
    assert audiences.delete(shop.runtime, "a").exit_code == 0
    assert shop.remotes() == []
    written(shop, crowd(1, 100))
    assert shop.create().exit_code == 0
    shop.clock.advance(7_200)
    assert shop.is_exact()


def test_a_change_below_the_minimum_leaves_what_was_there(tmp_path: Path) -> None:
    shop = shop_with(tmp_path, smallest_audience=30)
    many = crowd(1, 100)
    written(shop, many)
    shop.create()
    shop.clock.advance(7_200)
    written(shop, crowd(1, 10))
    assert shop.sync(allow_shrink=True).exit_code == 0
    shop.clock.advance(7_200)
    report = shop.sync(allow_shrink=True)
    assert report.exit_code == 1
    assert "Make the segment larger" in report.job["error"]["message"]
    shop.people = many
    assert shop.is_exact()


def test_an_empty_segment_is_refused_with_the_way_to_reach_it(shop: Shop) -> None:
    written(shop, crowd(1, 10))
    shop.create()
    shop.clock.advance(7_200)
    written(shop, [])
    assert shop.sync().exit_code == 7
    report = shop.sync(allow_shrink=True)
    assert report.job["error"]["code"] == ValidationError.code
    assert "audsync delete a" in report.job["error"]["message"]
    shop.people = crowd(1, 10)
    assert shop.is_exact()


def test_an_audience_that_was_never_made_is_there_to_be_deleted(shop: Shop) -> None:
    written(shop, crowd(1, 10))
    arm(shop, when="before", path="/file/upload/", times=9)
    broken = shop.create()
    assert broken.exit_code == 6
    assert told_id(broken).startswith("pending:")
    shop.world.faults.disarm()
    assert audiences.refresh(shop.runtime) == {}
    (seen,) = audiences.status(shop.runtime)
    assert "not made yet" in seen["platform_note"]
    assert audiences.delete(shop.runtime, "a").exit_code == 0
    assert shop.remotes() == []


def test_status_learns_the_id_that_a_lost_answer_held_back(shop: Shop) -> None:
    written(shop, crowd(1, 10))
    arm(shop, when="after", path="/create/", times=9)
    assert told_id(shop.create()).startswith("pending:")
    shop.world.faults.disarm()
    audiences.refresh(shop.runtime)
    (made,) = shop.remotes()
    (seen,) = audiences.status(shop.runtime)
    assert seen["platform_audience_id"] == made.id


def test_two_of_one_name_could_not_be_told_apart(shop: Shop) -> None:
    written(shop, crowd(1, 10))
    new = audiences.NewAudience(segment="vip", connection="ads", slug="a", name="buyers")
    audiences.create(shop.runtime, new)
    with pytest.raises(UsageError, match="another --name"):
        audiences.create(shop.runtime, replace(new, slug="b"))
