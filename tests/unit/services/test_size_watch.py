from datetime import UTC, datetime

import pytest

from audsync.domain import RemoteAudience, RemoteId
from audsync.services.jobs.size_watch import Scene, basis_of, drift

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def told(lower: int | None, upper: int | None) -> RemoteAudience:
    return RemoteAudience(id=RemoteId("1"), name="a", size_lower=lower, size_upper=upper)


def scene(identifiers: int = 20_000, profiles: int | None = 10_000, floor: int = 0) -> Scene:
    return Scene(identifiers=identifiers, profiles=profiles, limit_percent=10, smallest_told=floor)


def percent(
    then: tuple[int, int], now: tuple[int | None, int | None], at: Scene | None = None
) -> int | None:
    """How far `now` is off, where `then` was told of 10,000 profiles."""
    basis = basis_of(told(*then), scene(), now=NOON)
    assert basis is not None
    found = drift(basis, told(*now), at or scene())
    return round(found.percent) if found else None


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ((6_000, 6_000), None),
        ((5_500, 5_500), None),
        ((6_600, 6_600), None),
        ((4_000, 4_000), -31),
        ((9_000, 9_000), 47),
        ((0, 6_000), None),
        ((0, 1_000), -82),
        ((0, None), None),
        ((4_000, None), None),
        ((9_000, None), 47),
        ((None, 3_000), -48),
    ],
)
def test_what_is_told_is_held_against_what_was(
    now: tuple[int | None, int | None], expected: int | None
) -> None:
    assert percent((6_000, 6_000), now) == expected


def test_an_audience_that_grows_is_expected_to_match_as_before() -> None:
    twice = scene(40_000, 20_000)
    assert percent((6_000, 6_000), (12_000, 12_000), twice) is None
    assert percent((6_000, 6_000), (6_000, 6_000), twice) == -49


def test_one_more_column_of_the_same_people_is_no_drift() -> None:
    more = scene(40_000, 10_000)
    assert percent((6_000, 6_000), (6_000, 6_000), more) is None
    assert percent((6_000, 6_000), (8_000, 8_000), more) is None


def test_bounds_that_touch_fit() -> None:
    assert percent((6_000, 7_000), (5_000, 6_000)) is None
    assert percent((6_000, 7_000), (3_000, 4_000)) == -31


def test_a_bound_is_no_basis() -> None:
    assert basis_of(told(None, 6_000), scene(), now=NOON) is None
    assert basis_of(told(0, None), scene(), now=NOON) is None
    assert basis_of(told(1_000, 1_000), scene(floor=1_000), now=NOON) is None


def test_the_smallest_size_that_is_told_stands_for_smaller_ones() -> None:
    assert percent((6_000, 6_000), (1_000, 1_000), scene(2_000, 1_000, floor=1_000)) is None
    assert percent((6_000, 6_000), (1_000, 1_000), scene(floor=1_000)) == -82
