"""What a person configured for Snapchat, checked at the door. Pure.

A value that could not travel in a form or an address is refused here, so that no error of a
library below ever quotes it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from audsync.connectors.contract import Access
from audsync.connectors.snapchat.spec import BASE_URL, LIFETIME_DAYS, SPEC, TOKEN_URL
from audsync.errors import ConfigError

_CREDENTIALS = ("client_id", "client_secret", "refresh_token")
_OPTIONS = ("retention_days",)
_ADDRESS = re.compile(r"https?://[^/?#@\s]+(/[^?#\s]*)?")
_EXACT_ADDRESS = re.compile(r"https?://[^/?#@\s]+(/[^?#\s]*)?(\?[^#\s]*)?")
_ACCOUNT = re.compile(r"[0-9A-Za-z_-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One ad account, ready for use."""

    account: str
    root: str
    """Address with version, such as https://adsapi.snapchat.com/v1; no slash at the end."""
    token_url: str
    api_version: str
    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    retention_days: int


def settings(access: Access) -> Settings:
    """`access` as Snapchat needs it.

    Raises:
        ConfigError: something is missing, unknown or cannot be right; never quotes a secret.
    """
    _refuse_unknown("credentials", access.credentials, _CREDENTIALS)
    _refuse_unknown("options", access.options, _OPTIONS)
    if not _ACCOUNT.fullmatch(access.account):
        raise ConfigError(
            "A Snapchat account is the ad account's id, such as "
            "0b6f2f0e-5d1c-4a7e-9a55-2f6f8f0c1d11; Ads Manager shows it."
        )
    version = access.api_version or SPEC.api_version
    if not re.fullmatch(r"v[0-9]+", version):
        raise ConfigError(f"api_version of a Snapchat connection looks like {SPEC.api_version}.")
    secrets = {name: _secret(access, name) for name in _CREDENTIALS}
    return Settings(
        account=access.account,
        root=f"{_base_url(access)}/{version}",
        token_url=_token_url(access),
        api_version=version,
        retention_days=_retention_days(access),
        **secrets,
    )


def _refuse_unknown(where: str, given: Mapping[str, object], known: tuple[str, ...]) -> None:
    if unknown := sorted(set(given) - set(known)):
        names, right = ", ".join(unknown), ", ".join(known)
        raise ConfigError(f"A Snapchat connection has no {where} named {names}; it knows {right}.")


def _base_url(access: Access) -> str:
    base_url = access.base_url or BASE_URL
    if not _ADDRESS.fullmatch(base_url):
        raise ConfigError(
            "base_url must be an http or https address without user, query or fragment, "
            f"such as {BASE_URL}."
        )
    return base_url.rstrip("/")


def _token_url(access: Access) -> str:
    """The address for new tokens, used exactly as it stands."""
    token_url = access.token_url or TOKEN_URL
    if not _EXACT_ADDRESS.fullmatch(token_url):
        raise ConfigError(
            f"token_url must be an http or https address without user, such as {TOKEN_URL}."
        )
    return token_url


def _secret(access: Access, name: str) -> str:
    value = access.credentials.get(name, "").strip()
    if not value:
        raise ConfigError(f"A Snapchat connection needs the credential {name}.")
    if not re.fullmatch(r"[!-~]+", value):
        raise ConfigError(f"The credential {name} holds characters that no Snapchat {name} has.")
    return value


def _retention_days(access: Access) -> int:
    value = access.options.get("retention_days")
    if value is None:
        return LIFETIME_DAYS
    if type(value) is int and 1 <= value <= LIFETIME_DAYS:  # bool is an int too
        return value
    raise ConfigError(f"retention_days is a whole number from 1 to {LIFETIME_DAYS}.")
