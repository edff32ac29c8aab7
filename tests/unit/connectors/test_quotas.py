"""What a connection's calls are counted by, and that no name of it tells a secret."""

import pytest

from audsync.connectors.contract import Access
from audsync.connectors.quotas import quota_of
from audsync.connectors.registry import spec_of
from audsync.domain import CallQuota, Platform

TOKEN, APP = "EAAB-secret-token", "123456"
SANDBOX = "http://127.0.0.1:8787/meta"


def quota(platform: Platform, account: str = "1", address: str = "", **secrets: str) -> CallQuota:
    access = Access(account=account, base_url=address or None, credentials=secrets)
    return quota_of(spec_of(platform, {}), access)


def test_meta_counts_by_ad_account_however_it_is_written() -> None:
    mine = quota(Platform.META, "act_1001", access_token=TOKEN)
    assert mine.key == "meta:account:1001"
    assert [(rate.name, rate.calls, rate.window_s) for rate in mine.rates] == [
        ("3600s", 5_000, 3_600)
    ]
    assert quota(Platform.META, "1001", access_token="another") == mine
    assert quota(Platform.META, "1002", access_token=TOKEN) != mine


def test_tiktok_counts_by_app_and_by_its_token_where_no_app_is_named() -> None:
    named = quota(Platform.TIKTOK, "7", access_token=TOKEN, app_id=APP)
    assert quota(Platform.TIKTOK, "8", access_token="another", app_id=APP) == named
    unnamed = quota(Platform.TIKTOK, "7", access_token=TOKEN)
    assert unnamed.key.startswith("tiktok:app:")
    assert unnamed.key != named.key
    assert quota(Platform.TIKTOK, "8", access_token=TOKEN) == unnamed


def test_google_counts_by_project() -> None:
    mine = quota(Platform.GOOGLE, "1", client_id="42-x", refresh_token=TOKEN)
    assert quota(Platform.GOOGLE, "2", client_id="42-x", refresh_token="another") == mine
    assert mine.key.startswith("google:app:")


def test_snapchat_counts_by_app_and_within_it_by_token() -> None:
    one = quota(Platform.SNAPCHAT, client_id=APP, refresh_token="a")
    two = quota(Platform.SNAPCHAT, client_id=APP, refresh_token="b")
    assert one.key == two.key
    names = [{rate.name for rate in each.rates} for each in (one, two)]
    assert names[0] & names[1] == {"1s"}
    assert all(name.startswith("token:") for name in names[0] ^ names[1])


def test_another_address_is_another_platform() -> None:
    own = "https://graph.facebook.com/"
    assert quota(Platform.META, "1", own).key == "meta:account:1"
    assert quota(Platform.META, "1", SANDBOX).key == "meta:account:1@127.0.0.1:8787"


@pytest.mark.parametrize("platform", list(Platform))
def test_no_name_holds_a_secret(platform: Platform) -> None:
    names = ("access_token", "app_id", "client_id", "refresh_token", "service_account")
    made = quota(platform, **{name: f"{name}-{TOKEN}" for name in names})
    assert TOKEN not in repr(made)
