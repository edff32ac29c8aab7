"""What a person configured for Meta, checked at the door. Pure."""

import hashlib
import hmac
import re
from dataclasses import dataclass, field

from audsync.connectors.contract import Access
from audsync.connectors.entered import Entered
from audsync.connectors.meta.spec import BASE_URL, SPEC
from audsync.errors import ConfigError

_FILE_SOURCES = {
    "USER_PROVIDED_ONLY",
    "PARTNER_PROVIDED_ONLY",
    "BOTH_USER_AND_PARTNER_PROVIDED",
}
_MAX_RETENTION_DAYS = 180
_CREDENTIALS = {"access_token", "app_id", "app_secret"}
_OPTIONS = {"customer_file_source", "retention_days"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One ad account, ready for use."""

    account: str
    """Digits, without `act_`."""
    root: str
    """Address with version, such as https://graph.facebook.com/v26.0; no slash at the end."""
    api_version: str
    access_token: str = field(repr=False)
    app_id: str | None
    app_secret: str | None = field(repr=False)
    customer_file_source: str
    retention_days: int | None

    @property
    def app_token(self) -> str | None:
        """The app's own token; None where the app was not given."""
        return f"{self.app_id}|{self.app_secret}" if self.app_id and self.app_secret else None

    def proof_of(self, token: str) -> str | None:
        """Meta's `appsecret_proof` for calls with `token`; None without an app secret."""
        if self.app_secret is None:
            return None
        return hmac.new(self.app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()


def settings(access: Access) -> Settings:
    """`access` as Meta needs it.

    Raises:
        ConfigError: something is missing, unknown or cannot be right; never quotes a secret.
    """
    entered = Entered(platform="Meta", access=access)
    entered.refuse_unknown(_CREDENTIALS, _OPTIONS)
    account = access.account.removeprefix("act_")
    if not re.fullmatch(r"[0-9]+", account):
        raise ConfigError("A Meta account is a number, with or without act_ before it.")
    version = entered.version(SPEC.api_version, r"v[0-9]+\.[0-9]+")
    return Settings(
        account=account,
        root=f"{entered.base_url(BASE_URL)}/{version}",
        api_version=version,
        access_token=entered.needed_secret("access_token"),
        app_id=entered.secret("app_id"),
        app_secret=entered.secret("app_secret"),
        customer_file_source=_file_source(access),
        retention_days=entered.days("retention_days", _MAX_RETENTION_DAYS),
    )


def _file_source(access: Access) -> str:
    value = access.options.get("customer_file_source", "USER_PROVIDED_ONLY")
    if value not in _FILE_SOURCES:
        raise ConfigError(f"customer_file_source is one of {', '.join(sorted(_FILE_SOURCES))}.")
    return str(value)
