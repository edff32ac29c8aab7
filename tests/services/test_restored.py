"""Backups that were put back: of the store alone, of the state folder alone; and `reconcile`."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from audsync import steps
from audsync.domain import RemoteId
from audsync.errors import StateError
from audsync.sandbox.faults import FaultKind, Rule
from audsync.services import audiences, stale
from audsync.services.cron import follow_up
from audsync.services.doctor.checkup import examine
from audsync.services.jobs.continuity import Continuity
from audsync.services.jobs.planning import plan
from audsync.services.jobs.sync_audience import Report
from audsync.snapshots.folder import AudienceFolder
from audsync.snapshots.generations import Mark
from tests.services.by_hand import remove_by_hand
from tests.services.test_platforms import CASES, Shop, crowd, written

BOTH = ("audsync.db", "audsync-state")
STREAMED = ("meta", "google", "tiktok", "snapchat")


@pytest.fixture(params=STREAMED)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    (tmp_path / "project").mkdir()
    return Shop(CASES[request.param], tmp_path / "project")


@pytest.fixture
def meta(tmp_path: Path) -> Shop:
    (tmp_path / "project").mkdir()
    return Shop(CASES["meta"], tmp_path / "project")


def back_up(shop: Shop, what: str) -> None:
    """Keep what is there now."""
    shop.runtime.database.dispose()
    kept = shop.folder.parent / what
    shutil.rmtree(kept, ignore_errors=True)
    if (shop.folder / what).is_dir():
        shutil.copytree(shop.folder / what, kept)
    else:
        shutil.copy(shop.folder / what, kept)


def restore(shop: Shop, what: str) -> None:
    """Put back what was kept, in place of what is there."""
    shop.runtime.database.dispose()
    shutil.rmtree(shop.folder / what, ignore_errors=True)
    if (shop.folder.parent / what).is_dir():
        shutil.copytree(shop.folder.parent / what, shop.folder / what)
    else:
        shutil.copy(shop.folder.parent / what, shop.folder / what)
    shop.restart()


def grown(shop: Shop, what: str) -> None:
    """An audience of six whose `what` is put back as it was when there were four of them."""
    written(shop, crowd(1, 5))
    shop.create()
    shop.until_done(shop.sync)
    back_up(shop, what)
    written(shop, crowd(1, 7))
    shop.until_done(shop.sync)
    restore(shop, what)
    written(shop, crowd(2, 6))


def reconcile(shop: Shop) -> Report:
    return audiences.reconcile(shop.runtime, "a", allow_shrink=True)


@pytest.mark.parametrize("what", BOTH)
def test_a_backup_that_was_put_back_is_refused_until_it_is_reconciled(
    shop: Shop, what: str
) -> None:
    grown(shop, what)
    before = set(shop.remotes()[0].identifiers)
    refused = shop.sync()
    assert (refused.exit_code, refused.job["error"]["code"]) == (1, "STATE_ERROR")
    assert "audsync reconcile" in refused.job["error"]["message"]
    with pytest.raises(StateError, match="audsync reconcile"):
        plan(shop.runtime, "a")
    (status,) = audiences.status(shop.runtime)
    assert "STATE_ERROR" in [one["code"] for one in status["warnings"]]
    broken = {check.name: check for check in examine(shop.runtime) if not check.ok}
    assert broken["snapshots"].mend == "audsync reconcile a"
    assert set(shop.remotes()[0].identifiers) == before, "nothing was sent meanwhile"
    shop.until_done(lambda: reconcile(shop))
    assert shop.is_exact(), "who came after the backup and has left since is gone, too"
    (status,) = audiences.status(shop.runtime)
    assert "STATE_ERROR" not in [one["code"] for one in status["warnings"]]


@pytest.mark.parametrize("shop", ["tiktok", "snapchat"], indirect=True)
def test_an_old_store_beside_new_files_costs_no_audience_its_id(shop: Shop) -> None:
    grown(shop, "audsync.db")
    (before,) = shop.remotes()
    report = shop.until_done(lambda: reconcile(shop))
    (after,) = shop.remotes()
    assert before.id == after.id, "all that may be in it is in the files"
    assert shop.is_exact()
    assert report.job["operation"] == "update", "as which it is retried, too"


@pytest.mark.parametrize("shop", ["tiktok", "snapchat"], indirect=True)
def test_a_store_of_before_a_successor_finds_it_again(shop: Shop) -> None:
    written(shop, crowd(1, 5))
    shop.create()
    shop.until_done(shop.sync)
    back_up(shop, "audsync.db")
    shop.until_done(lambda: audiences.replace(shop.runtime, "a"))
    restore(shop, "audsync.db")
    written(shop, crowd(2, 6))
    assert shop.sync().exit_code == 1
    shop.until_done(lambda: reconcile(shop))
    assert shop.is_exact(), "one audience, and it is exact"


def test_all_state_lost_is_reconciled(shop: Shop) -> None:
    written(shop, crowd(1, 7))
    shop.create()
    shop.until_done(shop.sync)
    shutil.rmtree(shop.folder / "audsync-state")
    written(shop, crowd(2, 6))
    assert shop.sync().job["error"]["code"] == "STATE_ERROR"
    shop.until_done(lambda: reconcile(shop))
    assert shop.is_exact()


@pytest.mark.parametrize("shop", ["snapchat"], indirect=True)
def test_members_deleted_by_hand_come_back(shop: Shop) -> None:
    written(shop, crowd(1, 7))
    shop.create()
    shop.until_done(shop.sync)
    (remote,) = shop.remotes()
    remove_by_hand(shop, shop.people[:3])
    assert shop.until_done(shop.sync).job["total_batches"] == 0, "a sync cannot know"
    shop.until_done(lambda: reconcile(shop))
    assert shop.is_exact()
    assert shop.remotes()[0].id == remote.id


@pytest.mark.parametrize("shop", ["meta", "google", "tiktok"], indirect=True)
def test_a_source_that_ran_dry_empties_no_audience_whose_state_is_lost(shop: Shop) -> None:
    written(shop, crowd(1, 7))
    shop.create()
    shop.until_done(shop.sync)
    shutil.rmtree(shop.folder / "audsync-state")
    before = set(shop.remotes()[0].identifiers)
    written(shop, [])
    report = audiences.reconcile(shop.runtime, "a")
    assert report.job["error"]["code"] in {"GUARD_REFUSED", "STATE_ERROR"}
    assert set(shop.remotes()[0].identifiers) == before


@pytest.mark.parametrize("shop", ["google", "snapchat"], indirect=True)
def test_a_reconcile_that_broke_is_finished_by_the_next_sync(shop: Shop) -> None:
    grown(shop, "audsync.db")
    rule = Rule(kind=FaultKind.RESET, when="after", nth=2, times=3, platform=shop.case.platform)
    shop.world.faults.arm([rule])
    reconcile(shop)
    shop.world.faults.disarm()
    shop.clock.advance(7200)
    shop.restart()
    shop.until_done(lambda: shop.sync(allow_shrink=True))
    assert shop.is_exact()


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("step", ["file: before mark", "file: after mark"])
def test_a_crash_beside_a_mark_raises_no_false_alarm(meta: Shop, step: str, nth: int) -> None:
    written(meta, crowd(1, 5))
    meta.create()
    written(meta, crowd(2, 7))
    _crash(meta, step, nth)
    meta.clock.advance(3600)
    meta.restart()
    assert not audiences.status(meta.runtime)[0]["warnings"][1:]
    written(meta, crowd(3, 8))
    report = meta.sync(allow_shrink=True)
    assert report.exit_code == 0, report.job["error"]
    assert meta.is_exact()


class _PowerCutError(BaseException):
    pass


def _crash(shop: Shop, step: str, nth: int) -> None:
    left = nth

    def cut(reached: str) -> None:
        nonlocal left
        left -= reached == step
        if not left:
            raise _PowerCutError

    steps.listen(cut)
    try:
        with pytest.raises(_PowerCutError):
            shop.sync(allow_shrink=True)
    finally:
        steps.listen(None)


def test_a_backup_of_a_run_that_had_crashed_is_told_from_it(meta: Shop) -> None:
    """The store of before the plan whose requests left, although the mark is only one ahead."""
    written(meta, crowd(1, 5))
    meta.create()
    back_up(meta, "audsync.db")
    written(meta, crowd(1, 7))
    meta.world.faults.arm([Rule(kind=FaultKind.RESET, when="after", path="users", times=9)])
    assert meta.sync().exit_code == 6
    meta.world.faults.disarm()
    restore(meta, "audsync.db")
    written(meta, crowd(1, 5))
    assert meta.sync().job["error"]["code"] == "STATE_ERROR", "two who left may be there"
    meta.until_done(lambda: reconcile(meta))
    assert meta.is_exact()


def test_following_up_a_restored_store_records_nothing(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    google = Shop(CASES["google"], tmp_path / "project")
    written(google, crowd(1, 5))
    google.create()
    back_up(google, "audsync.db")
    google.clock.advance(3600)
    google.until_done(google.sync)
    restore(google, "audsync.db")
    audience = audiences.find(google.runtime, "a")
    with pytest.raises(StateError):
        follow_up.follow_up(google.runtime, audience)


def test_state_without_a_mark_as_of_earlier_versions_is_taken_as_it_is(meta: Shop) -> None:
    written(meta, crowd(1, 5))
    meta.create()
    for mark in meta.folder.rglob("generation-*.json"):
        mark.unlink()
    written(meta, crowd(2, 6))
    assert meta.sync(allow_shrink=True).exit_code == 0
    assert list(meta.folder.rglob("generation-*.json"))


def test_a_mark_that_is_no_json_is_read_by_its_name(meta: Shop) -> None:
    written(meta, crowd(1, 5))
    meta.create()
    (mark,) = meta.folder.rglob("generation-*.json")
    mark.write_text("{")
    assert meta.sync().exit_code == 0
    mark.with_name("generation-000000000999.json").write_text("[]")
    assert meta.sync().job["error"]["code"] == "STATE_ERROR"
    meta.until_done(lambda: reconcile(meta))
    assert meta.is_exact()


def test_an_audience_that_is_made_anew_leaves_old_marks_behind(meta: Shop) -> None:
    grown(meta, "audsync.db")
    meta.runtime.connect("ads").delete(RemoteId(meta.remotes()[0].id))
    meta.clock.advance(3600)
    assert "a" in audiences.refresh(meta.runtime)
    assert stale.recreate(meta.runtime, "a").exit_code == 0
    assert meta.is_exact()
    assert meta.sync().exit_code == 0


def test_after_it_all_is_as_ever(meta: Shop) -> None:
    grown(meta, "audsync.db")
    reconcile(meta)
    meta.sync()  # says once more what was uncertain
    assert meta.sync().job["total_batches"] == 0
    assert meta.is_exact()


class _Busy(AudienceFolder):
    """A folder of an audience that is synced just as somebody looks."""

    during: Callable[[], object] | None = None

    def mark(self, *, is_anew: bool = False) -> Mark | None:
        if self.during is not None:
            act, self.during = self.during, None
            act()
        return super().mark(is_anew=is_anew)


def test_who_looks_while_a_sync_goes_on_sees_no_backup(meta: Shop) -> None:
    written(meta, crowd(1, 5))
    meta.create()
    written(meta, crowd(1, 7))
    audience = audiences.find(meta.runtime, "a")
    folder = _Busy(meta.runtime.state_root, str(audience.id))
    folder.during = meta.sync
    Continuity(runtime=meta.runtime, audience_id=audience.id, folder=folder).require()
    assert folder.during is None
