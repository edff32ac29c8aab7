"""What a platform works off later is followed up between syncs, and nothing is sent for it."""

from pathlib import Path
from uuid import UUID

import pytest
from sqlmodel import col, select

from audsync.cli import show_audiences
from audsync.cli.globals import Globals
from audsync.domain import AudienceState, BatchState
from audsync.errors import AudienceGoneError, BusyError
from audsync.services import audiences
from audsync.services.cron import follow_up
from audsync.store import leases, ledger
from audsync.store.tables import Incident
from tests.services.test_platforms import CASES, Shop, crowd, written

SLOW = [name for name, case in CASES.items() if case.settles]


@pytest.fixture(params=SLOW)
def slow(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    shop = Shop(CASES[request.param], tmp_path)
    written(shop, crowd(1, 201))
    report = shop.create()
    assert report.exit_code == 0, report.job["error"]
    return shop


def come_to(shop: Shop, outcome: dict[str, object]) -> None:
    """Let the next request end so, once it is worked off."""
    platform = shop.world.platforms[shop.case.platform]
    if "outcomes" not in platform.settings():
        pytest.skip("its sandbox cannot be told how a request ends")
    platform.configure({"outcomes": [{"nth": 1, **outcome}]})


def settlement(shop: Shop) -> str:
    (job,) = audiences.history(shop.runtime)
    return str(job["settlement"]["status"])


def is_waiting(shop: Shop, audience_id: UUID) -> bool:
    with shop.runtime.database.reading() as session:
        batches = ledger.open_batches(session, ledger.head(session, audience_id))
    return any(batch.state is BatchState.ACCEPTED for batch in batches)


def troubles(shop: Shop, audience_id: UUID) -> list[str]:
    """Events of the audience that are open: whoever listens hears of them, and of their end."""
    with shop.runtime.database.reading() as session:
        found = session.exec(select(Incident).where(col(Incident.closed_at).is_(None))).all()
    return [one.event for one in found if str(audience_id) in one.subject]


def sent(shop: Shop) -> int:
    return sum(entry["method"] != "GET" for entry in shop.world.journal.requests(with_bodies=False))


def test_it_stays_pending_until_the_platform_is_done(slow: Shop) -> None:
    audience = audiences.find(slow.runtime, "a")
    assert is_waiting(slow, audience.id)
    assert follow_up.follow_up(slow.runtime, audience) == 1
    assert settlement(slow) == "pending"
    slow.clock.advance(3600)
    before = sent(slow)
    assert follow_up.follow_up(slow.runtime, audience) == 0
    assert settlement(slow) == "confirmed"
    assert sent(slow) - before <= 1  # at most a token
    assert not is_waiting(slow, audience.id)
    assert slow.sync().job["total_batches"] == 0
    assert slow.is_exact()


def test_what_came_to_nothing_is_left_to_the_next_sync(slow: Shop) -> None:
    come_to(slow, {"status": "FAILED"})
    written(slow, crowd(1, 203))
    slow.clock.advance(3600)
    slow.sync()
    slow.clock.advance(3600)
    audience = audiences.find(slow.runtime, "a")
    assert follow_up.follow_up(slow.runtime, audience) == 0
    (latest, _) = audiences.history(slow.runtime)
    assert latest["settlement"]["status"] == "rejected"
    assert troubles(slow, audience.id) == ["failed"]
    slow.until_done(slow.sync)
    assert slow.is_exact()
    assert troubles(slow, audience.id) == []


def test_rows_that_the_platform_left_out_are_shown_with_its_reasons(
    slow: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    reason = "PROCESSING_ERROR_REASON_INVALID_IDENTIFIER"
    come_to(slow, {"status": "PARTIAL_SUCCESS", "reason": reason, "records": 3})
    written(slow, crowd(1, 210))
    slow.clock.advance(3600)
    slow.sync()
    slow.clock.advance(3600)
    assert audiences.refresh(slow.runtime) == {}
    (shown,) = audiences.status(slow.runtime)
    assert shown["settlement"]["status"] == "confirmed"
    assert (shown["settlement"]["rejected_rows"], sum(shown["settlement"]["reasons"].values())) == (
        3,
        3,
    )
    show_audiences.side_by_side([shown], Globals(is_plain=True))
    told = capsys.readouterr().out
    assert "1: 1 confirmed, 0 rejected, 0 pending" in told
    assert "3 INVALID_IDENTIFIER" in told


def test_somebody_else_at_work_is_an_error_to_a_follow_up_and_none_to_a_refresh(
    slow: Shop,
) -> None:
    audience = audiences.find(slow.runtime, "a")
    lease = leases.claim(slow.runtime.database, audience.id, owner=leases.this_process())
    with pytest.raises(BusyError):
        follow_up.follow_up(slow.runtime, audience)
    follow_up.refresh(slow.runtime, audience)
    leases.release(slow.runtime.database, lease)
    assert settlement(slow) == "pending"


def test_a_refresh_that_finds_the_audience_gone_makes_it_stale(slow: Shop) -> None:
    audience = audiences.find(slow.runtime, "a")
    connector = slow.runtime.connect("ads")
    (remote,) = slow.remotes()
    connector.delete(remote.id)
    with pytest.raises(AudienceGoneError):
        follow_up.refresh(slow.runtime, audience)
    assert audiences.find(slow.runtime, "a").state is AudienceState.STALE
