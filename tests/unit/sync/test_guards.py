"""A plan that would empty an audience is refused; one that shrinks it a little is not."""

import pytest

from audsync.domain import Kind
from audsync.errors import GuardError
from audsync.sync.contract import KindChange, PlanSummary, SegmentCounts
from audsync.sync.guards import Before, Guard, enforce, judge, reject_percents


def refused_by(  # noqa: PLR0913 - one parameter a fact
    *,
    removes: int,
    of: int,
    rows: int = 10,
    profiles: int = 10,
    suppressed: int = 0,
    causes: dict[str, int] | None = None,
    guard: Guard | None = None,
) -> set[str]:
    """Names of the guards that object to such a plan."""
    summary = PlanSummary(
        kinds={Kind.EMAIL: KindChange(removes=removes, unchanged=of - removes)},
        causes=causes or {},
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
        counts=SegmentCounts(rows=rows, profiles=profiles, suppressed=suppressed),
        summary=summary,
        before=Before(snapshot_size=of),
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
    verdicts = judge(guard, counts=counts, summary=summary, before=Before(snapshot_size=7))
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


def _with_phones(*, good: int, bad: int, before: float | None, guard: Guard) -> set[str]:
    """Names of the guards that object where so many phones are rejected."""
    kinds = {Kind.EMAIL: KindChange(unchanged=1_000), Kind.PHONE: KindChange(unchanged=good)}
    summary = PlanSummary(
        kinds=kinds,
        causes={},
        profiles_sent=0,
        profiles_new=0,
        profiles_refreshed=0,
        profiles_left=0,
        profiles_left_silently=0,
        echoed=0,
        session_kinds=(),
    )
    counts = SegmentCounts(rows=1_000, profiles=1_000, rejected={"phone": {"not_a_number": bad}})
    percents = reject_percents(counts, summary)
    assert percents == {"email": 0.0, "phone": 100 * bad / (bad + good)}
    rejects = {"email": 0.0, **({} if before is None else {"phone": before})}
    verdicts = judge(
        guard,
        counts=counts,
        summary=summary,
        before=Before(snapshot_size=1_000 + good, rejects=rejects),
    )
    return {verdict.name for verdict in verdicts if not verdict.is_ok}


@pytest.mark.parametrize(
    ("good", "bad", "before", "is_refused"),
    [
        (800, 200, 0.0, False),  # exactly 20 points
        (790, 210, 0.0, True),
        (790, 210, 1.0, False),  # as bad as ever, nearly
        (790, 210, None, False),  # nothing is known of the run before
        (0, 1_000, 5.0, True),
        (0, 20, 0.0, False),  # typing errors
        (0, 21, 0.0, True),
        (1_000, 0, 50.0, False),  # it became better
    ],
)
def test_rejects_may_rise_by_twenty_points(
    good: int, bad: int, before: float | None, is_refused: bool
) -> None:
    refused = _with_phones(good=good, bad=bad, before=before, guard=Guard())
    assert refused == ({"max_rejects_rise_percent"} if is_refused else set())


def test_how_far_rejects_may_rise_is_the_audience_s_own_choice() -> None:
    lax = Guard(max_rejects_rise_percent=100)
    assert _with_phones(good=0, bad=1_000, before=0.0, guard=lax) == set()
    strict = Guard(max_rejects_rise_percent=1)
    assert _with_phones(good=970, bad=30, before=0.0, guard=strict) == {"max_rejects_rise_percent"}


@pytest.mark.parametrize(
    ("causes", "is_refused"),
    [
        ({"suppressed": 90}, False),
        ({"suppressed": 30, "left_segment": 60}, True),
        ({"suppressed": 89, "left_segment": 1}, False),
        ({"consent_withdrawn": 90}, True),
        ({"consent_withdrawn": 50, "left_segment": 40}, False),  # each is half at most
        ({"consent_withdrawn": 39, "held_out": 51}, True),
    ],
)
def test_who_is_on_a_list_never_counts_and_withdrawn_consent_for_itself(
    causes: dict[str, int], is_refused: bool
) -> None:
    removed = sum(causes.values())
    refused = refused_by(removes=removed, of=100, causes=causes)
    assert refused == ({"max_removed_percent"} if is_refused else set())


def test_people_on_a_list_do_not_count_as_missing() -> None:
    guard = Guard(min_profiles=10)
    assert not refused_by(removes=0, of=100, profiles=8, suppressed=2, guard=guard)
    assert refused_by(removes=0, of=100, profiles=8, suppressed=1, guard=guard)


@pytest.mark.parametrize(
    ("name", "told"), [("team a", "the list team a names"), ("3f", "the list suppress.0 names")]
)
def test_a_list_that_names_nobody_any_more_is_told_by_what_a_person_calls_it(
    name: str, told: str
) -> None:
    verdicts = judge(
        Guard(),
        counts=SegmentCounts(rows=10, profiles=10),
        summary=summary_of_nothing(),
        before=Before(snapshot_size=10, list_sizes={name: 7}),
        list_sizes={name: 0},
    )
    (refused,) = [verdict for verdict in verdicts if not verdict.is_ok]
    assert refused.name == "emptied_list"
    assert told in refused.message


def summary_of_nothing() -> PlanSummary:
    """A plan that has nothing to say."""
    return PlanSummary(
        kinds={},
        causes={},
        profiles_sent=0,
        profiles_new=0,
        profiles_refreshed=0,
        profiles_left=0,
        profiles_left_silently=0,
        echoed=0,
        session_kinds=(),
    )
