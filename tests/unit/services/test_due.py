"""What is due, and in which order."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audsync.domain import SyncStatus
from audsync.services.schedule.due import Due, Task, companions, due, question, wants_sync
from audsync.store.due import Candidate, LatestJob, OpenPlan

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def candidate(**fields: Any) -> Candidate:  # noqa: ANN401 - whatever the test is about
    given: dict[str, Any] = {
        "audience_id": uuid4(),
        "slug": "a",
        "segment": "vip",
        "connection": "meta-main",
        "created_at": NOW - 99 * MINUTE,
        "next_sync_at": NOW + MINUTE,
        "latest": None,
        "settling": None,
        "is_held": False,
    }
    return Candidate(**(given | fields))


def left(attempt: int = 1, minutes: int = 0) -> LatestJob:
    began_at = NOW - minutes * MINUTE
    return LatestJob(status=SyncStatus.RUNNING, attempt=attempt, started_at=began_at)


def settling(ask_at: datetime) -> OpenPlan:
    return OpenPlan(job_id=uuid4(), completed_at=NOW - 9 * MINUTE, ask_at=ask_at)


def test_an_audience_is_due_when_its_time_has_come() -> None:
    assert due([candidate()], NOW) == []
    (found,) = due([candidate(next_sync_at=NOW)], NOW)
    assert (found.task, found.since) == (Task.SYNC, NOW)


def test_one_that_was_never_synced_is_due_since_it_was_made() -> None:
    (found,) = due([candidate(next_sync_at=None)], NOW)
    assert found.since == NOW - 99 * MINUTE


@pytest.mark.parametrize(
    ("attempt", "minutes", "is_due"),
    [(1, 0, True), (3, 0, True), (4, 14, False), (4, 15, True), (5, 60, True), (6, 999, False)],
)
def test_what_a_dead_process_left_is_finished_the_later_the_oftener_it_died(
    attempt: int, minutes: int, is_due: bool
) -> None:
    assert bool(due([candidate(latest=left(attempt, minutes))], NOW)) is is_due


def test_what_somebody_works_on_was_left_by_nobody() -> None:
    running = candidate(latest=left(minutes=60), is_held=True)
    assert due([running], NOW) == []
    assert wants_sync(running, NOW, is_held=False)
    assert not wants_sync(running, NOW, is_held=True)


def test_one_that_is_due_is_so_although_somebody_works_on_it() -> None:
    assert due([candidate(next_sync_at=NOW, is_held=True)], NOW)


def test_the_platform_is_asked_when_it_is_time_and_nobody_else_does() -> None:
    (found,) = due([candidate(settling=settling(NOW))], NOW)
    assert found.task is Task.FOLLOW_UP
    assert due([candidate(settling=settling(NOW + MINUTE))], NOW) == []
    assert due([candidate(settling=settling(NOW), is_held=True)], NOW) == []
    assert question(candidate(), NOW) is None


def test_a_sync_waits_until_the_platform_is_done_with_the_one_before() -> None:
    (found,) = due([candidate(next_sync_at=NOW, settling=settling(NOW))], NOW)
    assert found.task is Task.FOLLOW_UP
    later = settling(NOW + MINUTE)
    assert list(due([candidate(next_sync_at=NOW, settling=later)], NOW)) == []


def test_the_oldest_comes_first() -> None:
    minutes = [3, 9, 1, 9]
    found = due(
        [
            candidate(audience_id=UUID(int=n), next_sync_at=NOW - one * MINUTE)
            for n, one in enumerate(minutes)
        ],
        NOW,
    )
    assert [one.audience_id.int for one in found] == [1, 3, 0, 2]


@given(st.lists(st.integers(1, 168), min_size=2, max_size=9), st.integers(1, 3))
def test_none_is_starved(hours: list[int], at_once: int) -> None:
    """However little each run gets done, an audience waits for each of the others once at most."""
    times = dict.fromkeys(range(len(hours)), NOW - 500 * MINUTE)
    waited = dict.fromkeys(times, 0)
    for tick in range(60):
        now = NOW + tick * 15 * MINUTE
        found = due(
            [candidate(audience_id=UUID(int=n), next_sync_at=at) for n, at in times.items()], now
        )
        for position, one in enumerate(found):
            number = one.audience_id.int
            waited[number] = 0 if position < at_once else waited[number] + 1
            if position < at_once:
                times[number] = now + timedelta(hours=hours[number])
        assert max(waited.values()) <= len(hours)


def begun(queue: list[Due], *behind: str) -> list[str]:
    return [one.slug for one in companions(queue, behind)]


def of(slug: str, segment: str, connection: str = "meta-main", task: Task = Task.SYNC) -> Due:
    return Due(
        audience_id=uuid4(), slug=slug, segment=segment, connection=connection, task=task, since=NOW
    )


def test_the_oldest_is_begun_with_whoever_reads_the_same_segment() -> None:
    queue = [of("a", "vip"), of("b", "other"), of("c", "vip", "google-main")]
    assert begun(queue) == ["a", "c"]
    assert begun([of("f", "vip", task=Task.FOLLOW_UP), *queue]) == ["f"]


def test_whose_platform_has_no_calls_left_lets_others_go_first() -> None:
    queue = [
        of("a", "vip"),
        of("b", "vip", "google-main"),
        of("c", "other"),
        of("d", "third", "google-main"),
        of("e", "third", "tiktok-main"),
    ]
    assert begun(queue, "meta-main") == ["d", "e"]
    assert begun(queue, "google-main") == ["c"]
    assert begun(queue[:3], "meta-main") == ["a", "b"], "nobody else is left"
    asked = of("f", "vip", "google-main", Task.FOLLOW_UP)
    assert begun([*queue[:3], asked], "meta-main") == ["f"], "a question reads no segment"
