import orjson

from tests.sandbox.client import Meta, error_of


def test_every_answer_about_an_account_tells_the_usage(either: Meta) -> None:
    answer = either.call("GET", "act_1001")
    assert orjson.loads(answer.headers["X-Business-Use-Case-Usage"]) == {
        "1001": [
            {
                "type": "custom_audience",
                "call_count": 0,
                "total_cputime": 0,
                "total_time": 0,
                "estimated_time_to_regain_access": 0,
                "ads_api_access_tier": "standard_access",
            }
        ]
    }
    refused = either.call("POST", "act_1001/customaudiences")
    assert "X-Business-Use-Case-Usage" in refused.headers


def test_calls_past_the_hours_budget_are_refused_until_it_frees(meta: Meta) -> None:
    meta.configure(budget_calls=4, tier="development_access")
    for _ in range(4):
        assert meta.call("GET", "act_1001").status_code == 200
    answer = meta.call("GET", "act_1001")
    assert answer.status_code == 400
    assert error_of(answer) == {
        "message": "(#80003) There have been too many calls to this ad-account.",
        "type": "OAuthException",
        "code": 80003,
        "error_subcode": 2446079,
        "is_transient": True,
    }
    usage = orjson.loads(answer.headers["X-Business-Use-Case-Usage"])["1001"][0]
    assert usage["call_count"] == 100
    assert usage["ads_api_access_tier"] == "development_access"
    assert 60 <= usage["estimated_time_to_regain_access"] <= 61
    meta.world.advance(usage["estimated_time_to_regain_access"] * 60)
    assert meta.call("GET", "act_1001").status_code == 200
