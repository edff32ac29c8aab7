"""A size that a platform found too large is remembered, and tried again by and by."""

from typing import Any, cast

import pytest

from audsync.domain import SyncStatus
from audsync.sync.delivery import request_size
from audsync.sync.ports import Desk


class _Usual:
    max_rows = 1_000


USUAL = cast("Desk", _Usual())


@pytest.mark.parametrize(
    ("known", "learned", "status", "next_"),
    [
        (None, None, SyncStatus.COMPLETED, None),
        (None, 500, SyncStatus.COMPLETED, 500),
        (500, 125, SyncStatus.PARTIAL, 125),
        (125, None, SyncStatus.COMPLETED, 250),
        (125, None, SyncStatus.FAILED, 125),
        (500, None, SyncStatus.COMPLETED, None),
    ],
)
def test_the_size_after_a_run(
    known: int | None, learned: int | None, status: SyncStatus, next_: int | None
) -> None:
    facts: dict[str, Any] = {"rules": "r", **({request_size.FACT: known} if known else {})}
    after = request_size.after(USUAL, facts, learned, status)
    assert after.get(request_size.FACT) == next_
    assert after["rules"] == "r"
    assert request_size.now(USUAL, after) == (next_ or 1_000)


def test_a_person_may_ask_for_less() -> None:
    assert request_size.now(USUAL, {request_size.FACT: 5_000}) == 1_000
