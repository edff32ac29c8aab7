import json

import pytest

from audsync.connectors.meta import usage
from audsync.connectors.replies import Reply


def reply(**headers: object) -> Reply:
    texts = {
        name.replace("_", "-"): value if isinstance(value, str) else json.dumps(value)
        for name, value in headers.items()
    }
    return Reply(status=200, headers=texts, body=b"{}")


def business(**numbers: object) -> Reply:
    return reply(x_business_use_case_usage={"9": [{"type": "other"}, numbers]})


@pytest.mark.parametrize(
    ("percent", "rest_s"), [(0, 0), (74, 0), (75, 2), (84.9, 2), (85, 20), (95, 600), (100, 600)]
)
@pytest.mark.parametrize("name", ["call_count", "total_cputime", "total_time"])
def test_the_highest_percentage_decides(name: str, percent: float, rest_s: float) -> None:
    assert usage.rest_s(business(**{name: percent})) == rest_s
    assert usage.rest_s(reply(x_app_usage={name: percent})) == rest_s


def test_the_accounts_own_share_counts_too() -> None:
    assert usage.rest_s(reply(x_ad_account_usage={"acc_id_util_pct": 86.5})) == 20


def test_minutes_and_seconds_until_access_is_regained() -> None:
    assert usage.regain_s(business(estimated_time_to_regain_access=7)) == 420
    full = {"acc_id_util_pct": 100, "reset_time_duration": 90}
    assert usage.regain_s(reply(x_ad_account_usage=full)) == 90
    assert usage.regain_s(reply(x_ad_account_usage={**full, "acc_id_util_pct": 50})) == 0


@pytest.mark.parametrize(
    "value",
    ["", "x", "[]", "{", {"9": None}, {"9": [1]}, {"9": [{"call_count": "99"}]}, [[]]],
)
def test_headers_that_make_no_sense_ask_for_nothing(value: object) -> None:
    headers = ("x_business_use_case_usage", "x_app_usage", "x_ad_account_usage")
    assert usage.rest_s(reply(**dict.fromkeys(headers, value))) == 0


def test_an_absurd_wait_ends_after_a_day() -> None:
    assert usage.regain_s(business(estimated_time_to_regain_access=10**9)) == 86_400
