"""Histograms of answers, by hour, on both databases."""

import threading
from datetime import timedelta

from audsync.domain import Platform
from audsync.store import latencies
from audsync.store.database import Database
from audsync.store.latencies import BOUNDS_S, Histogram


def count(database: Database, *seconds: float, platform: Platform = Platform.META) -> None:
    with database.transaction() as session:
        for each in seconds:
            seen, now = Histogram.of(each), database.now(session)
            latencies.add(session, 1, platform, seen, now=now)


def test_each_request_is_in_the_bucket_of_its_bound() -> None:
    assert [Histogram.of(bound).counts.index(1) for bound in BOUNDS_S] == list(range(len(BOUNDS_S)))
    assert Histogram.of(BOUNDS_S[-1] + 1).counts[-1] == 1
    assert Histogram.of(0).counts[0] == 1


def test_what_is_counted_adds_up_by_platform(database: Database) -> None:
    count(database, 0.05, 0.3, 70)
    count(database, 2, platform=Platform.GOOGLE)
    with database.reading() as session:
        found = latencies.by_platform(session, 1)
        assert latencies.by_platform(session, 2) == {}
    assert list(found) == [Platform.GOOGLE, Platform.META]
    assert (found[Platform.META].total, found[Platform.META].sum_s) == (3, 70.35)
    assert found[Platform.META].counts[0] == 1


def test_hours_that_are_over_can_be_left_out(database: Database) -> None:
    count(database, 1)
    with database.reading() as session:
        now = database.now(session)
        later = now + timedelta(hours=2)
        assert latencies.by_platform(session, 1, since=now)[Platform.META].total == 1
        assert latencies.by_platform(session, 1, since=later) == {}


def test_nothing_is_lost_between_threads(database: Database) -> None:
    threads = [threading.Thread(target=count, args=(database, 1.0, 1.0)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as session:
        assert latencies.by_platform(session, 1)[Platform.META].total == 8
