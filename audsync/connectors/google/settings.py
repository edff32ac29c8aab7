"""What a connection to Google is made of, checked before the first call."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from audsync.connectors.contract import Access
from audsync.connectors.entered import Entered
from audsync.connectors.google.spec import (
    BASE_URL,
    CONTACT,
    DEFAULT_LIST_KIND,
    MAX_MEMBERSHIP_DAYS,
    MOBILE,
    SPECS,
    TOKEN_URL,
)
from audsync.errors import ConfigError

_USER = ("client_id", "client_secret", "refresh_token")
_CREDENTIALS = {*_USER, "service_account"}
_OPTIONS = {
    "login_account",
    "list_kind",
    "app_id",
    "key_space",
    "consent",
    "terms_accepted",
    "membership_days",
}
_KEY_SPACES = {"ios": "IOS", "android": "ANDROID"}
_CONSENTS = {"granted": "CONSENT_GRANTED", "denied": "CONSENT_DENIED"}
_CONSENT_FIELDS = {"ad_user_data": "adUserData", "ad_personalization": "adPersonalization"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A user who let an OAuth client in, for as long as the refresh token lives."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One Google Ads account and one kind of lists in it, ready for use."""

    account: str
    """Digits."""
    login_account: str | None
    """Digits of the manager account that access comes from."""
    root: str
    """Address with version, such as https://datamanager.googleapis.com/v1; no slash at the end."""
    token_url: str
    api_version: str
    grant: Grant | None
    service_account: str | None = field(repr=False)
    """A path, or the JSON itself; exactly one of this and `grant` is there."""
    list_kind: str
    app_id: str | None
    key_space: str | None
    """Google's word: IOS or ANDROID."""
    consent: Mapping[str, str]
    """Google's `Consent`."""
    membership_days: int


def settings(access: Access) -> Settings:
    """`access` as Google needs it.

    Raises:
        ConfigError: something is missing, unknown or cannot be right; never quotes a secret.
    """
    entered = Entered(platform="Google", access=access)
    entered.refuse_unknown(_CREDENTIALS, _OPTIONS)
    options = access.options
    version = entered.version(SPECS[CONTACT].api_version, r"v[0-9]+")
    list_kind = _choice(options, "list_kind", {kind: kind for kind in SPECS}) or DEFAULT_LIST_KIND
    app_id, key_space = _app(options, list_kind)
    _require_terms(options)
    login_account = options.get("login_account")
    return Settings(
        account=_digits(access.account, "account"),
        login_account=None if login_account is None else _digits(login_account, "login_account"),
        root=f"{entered.base_url(BASE_URL)}/{version}",
        token_url=entered.token_url(TOKEN_URL),
        api_version=version,
        grant=_grant(entered),
        service_account=access.credentials.get("service_account"),
        list_kind=list_kind,
        app_id=app_id,
        key_space=key_space,
        consent=_consent(options),
        membership_days=entered.days("membership_days", MAX_MEMBERSHIP_DAYS) or MAX_MEMBERSHIP_DAYS,
    )


def _digits(value: object, name: str) -> str:
    """A customer id, with or without the hyphens that Google Ads shows."""
    digits = str(value).replace("-", "")
    if not re.fullmatch(r"[0-9]{1,20}", digits):
        raise ConfigError(f"The {name} of a Google connection is a customer id such as 1234567890.")
    return digits


def _grant(entered: Entered) -> Grant | None:
    """The user's three secrets; None where a service account signs in."""
    given = {name: entered.secret(name) or "" for name in _USER}
    if entered.access.credentials.get("service_account", "").strip():
        if any(given.values()):
            raise ConfigError("A Google connection has a service_account or a user, not both.")
        return None
    if missing := [name for name, value in given.items() if not value]:
        raise ConfigError(
            f"A Google connection needs the credentials {', '.join(missing)}, or service_account."
        )
    return Grant(**given)


def _choice(options: Mapping[str, object], name: str, words: Mapping[str, str]) -> str | None:
    """Google's word for what was chosen; None where nothing was."""
    value = options.get(name)
    if value is None:
        return None
    if value not in words:
        raise ConfigError(f"{name} of a Google connection is one of {', '.join(sorted(words))}.")
    return words[str(value)]


def _app(options: Mapping[str, object], list_kind: str) -> tuple[str | None, str | None]:
    """The app and the system that mobile ids come from."""
    app_id, key_space = options.get("app_id"), _choice(options, "key_space", _KEY_SPACES)
    if list_kind == MOBILE and not (app_id and key_space):
        raise ConfigError("A Google connection of list_kind mobile needs app_id and key_space.")
    return (None if app_id is None else str(app_id)), key_space


def _require_terms(options: Mapping[str, object]) -> None:
    if options.get("terms_accepted") is not True:
        raise ConfigError(
            "Google takes members only from those who accept its Customer Match terms, and every "
            "upload says so in your name. Read them in Google Ads, then set "
            "options.terms_accepted of this connection to true: that is a person's decision."
        )


def _consent(options: Mapping[str, object]) -> dict[str, str]:
    """Google's `Consent`: what the people in the segments allowed."""
    value = options.get("consent")
    told = value if isinstance(value, Mapping) else {}
    if set(told) != set(_CONSENT_FIELDS) or not set(told.values()) <= set(_CONSENTS):
        raise ConfigError(
            "Every upload tells Google what its people agreed to, and only a person knows that. "
            "Set options.consent of this connection to {ad_user_data: granted, "
            "ad_personalization: granted}, or denied where they did not agree: there is no default."
        )
    return {theirs: _CONSENTS[told[ours]] for ours, theirs in _CONSENT_FIELDS.items()}
