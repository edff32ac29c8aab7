from typing import Any

import pytest

from audsync.connectors.contract import Access
from audsync.connectors.snapchat.settings import settings
from audsync.errors import ConfigError

ACCOUNT = "0b6f2f0e-5d1c-4a7e-9a55-2f6f8f0c1d11"
CREDENTIALS = {"client_id": "c-1", "client_secret": "s3cret", "refresh_token": "r-1"}


def access(**changes: object) -> Access:
    values: dict[str, Any] = {"account": ACCOUNT, "credentials": CREDENTIALS}
    return Access(**{**values, **changes})


def test_defaults_are_snapchats_own_addresses_and_members_for_life() -> None:
    mine = settings(access())
    assert mine.root == "https://adsapi.snapchat.com/v1"
    assert mine.token_url == "https://accounts.snapchat.com/login/oauth2/access_token"
    assert mine.retention_days == 9999


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_path_prefix_is_kept(slash: str) -> None:
    mine = settings(access(base_url=f"http://127.0.0.1:8080/snapchat{slash}", api_version="v2"))
    assert mine.root == "http://127.0.0.1:8080/snapchat/v2"


@pytest.mark.parametrize("token_url", ["http://proxy.test/a/token/", "https://proxy.test/t?via=1"])
def test_the_address_for_tokens_is_used_exactly(token_url: str) -> None:
    assert settings(access(token_url=token_url)).token_url == token_url


def test_members_are_forgotten_after_the_days_configured() -> None:
    assert settings(access(options={"retention_days": 365})).retention_days == 365


@pytest.mark.parametrize("missing", sorted(CREDENTIALS))
def test_every_credential_is_needed(missing: str) -> None:
    for blank in ({}, {missing: " "}):
        rest = {name: value for name, value in CREDENTIALS.items() if name != missing}
        with pytest.raises(ConfigError, match=missing):
            settings(access(credentials={**rest, **blank}))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"account": ""}, "account"),
        ({"account": "my account"}, "account"),
        ({"account": "../me"}, "account"),
        ({"api_version": "1"}, "api_version"),
        ({"base_url": "adsapi.snapchat.com"}, "base_url"),
        ({"base_url": "https://user:pass@proxy.test"}, "base_url"),
        ({"base_url": "https://proxy.test/?key=1"}, "base_url"),
        ({"token_url": "accounts.snapchat.com"}, "token_url"),
        ({"token_url": "https://user:pass@proxy.test/t"}, "token_url"),
        ({"token_url": "https://proxy.test/t#x"}, "token_url"),
        ({"credentials": {**CREDENTIALS, "client_secret": "s3\ncret"}}, "client_secret"),
        ({"credentials": {**CREDENTIALS, "client_secret": "s3crét"}}, "client_secret"),
        ({"credentials": {**CREDENTIALS, "api_key": "s3cret"}}, "api_key"),
        ({"options": {"retention": 30}}, "retention"),
        ({"options": {"retention_days": 0}}, "retention_days"),
        ({"options": {"retention_days": 10_000}}, "retention_days"),
        ({"options": {"retention_days": True}}, "retention_days"),
        ({"options": {"retention_days": "30"}}, "retention_days"),
    ],
)
def test_what_cannot_be_right_is_named_and_no_secret_is(
    changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(ConfigError, match=named) as caught:
        settings(access(**changes))
    for secret in ("s3", "pass", "key=1"):
        assert secret not in caught.value.message


def test_no_repr_holds_a_secret() -> None:
    for secret in CREDENTIALS.values():
        assert secret not in repr(access())
        assert secret not in repr(settings(access()))
