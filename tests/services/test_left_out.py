"""A platform that refuses a value with all that stands beside it: the others land, it is known."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from audsync.sandbox.faults import FaultKind, Rule
from audsync.services import audiences
from audsync.services.jobs import retrying
from audsync.services.jobs.planning import plan
from audsync.store import ledger
from audsync.sync.delivery import request_size
from tests.services.conftest import closes
from tests.services.test_platforms import CASES, Shop, crowd, written

REFUSALS: dict[str, dict[str, Any]] = {
    "meta": {"kind": FaultKind.ERROR, "code": 100},
    "google": {"kind": FaultKind.ERROR, "code": 11},
    "tiktok": {"kind": FaultKind.ERROR_IN_200, "code": 40062},
    "snapchat": {"kind": FaultKind.ERROR, "code": 1165},
}
"""How each says that a request is invalid, without a word on what in it is."""
UPLOADS = {
    "meta": "/users",
    "google": "audienceMembers:ingest",
    "tiktok": "/segment/mapping",
    "snapchat": "/users",
}
WAYS = [name for name in CASES if name != "tiktok files"]
"""An audience of files is replaced as a whole, so no request of it can be divided."""
PEOPLE = crowd(1, 41)
BAD = "p7@example.com"


@pytest.fixture(params=WAYS)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    shop = Shop(CASES[request.param], tmp_path)
    written(shop, PEOPLE)
    return shop


def refuse(shop: Shop, holds: str, **how: Any) -> None:  # noqa: ANN401 - fields of a rule
    platform = shop.case.platform
    shape = {**REFUSALS[platform], "path": UPLOADS[platform], "times": 0, **how}
    shop.world.faults.arm([Rule(platform=platform, holds=holds, **shape)])


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def held(shop: Shop) -> set[tuple[str, str]]:
    shop.until_done(shop.sync)
    (remote,) = shop.remotes()
    return set(remote.identifiers)


def uploads(shop: Shop) -> int:
    path = UPLOADS[shop.case.platform]
    return sum(path in call["path"] for call in shop.world.journal.requests(with_bodies=False))


def test_the_others_land_and_the_one_is_named_by_its_profile(shop: Shop) -> None:
    refuse(shop, sha(BAD))
    job = shop.create().job
    assert (job["status"], job["error"]) == ("completed", None)
    assert closes(job)
    assert (job["profiles_failed"], job["profiles_added"]) == (1, len(PEOPLE) - 1)
    assert [one["code"] for one in job["warnings"]].count("PLATFORM_REJECTED_ENTRIES") == 1
    assert held(shop) == shop.case.wire(PEOPLE) - {(shop.case.email_key, sha(BAD))}
    told = audiences.job_in_depth(shop.runtime, job["job_id"])
    (left_out,) = told["left_out"]
    assert left_out["kinds"] == ["email"]
    assert len(left_out["profile"]) == 16
    assert left_out["platform_code"]
    assert left_out["reason"]
    assert "details." not in left_out["reason"], "they are not shown here"
    assert sha(BAD) not in str(told)
    assert [one["state"] for one in told["batches"]].count("left_out") == 1


def test_few_requests_find_it(shop: Shop) -> None:
    refuse(shop, sha(BAD))
    shop.create()
    # Forty people, or eighty values in two requests: each halving asks twice at most.
    assert uploads(shop) <= 2 + 2 * 8


def test_it_is_not_sent_again_until_it_changes(shop: Shop) -> None:
    refuse(shop, sha(BAD))
    shop.create()
    held(shop)
    shop.world.faults.disarm()
    before = uploads(shop)
    job = shop.sync().job
    assert (job["total_batches"], uploads(shop)) == (0, before)
    assert "PLATFORM_REJECTED_ENTRIES" in [one["code"] for one in job["warnings"]]
    planned = plan(shop.runtime, "a")
    assert (planned["identifiers_left_out"], planned["profiles_left_out"]) == (1, 1)
    assert not planned["has_changes"]
    changed = [("7", "seven@example.com", p) if i == "7" else (i, e, p) for i, e, p in PEOPLE]
    written(shop, changed)
    assert held(shop) == shop.case.wire(changed)
    assert plan(shop.runtime, "a")["identifiers_left_out"] == 0


def test_who_leaves_is_gone_without_a_word_of_what_was_refused(shop: Shop) -> None:
    refuse(shop, sha(BAD))
    shop.create()
    held(shop)
    rest = [person for person in PEOPLE if person[0] != "7"]
    written(shop, rest)
    assert held(shop) == shop.case.wire(rest)


def test_retry_sends_it_once_more(shop: Shop) -> None:
    refuse(shop, sha(BAD))
    job = shop.create().job
    held(shop)
    shop.world.faults.disarm()
    retried = retrying.retry(shop.runtime, job["job_id"]).job
    assert (retried["status"], retried["profiles_added"]) == ("completed", 1)
    assert held(shop) == shop.case.wire(PEOPLE)


def test_where_all_is_refused_nobody_is_left_out(shop: Shop) -> None:
    refuse(shop, "")
    report = shop.create()
    assert (report.job["status"], report.exit_code) == ("failed", 1)
    assert report.job["error"]["code"] == "VALIDATION_ERROR"
    assert audiences.job_in_depth(shop.runtime, report.job["job_id"])["left_out"] == []
    assert uploads(shop) <= 40
    shop.world.faults.disarm()
    assert held(shop) == shop.case.wire(PEOPLE)


def test_where_many_are_refused_all_others_land(shop: Shop) -> None:
    bad = {str(n) for n in (1, 2, 3, 4, 5, 6, 7, 21, 22, 23, 39, 40)}
    for number in bad:
        refuse(shop, sha(f"p{number}@example.com"))
    job = shop.create().job
    assert (job["status"], job["error"]) == ("completed", None)
    assert closes(job)
    assert job["profiles_failed"] == len(bad)
    refused = {(shop.case.email_key, sha(f"p{number}@example.com")) for number in bad}
    assert held(shop) == shop.case.wire(PEOPLE) - refused


def test_a_replace_takes_along_what_was_refused_and_what_is_now(shop: Shop) -> None:
    refuse(shop, sha(BAD))
    shop.create()
    held(shop)
    shop.world.faults.disarm()
    refuse(shop, sha("p9@example.com"))
    shop.until_done(lambda: audiences.replace(shop.runtime, "a"))
    now_refused = {(shop.case.email_key, sha("p9@example.com"))}
    assert held(shop) == shop.case.wire(PEOPLE) - now_refused
    (shown,) = audiences.status(shop.runtime)
    assert shown["identifiers_accepted"] == len(shop.case.wire(PEOPLE)) - 1
    assert plan(shop.runtime, "a")["identifiers_left_out"] == 1


def test_one_refused_on_its_own_is_left_out_at_the_third_time(shop: Shop) -> None:
    written(shop, PEOPLE[:-1])
    shop.create()
    held(shop)
    _, email, phone = PEOPLE[-1]
    refuse(shop, sha(email))
    refuse(shop, sha(phone))
    refuse(shop, sha(f"+{phone}"))
    written(shop, PEOPLE)
    assert [shop.sync().exit_code for _ in range(2)] == [1, 1]
    last = shop.sync()
    assert (last.exit_code, last.job["profiles_failed"]) == (0, 1)
    before = uploads(shop)
    assert shop.sync().exit_code == 0
    assert uploads(shop) == before
    assert held(shop) == shop.case.wire(PEOPLE[:-1])


def test_a_refusal_without_any_reason_leaves_nobody_out(shop: Shop) -> None:
    written(shop, PEOPLE[:-1])
    shop.create()
    held(shop)
    written(shop, [*PEOPLE, ("77", "p77@example.com", "12025557777")])
    refuse(shop, "", times=2)
    shop.sync()
    shop.world.faults.disarm()
    shop.until_done(shop.sync)
    assert held(shop) == shop.case.wire(shop.people)


def test_a_request_that_is_too_large_is_divided_and_the_size_remembered(shop: Shop) -> None:
    refuse(shop, "", kind=FaultKind.STATUS, status=413, code=None, times=1)
    job = shop.create().job
    assert job["status"] == "completed"
    assert held(shop) == shop.case.wire(PEOPLE)
    assert 1 < remembered(shop) <= len(PEOPLE)
    written(shop, crowd(2, 44))
    shop.until_done(lambda: shop.sync(allow_shrink=True))
    assert remembered(shop) > len(PEOPLE) // 2


def remembered(shop: Shop) -> int:
    with shop.runtime.database.reading() as session:
        (audience,) = audiences.status(shop.runtime)
        head = ledger.head(session, audiences.find(shop.runtime, audience["audience"]).id)
    return int(head.facts[request_size.FACT])
