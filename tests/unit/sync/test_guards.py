"""A plan that would empty an audience is refused; one that shrinks it a little is not."""

import pytest

from audsync.domain import Kind
from audsync.errors import GuardError
from audsync.sync.contract import KindChange, PlanSummary, SegmentCounts
from audsync.sync.guards import Guard, enforce, judge


def refused_by(
    *, removes: int, of: int, rows: int = 10, profiles: int = 10, guard: Guard | None = None
) -> set[str]:
    """Names of the guards that object to such a plan."""
    summary = PlanSummary(
        kinds={Kind.EMAIL: KindChange(removes=removes, unchanged=of - removes)},
        causes={},
        profiles_sent=0,
        profiles_new=0,
        profiles_refreshed=0,
        profiles_left=0,
        profiles_left_silently=0,
        echoed=0,
        session_kinds=(),
    )
    verdicts = judge(
        guard or Guard(),
        counts=SegmentCounts(rows=rows, profiles=profiles),
        summary=summary,
        snapshot_size=of,
    )
    return {verdict.name for verdict in verdicts if not verdict.is_ok}


@pytest.mark.parametrize(
    ("removes", "of", "is_refused"),
    [
        (0, 0, False),
        (0, 100, False),
        (30, 100, False),
        (31, 100, False),  # more than 30 %, but neither many nor half
        (50, 100, False),  # exactly half
        (51, 100, True),
        (1, 1, True),
        (1, 2, False),
        (1_000, 3_000, False),  # not more than a thousand
        (1_001, 3_000, True),
        (1_001, 3_400, False),  # more than a thousand, but below 30 %
        (3_000, 10_000, False),  # exactly 30 %
        (3_001, 10_000, True),
    ],
)
def test_removing_a_great_part_is_refused(removes: int, of: int, is_refused: bool) -> None:
    assert refused_by(removes=removes, of=of) == ({"max_removed_percent"} if is_refused else set())


def test_a_source_without_rows_is_refused_where_something_is_confirmed() -> None:
    assert "empty_source" in refused_by(removes=0, of=1, rows=0, profiles=0)
    assert not refused_by(removes=0, of=0, rows=0, profiles=0)


def test_fewer_profiles_than_the_least_are_refused() -> None:
    guard = Guard(min_profiles=10)
    assert refused_by(removes=0, of=5, profiles=9, guard=guard) == {"min_profiles"}
    assert not refused_by(removes=0, of=5, profiles=10, guard=guard)


def test_the_limit_is_the_audiences_own() -> None:
    assert not refused_by(removes=60, of=100, guard=Guard(max_removed_percent=60))
    assert refused_by(removes=61, of=100, guard=Guard(max_removed_percent=60))


def test_a_refusal_names_every_objection_and_the_flag() -> None:
    counts = SegmentCounts()
    summary = PlanSummary(
        kinds={Kind.PHONE: KindChange(removes=7)},
        causes={"left_segment": 7},
        profiles_sent=0,
        profiles_new=0,
        profiles_refreshed=0,
        profiles_left=7,
        profiles_left_silently=0,
        echoed=0,
        session_kinds=(),
    )
    guard = Guard(min_profiles=1)
    verdicts = judge(guard, counts=counts, summary=summary, snapshot_size=7)
    with pytest.raises(GuardError) as refusal:
        enforce(guard, verdicts, audience="vip")
    assert refusal.value.exit_code == 7
    assert refusal.value.details["flag"] == "--allow-shrink"
    assert refusal.value.details["guards"] == [
        "empty_source",
        "max_removed_percent",
        "min_profiles",
    ]
    enforce(Guard(min_profiles=1, is_lifted=True), verdicts, audience="vip")
