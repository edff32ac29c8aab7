from typing import Any

import pytest

from audsync.connectors.contract import Replacing
from audsync.connectors.google import spec
from audsync.connectors.google.settings import settings
from audsync.domain import STATEMENTS, Kind
from audsync.errors import ConfigError
from tests.unit.connectors.google.accounts import APP, SECRETS, access


def test_what_is_given_is_taken_and_the_rest_has_defaults() -> None:
    mine = settings(access())
    assert mine.account == "1234567890"
    assert mine.login_account is None
    assert mine.root == "https://datamanager.googleapis.com/v1"
    assert mine.token_url == "https://oauth2.googleapis.com/token"
    assert mine.list_kind == "contact"
    assert mine.membership_days == 540
    assert mine.consent == {
        "adUserData": "CONSENT_GRANTED",
        "adPersonalization": "CONSENT_DENIED",
    }


def test_a_path_before_the_address_is_kept_and_the_address_of_tokens_is_used_to_the_letter() -> (
    None
):
    mine = settings(
        access(base_url="http://proxy.test/google/", token_url="http://proxy.test/token/")
    )
    assert mine.root == "http://proxy.test/google/v1"
    assert mine.token_url == "http://proxy.test/token/"


def test_a_mobile_list_knows_its_app() -> None:
    mine = settings(access(options={"list_kind": "mobile", **APP, "login_account": "98-76"}))
    assert (mine.app_id, mine.key_space) == ("com.example.shop", "ANDROID")
    assert mine.login_account == "9876"


@pytest.mark.parametrize(
    "missing",
    [
        {"consent": None},
        {"consent": {}},
        {"consent": {"ad_user_data": "granted"}},
        {"consent": {"ad_user_data": "granted", "ad_personalization": "GRANTED"}},
        {"consent": "granted"},
    ],
)
def test_nobody_decides_on_consent_but_a_person(missing: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="only a person knows"):
        settings(access(options=missing))


@pytest.mark.parametrize("value", [None, False, "true", 1])
def test_nobody_accepts_the_terms_but_a_person(value: object) -> None:
    with pytest.raises(ConfigError, match="a person's decision"):
        settings(access(options={"terms_accepted": value}))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"account": "act_1"}, "account"),
        ({"account": "../evil"}, "account"),
        ({"options": {"login_account": "boss"}}, "login_account"),
        ({"options": {"list_kind": "pair"}}, "list_kind"),
        ({"options": {"list_kind": "mobile"}}, "app_id"),
        ({"options": {"list_kind": "mobile", "app_id": "1", "key_space": "symbian"}}, "key_space"),
        ({"options": {"membership_days": 541}}, "membership_days"),
        ({"options": {"membership_days": 0}}, "membership_days"),
        ({"options": {"membership_days": True}}, "membership_days"),
        ({"options": {"colour": "red"}}, "colour"),
        ({"api_version": "v1.1"}, "api_version"),
        ({"base_url": "ftp://x"}, "base_url"),
        ({"base_url": "https://u:p@x"}, "base_url"),
        ({"token_url": "https://me@x/token"}, "token_url"),
        ({"credentials": {}}, "service_account"),
        ({"credentials": {"client_id": "a", "client_secret": "b"}}, "refresh_token"),
        ({"credentials": {**SECRETS, "api_key": "x"}}, "api_key"),
        ({"credentials": {**SECRETS, "service_account": "{}"}}, "not both"),
        ({"credentials": {**SECRETS, "refresh_token": "1//re\nfresh"}}, "characters"),
    ],
)
def test_what_cannot_be_right_is_named_and_no_secret_is(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        settings(access(**changes))
    assert not any(secret in str(caught.value) for secret in (*SECRETS.values(), "1//re"))


def test_no_secret_is_shown() -> None:
    shown = repr(settings(access()))
    assert "s3cret" not in shown
    assert "refresh" not in shown.replace("refresh_token", "")
    key = settings(access(credentials={"service_account": '{"private_key": "pem"}'}))
    assert "pem" not in repr(key)


@pytest.mark.parametrize(
    ("options", "accepts"),
    [
        ({}, (Kind.EMAIL, Kind.PHONE)),
        ({"list_kind": "contact"}, (Kind.EMAIL, Kind.PHONE)),
        ({"list_kind": "mobile"}, (Kind.MOBILE_ID,)),
        ({"list_kind": "user_id"}, (Kind.EXTERNAL_ID,)),
    ],
)
def test_a_list_takes_what_its_kind_says(
    options: dict[str, object], accepts: tuple[Kind, ...]
) -> None:
    told = spec.spec(options)
    assert told.accepts == (*accepts, *STATEMENTS)
    assert told.replaces_by is Replacing.SWEEP
    assert told.settles_within_s == 86_400
