from tests.sandbox.tiktok.client import ADVERTISER, TikTok, refused

LIST = "dmp/custom_audience/list/"
TOO_MANY = (40100, "Too many requests. Please retry in some time.")
RESTRICTED = (
    40100,
    "Due to too many requests, requests from App are temporarily restricted.",
)
FREE = {"calls_per_s": None, "calls_per_min": None, "calls_per_day": None}


def let_in(tiktok: TikTok, calls: int) -> int:
    """How many of so many calls are let in."""
    return sum(tiktok.get(LIST).json()["code"] == 0 for _ in range(calls))


def test_ten_calls_a_second(tiktok: TikTok) -> None:
    tiktok.configure(**FREE)
    assert let_in(tiktok, 12) == 10
    assert refused(tiktok.get(LIST)) == TOO_MANY
    tiktok.world.advance(1)
    assert let_in(tiktok, 12) == 10


def test_a_higher_level_lets_in_more(tiktok: TikTok) -> None:
    tiktok.configure(**FREE, level="ultimate")
    assert let_in(tiktok, 60) == 50


def test_an_app_over_its_minute_is_shut_out_for_five(tiktok: TikTok) -> None:
    tiktok.configure(calls_per_min=3)
    assert let_in(tiktok, 3) == 3
    assert refused(tiktok.get(LIST)) == RESTRICTED
    tiktok.world.advance(299)
    assert refused(tiktok.get(LIST)) == RESTRICTED
    tiktok.world.advance(1)
    assert let_in(tiktok, 1) == 1


def test_a_day_ends_at_midnight(tiktok: TikTok) -> None:
    tiktok.configure(calls_per_day=2)
    assert let_in(tiktok, 3) == 2
    tiktok.world.advance(13 * 3600)
    assert refused(tiktok.get(LIST)) == TOO_MANY
    tiktok.world.advance(45 * 60)
    assert let_in(tiktok, 1) == 1


def test_an_advertiser_may_have_a_limit_of_its_own(tiktok: TikTok) -> None:
    other = "7000000000000000002"
    tiktok.configure(advertiser_calls_per_s=1, advertisers=[{}, {"id": other}])
    assert let_in(tiktok, 1) == 1
    over = (40133, "Too many requests for this advertiser. Please retry later.")
    assert refused(tiktok.get(LIST)) == over
    assert tiktok.get(LIST, advertiser_id=other).json()["code"] == 0
    assert refused(tiktok.map([], advertiser_ids=[ADVERTISER, other])) == over
    tiktok.world.advance(1)
    assert let_in(tiktok, 1) == 1


def test_calls_without_a_good_token_do_not_count(tiktok: TikTok) -> None:
    tiktok.configure(calls_per_s=1)
    for _ in range(3):
        answer = tiktok.call("GET", "user/info/", headers={"Access-Token": "no"})
        assert refused(answer)[0] == 40105
    assert let_in(tiktok, 2) == 1
