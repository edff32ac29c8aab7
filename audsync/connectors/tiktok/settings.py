"""What a person configured for TikTok, checked at the door. Pure."""

import re
from dataclasses import dataclass, field

from audsync.connectors.contract import Access
from audsync.connectors.entered import Entered
from audsync.connectors.tiktok.spec import BASE_URL, SPEC
from audsync.errors import ConfigError

_CREDENTIALS = {"access_token", "app_id", "secret"}
_OPTIONS = {"upload"}
_UPLOADS = ("streaming", "file")


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
    entered = Entered(platform="TikTok", access=access)
    entered.refuse_unknown(_CREDENTIALS, _OPTIONS)
    upload = access.options.get("upload", "streaming")
    if upload not in _UPLOADS:
        raise ConfigError(f"options.upload of a TikTok connection is {' or '.join(_UPLOADS)}.")
    if not re.fullmatch(r"[0-9]+", access.account):
        raise ConfigError("A TikTok account is the advertiser's id, a number.")
    version = entered.version(SPEC.api_version, r"v[0-9]+\.[0-9]+")
    token, secret = entered.needed_secret("access_token"), entered.secret("secret")
    entered.secret("app_id")
    return Settings(
        account=access.account,
        root=f"{entered.base_url(BASE_URL)}/open_api/{version}",
        api_version=version,
        uploads_files=upload == "file",
        access_token=token,
        # An app's id is no secret, and as a number it could blank out half of a message.
        secrets=(token, secret) if secret else (token,),
    )
