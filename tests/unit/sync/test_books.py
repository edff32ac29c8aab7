"""Books close to the last profile, whatever became of the batches."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audsync.domain import Action, BatchState, Kind, SyncStatus
from audsync.sync import books
from audsync.sync.contract import (
    BatchFacts,
    KindChange,
    Plan,
    PlanSummary,
    SegmentCounts,
    StateFiles,
)


def batch(
    number: int,
    action: Action = Action.ADD,
    *,
    profiles: int = 0,
    refreshed: int = 0,
    identifiers: int = 0,
    profiles_left: int = 0,
) -> BatchFacts:
    return BatchFacts(
        number=number,
        action=action,
        first_row=0,
        stop_row=1,
        rows=1,
        profiles=profiles,
        refreshed=refreshed,
        identifiers=identifiers,
        profiles_left=profiles_left,
    )


def plan_of(batches: tuple[BatchFacts, ...], *, left_silently: int = 0) -> Plan:
    """A plan whose summary is the sum of its batches."""
    removes = sum(b.identifiers for b in batches if b.action is Action.REMOVE)
    adds = sum(b.identifiers for b in batches if b.action is Action.ADD)
    summary = PlanSummary(
        kinds={Kind.EMAIL: KindChange(adds=adds, removes=removes)},
        causes={"left_segment": removes},
        profiles_sent=sum(b.profiles for b in batches),
        profiles_new=0,
        profiles_refreshed=sum(b.refreshed for b in batches),
        profiles_left=sum(b.profiles_left for b in batches) + left_silently,
        profiles_left_silently=left_silently,
        echoed=0,
        session_kinds=(Kind.EMAIL,),
    )
    return Plan(files=StateFiles(), batches=batches, summary=summary)


def closed(
    states: tuple[BatchState, ...], batches: tuple[BatchFacts, ...], *, unchanged: int = 0
) -> books.Books:
    """The books when the plan's batches came to these states."""
    plan = plan_of(batches)
    profiles = plan.summary.profiles_sent + unchanged
    counts = SegmentCounts(
        rows=profiles + 10,
        no_consent=1,
        duplicates=2,
        no_identifier=3,
        suppressed=4,
        profiles=profiles,
    )
    ended = [replace(one, state=state) for one, state in zip(batches, states, strict=True)]
    return books.close(counts, plan, ended, platform_rejected=0)


TWO = (
    batch(1, Action.REMOVE, identifiers=3, profiles_left=2),
    batch(2, profiles=5, refreshed=1, identifiers=6),
    batch(3, profiles=7, identifiers=8),
)


@given(
    states=st.lists(st.sampled_from(BatchState), max_size=8),
    sizes=st.lists(st.integers(0, 9), min_size=8, max_size=8),
    unchanged=st.integers(0, 9),
)
def test_rows_and_sent_profiles_add_up(
    states: list[BatchState], sizes: list[int], unchanged: int
) -> None:
    batches = tuple(
        batch(number, profiles=size)
        for number, (size, _) in enumerate(zip(sizes, states, strict=False), start=1)
    )
    made = closed(tuple(states), batches, unchanged=unchanged)
    skipped = sum(made.profiles_skipped.values())
    accounted = made.profiles_unchanged + made.profiles_sent + made.profiles_pending
    assert made.profiles_read == skipped + accounted
    assert made.profiles_sent == made.profiles_added + made.profiles_failed
    assert min(made.profiles_added, made.profiles_failed, made.profiles_pending) >= 0
    assert made.profiles_unchanged == unchanged


def test_a_whole_run_is_booked_as_planned() -> None:
    made = closed((BatchState.APPLIED,) * 3, TWO)
    assert (made.profiles_added, made.profiles_removed, made.profiles_refreshed) == (12, 2, 1)
    assert (made.identifiers_added, made.identifiers_removed) == (14, 3)
    assert (made.total_batches, made.successful_batches, made.failed_batches) == (3, 3, 0)


def test_what_was_not_tried_is_pending_and_what_was_not_taken_failed() -> None:
    made = closed((BatchState.APPLIED, BatchState.UNKNOWN, BatchState.PLANNED), TWO)
    assert (made.profiles_sent, made.profiles_added, made.profiles_failed) == (5, 0, 5)
    assert made.profiles_pending == 7
    assert (made.identifiers_added, made.identifiers_removed, made.profiles_removed) == (0, 3, 2)
    assert (made.successful_batches, made.failed_batches) == (1, 1)


def test_profiles_that_left_without_a_removal_count_when_the_run_is_whole() -> None:
    plan = plan_of(TWO, left_silently=4)
    counts = SegmentCounts(rows=12, profiles=12)
    ended = [replace(one, state=BatchState.APPLIED) for one in TWO]
    assert books.close(counts, plan, ended, platform_rejected=0).profiles_removed == 6


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ((), SyncStatus.COMPLETED),
        ((BatchState.APPLIED, BatchState.ACCEPTED), SyncStatus.COMPLETED),
        ((BatchState.APPLIED, BatchState.PLANNED), SyncStatus.PARTIAL),
        ((BatchState.REFUSED, BatchState.ACCEPTED), SyncStatus.PARTIAL),
        ((BatchState.REFUSED, BatchState.PLANNED), SyncStatus.FAILED),
        ((BatchState.UNKNOWN,), SyncStatus.FAILED),
    ],
)
def test_the_status_says_what_the_platform_took(
    states: tuple[BatchState, ...], status: SyncStatus
) -> None:
    ended = [replace(batch(number), state=state) for number, state in enumerate(states, start=1)]
    assert books.status_of(ended) is status


def test_a_segment_that_was_only_read_is_pending() -> None:
    counts = SegmentCounts(
        rows=9, no_consent=2, profiles=7, rejected={"email": {}, "phone": {"x": 1}}
    )
    made = books.of_segment(counts)
    assert made.profiles_pending == 7
    assert made.rejected == {"phone": {"x": 1}}


def test_of_a_whole_that_was_not_taken_only_what_was_refused_has_left() -> None:
    states = (BatchState.REFUSED, BatchState.ACCEPTED, BatchState.UNKNOWN)
    whole = [replace(batch(number), state=state) for number, state in enumerate(states, start=1)]
    assert [one.state for one in books.as_one(whole)] == [
        BatchState.REFUSED,
        BatchState.PLANNED,
        BatchState.UNKNOWN,
    ]
