"""What a person configured for TikTok, checked at the door. Pure.

A value that could not travel in a header or an address is refused here, so that no error of a
library below ever quotes it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from audsync.connectors.contract import Access
from audsync.connectors.tiktok.spec import BASE_URL, SPEC
from audsync.errors import ConfigError

_CREDENTIALS = {"access_token", "app_id", "secret"}
_OPTIONS = {"upload"}
_UPLOADS = ("streaming", "file")
_ADDRESS = re.compile(r"https?://[^/?#@\s]+(/[^?#\s]*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One ad account, ready for use."""

    account: str
    """The advertiser's id: digits."""
    root: str
    """Address with version, such as https://business-api.tiktok.com/open_api/v1.3; no slash at
    the end."""
    api_version: str
    uploads_files: bool
    """Members travel in files, not in streaming calls."""
    access_token: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    """Every credential given, the token included: none is ever to be repeated in a message."""


def settings(access: Access) -> Settings:
    """`access` as TikTok needs it.

    `app_id` and `secret` are checked and no more: the token has no end and is never renewed, so
    no call needs them.

    Raises:
        ConfigError: something is missing, unknown or cannot be right; never quotes a secret.
    """
    _refuse_unknown("credentials", access.credentials, _CREDENTIALS)
    _refuse_unknown("options", access.options, _OPTIONS)
    upload = access.options.get("upload", "streaming")
    if upload not in _UPLOADS:
        raise ConfigError(f"options.upload of a TikTok connection is {' or '.join(_UPLOADS)}.")
    if not re.fullmatch(r"[0-9]+", access.account):
        raise ConfigError("A TikTok account is the advertiser's id, a number.")
    version = access.api_version or SPEC.api_version
    if not re.fullmatch(r"v[0-9]+\.[0-9]+", version):
        raise ConfigError(f"api_version of a TikTok connection looks like {SPEC.api_version}.")
    given = {name: _secret(access, name) for name in sorted(_CREDENTIALS)}
    if not given["access_token"]:
        raise ConfigError("A TikTok connection needs the credential access_token.")
    return Settings(
        account=access.account,
        root=f"{_address(access.base_url or BASE_URL)}/open_api/{version}",
        api_version=version,
        uploads_files=upload == "file",
        access_token=given["access_token"],
        # An app's id is no secret, and as a number it could blank out half of a message.
        secrets=tuple(filter(None, (given["access_token"], given["secret"]))),
    )


def _refuse_unknown(where: str, given: Mapping[str, object], known: set[str]) -> None:
    if unknown := sorted(set(given) - known):
        names, right = ", ".join(unknown), ", ".join(sorted(known))
        raise ConfigError(f"A TikTok connection has no {where} named {names}; it knows {right}.")


def _address(base_url: str) -> str:
    if not _ADDRESS.fullmatch(base_url):
        raise ConfigError(
            "base_url must be an http or https address without user, query or fragment, "
            f"such as {BASE_URL}."
        )
    return base_url.rstrip("/")


def _secret(access: Access, name: str) -> str:
    """The credential `name`, "" where it is missing or blank."""
    value = access.credentials.get(name, "").strip()
    if not re.fullmatch(r"[!-~]*", value):
        raise ConfigError(f"The credential {name} holds characters that no TikTok {name} has.")
    return value
