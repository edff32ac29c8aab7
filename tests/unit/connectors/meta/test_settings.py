from typing import Any

import pytest

from audsync.connectors.contract import Access
from audsync.connectors.meta.settings import settings
from audsync.errors import ConfigError


def access(**changes: object) -> Access:
    values: dict[str, Any] = {"account": "act_9001", "credentials": {"access_token": "EAA1"}}
    return Access(**{**values, **changes})


@pytest.mark.parametrize("account", ["act_9001", "9001"])
def test_an_account_with_and_without_its_prefix_is_the_same(account: str) -> None:
    assert settings(access(account=account)).account == "9001"


def test_defaults_are_metas_own_address_and_the_current_version() -> None:
    assert settings(access()).root == "https://graph.facebook.com/v26.0"


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_path_prefix_is_kept(slash: str) -> None:
    mine = settings(access(base_url=f"http://127.0.0.1:8080/meta{slash}", api_version="v25.0"))
    assert mine.root == "http://127.0.0.1:8080/meta/v25.0"


def test_the_proof_is_what_meta_computes() -> None:
    credentials = {"access_token": "demo-access-token", "app_secret": "demo-app-secret"}
    mine = settings(access(credentials=credentials))
    expected = "aed6826bfacdf6c46c9b96c4dc4634d148ee2c2fd274a9976d9ef754c800814d"
    assert mine.proof_of("demo-access-token") == expected
    assert settings(access()).proof_of("demo-access-token") is None


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"account": "my account"}, "account"),
        ({"account": "act_"}, "account"),
        ({"api_version": "26"}, "api_version"),
        ({"base_url": "graph.facebook.com"}, "base_url"),
        ({"base_url": "ftp://graph.facebook.com"}, "base_url"),
        ({"base_url": "https://user:pass@proxy.test"}, "base_url"),
        ({"base_url": "https://proxy.test/?key=1"}, "base_url"),
        ({"credentials": {}}, "access_token"),
        ({"credentials": {"access_token": " "}}, "access_token"),
        ({"credentials": {"access_token": "s3\ncret"}}, "access_token"),
        ({"credentials": {"access_token": "s3crét"}}, "access_token"),
        ({"credentials": {"access_token": "s3cret", "api_key": "s3cret"}}, "api_key"),
        ({"options": {"retention": 30}}, "retention"),
        ({"options": {"retention_days": 0}}, "retention_days"),
        ({"options": {"retention_days": 181}}, "retention_days"),
        ({"options": {"retention_days": True}}, "retention_days"),
        ({"options": {"retention_days": "30"}}, "retention_days"),
        ({"options": {"customer_file_source": "MINE"}}, "customer_file_source"),
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
    given = access(credentials={"access_token": "s3cret", "app_secret": "s3cret"})
    assert "s3cret" not in repr(given)
    assert "s3cret" not in repr(settings(given))
