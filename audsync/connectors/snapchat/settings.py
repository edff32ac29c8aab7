"""What a person configured for Snapchat, checked at the door. Pure."""

import re
from dataclasses import dataclass, field

from audsync.connectors.contract import Access
from audsync.connectors.entered import Entered
from audsync.connectors.snapchat.spec import BASE_URL, LIFETIME_DAYS, SPEC, TOKEN_URL
from audsync.errors import ConfigError

_CREDENTIALS = ("client_id", "client_secret", "refresh_token")
_OPTIONS = ("retention_days",)
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
    entered = Entered(platform="Snapchat", access=access)
    entered.refuse_unknown(_CREDENTIALS, _OPTIONS)
    if not _ACCOUNT.fullmatch(access.account):
        raise ConfigError(
            "A Snapchat account is the ad account's id, such as "
            "0b6f2f0e-5d1c-4a7e-9a55-2f6f8f0c1d11; Ads Manager shows it."
        )
    version = entered.version(SPEC.api_version, r"v[0-9]+")
    return Settings(
        account=access.account,
        root=f"{entered.base_url(BASE_URL)}/{version}",
        token_url=entered.token_url(TOKEN_URL),
        api_version=version,
        retention_days=entered.days("retention_days", LIFETIME_DAYS) or LIFETIME_DAYS,
        client_id=entered.needed_secret("client_id"),
        client_secret=entered.needed_secret("client_secret"),
        refresh_token=entered.needed_secret("refresh_token"),
    )
