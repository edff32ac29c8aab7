"""The secrets of each platform: what opens an ad account, and what is enough to do so."""

import json
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, model_validator

from audsync.config.values import Secret, Section, folder_of, resolve
from audsync.domain import Platform
from audsync.errors import ConfigError


class Credentials(Section):
    """The secrets of one platform."""

    ways: ClassVar[tuple[tuple[str, ...], ...]] = (("access_token",),)
    """Each a set of keys that is enough to sign in with, the likeliest first."""

    def gathered(self) -> Self:
        """The same, with what is in files of its own taken in.

        Raises:
            ConfigError: such a file cannot be read.
        """
        return self

    def reveal(self) -> dict[str, str]:
        """The secrets in plain text, those that are set; for sealing and for signing in."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {
            name: value.get_secret_value()
            for name, value in values.items()
            if isinstance(value, SecretStr)
        }


class MetaCredentials(Credentials):
    """A Meta token, best one of a system user."""

    access_token: Secret = Field(description="Token with the right ads_management.")
    app_id: Secret | None = Field(
        default=None, description="Id of the app that the token belongs to."
    )
    app_secret: Secret | None = Field(
        default=None, description="Secret of that app; with it every call carries a proof."
    )


def _service_account(value: SecretStr, info: ValidationInfo) -> SecretStr:
    """JSON stays as it is; a path is seen from the folder of the file."""
    written = value.get_secret_value()
    if written.lstrip().startswith("{"):
        return value
    return SecretStr(resolve(written, folder_of(info)))


ServiceAccount = Annotated[Secret, AfterValidator(_service_account)]
"""Google's key file: its path, or the JSON itself."""


class GoogleCredentials(Credentials):
    """A Google user who granted access, or a service account."""

    ways: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("service_account",),
        ("client_id", "client_secret", "refresh_token"),
    )

    client_id: Secret | None = Field(default=None, description="Id of the OAuth client.")
    client_secret: Secret | None = Field(default=None, description="Secret of the OAuth client.")
    refresh_token: Secret | None = Field(default=None, description="Token that the user granted.")
    service_account: ServiceAccount | None = Field(
        default=None, description="Key of a service account: a path, or the JSON itself."
    )

    @model_validator(mode="before")
    @classmethod
    def _take_files_of_google(cls, values: Any) -> Any:  # noqa: ANN401 - as pydantic gives it
        """The files that Google hands out may be given as they are.

        They name their kind: https://google.aip.dev/auth/4112 and 4113, read 2026-11-22.
        """
        kind = values.get("type") if isinstance(values, dict) else None
        if kind == "service_account":
            return {"service_account": json.dumps(values)}
        if kind == "authorized_user":
            return {name: values.get(name) for name in cls.ways[1]}
        return values

    def gathered(self) -> Self:
        """The same, with the key of a service account instead of the path to it."""
        written = self.service_account.get_secret_value() if self.service_account else "{"
        if written.lstrip().startswith("{"):
            return self
        try:
            text = Path(written).read_text("utf-8")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
            raise ConfigError(f"The key of the service account cannot be read: {reason}.") from None
        return self.model_copy(update={"service_account": SecretStr(text)})

    @model_validator(mode="after")
    def _be_one_of_both(self) -> Self:
        user = (self.client_id, self.client_secret, self.refresh_token)
        if self.service_account is None and None in user:
            raise ValueError(
                "must have client_id, client_secret and refresh_token, or service_account"
            )
        if self.service_account is not None and user != (None, None, None):
            raise ValueError("must have service_account alone, or the three keys of a user")
        return self


class TiktokCredentials(Credentials):
    """A TikTok for Business token."""

    access_token: Secret = Field(description="Long-lived token of the advertiser.")
    app_id: Secret | None = Field(
        default=None, description="Id of the app that the token belongs to."
    )
    secret: Secret | None = Field(default=None, description="Secret of that app.")


class SnapchatCredentials(Credentials):
    """A Snapchat user who granted access."""

    ways: ClassVar[tuple[tuple[str, ...], ...]] = (("client_id", "client_secret", "refresh_token"),)

    client_id: Secret = Field(description="Id of the OAuth client.")
    client_secret: Secret = Field(description="Secret of the OAuth client.")
    refresh_token: Secret = Field(description="Token that the user granted.")


CREDENTIALS: dict[Platform, type[Credentials]] = {
    Platform.META: MetaCredentials,
    Platform.GOOGLE: GoogleCredentials,
    Platform.TIKTOK: TiktokCredentials,
    Platform.SNAPCHAT: SnapchatCredentials,
}


def secret_variable(platform: Platform, key: str) -> str:
    """The variable that `connect` takes a secret from, such as AUDSYNC_META_ACCESS_TOKEN."""
    return f"AUDSYNC_{platform.value}_{key}".upper()
