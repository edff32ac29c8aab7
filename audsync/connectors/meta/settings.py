"""What a person configured for Meta, checked at the door. Pure.

A value that could not travel in a header or an address is refused here, so that no error of a
library below ever quotes it.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from audsync.connectors.contract import Access
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
_ADDRESS = re.compile(r"https?://[^/?#@\s]+(/[^?#\s]*)?")


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
    _refuse_unknown("credentials", access.credentials, _CREDENTIALS)
    _refuse_unknown("options", access.options, _OPTIONS)
    account = access.account.removeprefix("act_")
    if not re.fullmatch(r"[0-9]+", account):
        raise ConfigError("A Meta account is a number, with or without act_ before it.")
    version = access.api_version or SPEC.api_version
    if not re.fullmatch(r"v[0-9]+\.[0-9]+", version):
        raise ConfigError(f"api_version of a Meta connection looks like {SPEC.api_version}.")
    token = _secret(access, "access_token")
    if token is None:
        raise ConfigError("A Meta connection needs the credential access_token.")
    return Settings(
        account=account,
        root=f"{_address(access.base_url or BASE_URL)}/{version}",
        api_version=version,
        access_token=token,
        app_id=_secret(access, "app_id"),
        app_secret=_secret(access, "app_secret"),
        customer_file_source=_file_source(access),
        retention_days=_retention_days(access),
    )


def _refuse_unknown(where: str, given: Mapping[str, object], known: set[str]) -> None:
    if unknown := sorted(set(given) - known):
        names, right = ", ".join(unknown), ", ".join(sorted(known))
        raise ConfigError(f"A Meta connection has no {where} named {names}; it knows {right}.")


def _address(base_url: str) -> str:
    if not _ADDRESS.fullmatch(base_url):
        raise ConfigError(
            "base_url must be an http or https address without user, query or fragment, "
            f"such as {BASE_URL}."
        )
    return base_url.rstrip("/")


def _secret(access: Access, name: str) -> str | None:
    """The credential `name`, None where it is missing or blank."""
    value = access.credentials.get(name, "").strip()
    if not re.fullmatch(r"[!-~]*", value):
        raise ConfigError(f"The credential {name} holds characters that no Meta {name} has.")
    return value or None


def _file_source(access: Access) -> str:
    value = access.options.get("customer_file_source", "USER_PROVIDED_ONLY")
    if value not in _FILE_SOURCES:
        raise ConfigError(f"customer_file_source is one of {', '.join(sorted(_FILE_SOURCES))}.")
    return str(value)


def _retention_days(access: Access) -> int | None:
    value = access.options.get("retention_days")
    if value is None:
        return None
    if type(value) is int and 1 <= value <= _MAX_RETENTION_DAYS:  # bool is an int too
        return value
    raise ConfigError(f"retention_days is a whole number from 1 to {_MAX_RETENTION_DAYS}.")
