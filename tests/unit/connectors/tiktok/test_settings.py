from typing import Any

import pytest

from audsync.connectors.contract import Access
from audsync.connectors.tiktok.settings import settings
from audsync.errors import ConfigError


def access(**changes: object) -> Access:
    values: dict[str, Any] = {
        "account": "7000000000000000001",
        "credentials": {"access_token": "tok1"},
    }
    return Access(**{**values, **changes})


def test_defaults_are_tiktoks_own_address_and_the_current_version() -> None:
    mine = settings(access())
    assert mine.root == "https://business-api.tiktok.com/open_api/v1.3"
    assert mine.account == "7000000000000000001"


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_path_prefix_is_kept(slash: str) -> None:
    mine = settings(access(base_url=f"http://127.0.0.1:8080/tiktok{slash}", api_version="v1.4"))
    assert mine.root == "http://127.0.0.1:8080/tiktok/open_api/v1.4"


def test_what_was_configured_needlessly_is_taken_all_the_same() -> None:
    credentials = {"access_token": "tok1", "app_id": "77", "secret": "s3cret"}
    mine = settings(access(credentials=credentials, options={"upload": "streaming"}))
    assert mine.secrets == ("tok1", "s3cret")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"account": "my account"}, "account"),
        ({"account": ""}, "account"),
        ({"api_version": "1.3"}, "api_version"),
        ({"base_url": "business-api.tiktok.com"}, "base_url"),
        ({"base_url": "ftp://business-api.tiktok.com"}, "base_url"),
        ({"base_url": "https://user:pass@proxy.test"}, "base_url"),
        ({"base_url": "https://proxy.test/?key=1"}, "base_url"),
        ({"credentials": {}}, "access_token"),
        ({"credentials": {"access_token": " "}}, "access_token"),
        ({"credentials": {"access_token": "s3\ncret"}}, "access_token"),
        ({"credentials": {"access_token": "s3crét"}}, "access_token"),
        ({"credentials": {"access_token": "tok1", "secret": "s3\ncret"}}, "credential secret"),
        ({"credentials": {"access_token": "s3cret", "refresh": "s3cret"}}, "refresh"),
        ({"options": {"retention_days": 30}}, "retention_days"),
        ({"options": {"upload": "carrier pigeon"}}, "streaming or file"),
        ({"options": {"upload": True}}, "streaming or file"),
    ],
)
def test_what_cannot_be_right_is_named_and_no_secret_is(
    changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(ConfigError, match=named) as caught:
        settings(access(**changes))
    for secret in ("s3", "pass:", "key=1"):
        assert secret not in caught.value.message


def test_members_stream_unless_files_are_asked_for() -> None:
    assert not settings(access()).uploads_files
    assert settings(access(options={"upload": "file"})).uploads_files


def test_no_repr_holds_a_secret() -> None:
    given = access(credentials={"access_token": "s3cret", "secret": "s3cret"})
    assert "s3cret" not in repr(given)
    assert "s3cret" not in repr(settings(given))
