"""Connections: one ad account each, with the settings of its platform."""

import re
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from audsync.config.credentials import (
    GoogleCredentials,
    MetaCredentials,
    SnapchatCredentials,
    TiktokCredentials,
)
from audsync.config.values import HttpUrl, Name, Section
from audsync.domain import Platform


class CustomerFileSource(StrEnum):
    """Who gathered the data, as Meta asks; docs/platforms/meta.md."""

    USER_PROVIDED_ONLY = "USER_PROVIDED_ONLY"
    PARTNER_PROVIDED_ONLY = "PARTNER_PROVIDED_ONLY"
    BOTH_USER_AND_PARTNER_PROVIDED = "BOTH_USER_AND_PARTNER_PROVIDED"


class ListKind(StrEnum):
    """What a Google list is made of; it cannot change once the list exists."""

    CONTACT = "contact"
    MOBILE = "mobile"
    USER_ID = "user_id"


class KeySpace(StrEnum):
    """The mobile system that the ids of a Google list come from."""

    IOS = "ios"
    ANDROID = "android"


class ConsentStatus(StrEnum):
    """What people allowed."""

    GRANTED = "granted"
    DENIED = "denied"


class TiktokUpload(StrEnum):
    """The two unrelated ways into TikTok; an audience keeps the one it was made with."""

    STREAMING = "streaming"
    FILE = "file"


class MetaOptions(Section):
    """What can be chosen for audiences on Meta."""

    customer_file_source: CustomerFileSource = Field(
        default=CustomerFileSource.USER_PROVIDED_ONLY, description="Who gathered the data."
    )
    retention_days: int | None = Field(
        default=None, ge=1, le=180, description="Days until Meta forgets a member; unset: never."
    )


class GoogleConsent(Section):
    """What the people of the segments allowed; Google drops members without it in the EEA."""

    ad_user_data: ConsentStatus = Field(description="Sending their data to Google for ads.")
    ad_personalization: ConsentStatus = Field(description="Showing them personalised ads.")


class GoogleOptions(Section):
    """What can be chosen for lists on Google."""

    login_account: Name | None = Field(
        default=None, description="Manager account to sign in through, if access comes from one."
    )
    list_kind: ListKind = Field(default=ListKind.CONTACT, description="What the list is made of.")
    app_id: Name | None = Field(default=None, description="The app that mobile ids come from.")
    key_space: KeySpace | None = Field(default=None, description="The mobile system of that app.")
    consent: GoogleConsent | None = Field(
        default=None, description="What people allowed; no default, because a person must decide."
    )
    terms_accepted: bool = Field(
        default=False, description="Whether you accepted Google's terms for customer data."
    )
    membership_days: int = Field(
        default=540, ge=1, le=540, description="Days until Google forgets a member."
    )

    @model_validator(mode="after")
    def _know_the_app(self) -> Self:
        if self.list_kind is ListKind.MOBILE and None in (self.app_id, self.key_space):
            raise ValueError("must have app_id and key_space when list_kind is mobile")
        return self


class TiktokOptions(Section):
    """What can be chosen for audiences on TikTok."""

    upload: TiktokUpload = Field(
        default=TiktokUpload.STREAMING,
        description="How members travel; with file each change is a whole upload and takes a day or"
        " two.",
    )


class SnapchatOptions(Section):
    """What can be chosen for audiences on Snapchat."""

    retention_days: int | None = Field(
        default=None,
        ge=1,
        le=9999,
        description="Days until Snapchat forgets a member; unset: never.",
    )


class Connection(Section):
    """What every connection has."""

    account: Name = Field(description="The ad account's id, as the platform shows it.")
    base_url: HttpUrl | None = Field(
        default=None,
        description="Where the platform is: a proxy or the sandbox; unset: the real one.",
    )
    token_url: HttpUrl | None = Field(
        default=None,
        description="Where tokens are renewed (google and snapchat); unset: the real one.",
    )
    api_version: Name | None = Field(
        default=None,
        description="Version of the platform's API; unset: the one audsync knows best.",
    )
    calls_per_minute: int | None = Field(
        default=None,
        ge=1,
        description="Calls a minute of all processes together; only lowers the platform's limit.",
    )


class _FixedToken(Connection):
    """A connection whose token is never renewed by a call."""

    @model_validator(mode="after")
    def _renew_nothing(self) -> Self:
        if self.token_url is not None:
            raise ValueError("has no token_url: only google and snapchat renew tokens by a call")
        return self


def _meta_account(value: str) -> str:
    if re.fullmatch(r"(act_)?[0-9]+", value) is None:
        raise ValueError("must be digits, with or without act_ before them")
    return value


class MetaConnection(_FixedToken):
    """A Meta ad account."""

    platform: Literal[Platform.META] = Field(default=Platform.META, description="The platform.")
    account: Annotated[Name, AfterValidator(_meta_account)] = Field(
        description="The ad account's id, with or without act_."
    )
    credentials: MetaCredentials | None = Field(
        default=None, description="Secrets, each as ${NAME}."
    )
    options: MetaOptions = Field(
        default_factory=MetaOptions, description="What can be chosen on Meta."
    )


class GoogleConnection(Connection):
    """A Google Ads account."""

    platform: Literal[Platform.GOOGLE] = Field(default=Platform.GOOGLE, description="The platform.")
    credentials: GoogleCredentials | None = Field(
        default=None, description="Secrets, each as ${NAME}."
    )
    options: GoogleOptions = Field(
        default_factory=GoogleOptions, description="What can be chosen on Google."
    )


class TiktokConnection(_FixedToken):
    """A TikTok advertiser."""

    platform: Literal[Platform.TIKTOK] = Field(default=Platform.TIKTOK, description="The platform.")
    credentials: TiktokCredentials | None = Field(
        default=None, description="Secrets, each as ${NAME}."
    )
    options: TiktokOptions = Field(
        default_factory=TiktokOptions, description="What can be chosen on TikTok."
    )


class SnapchatConnection(Connection):
    """A Snapchat ad account."""

    platform: Literal[Platform.SNAPCHAT] = Field(
        default=Platform.SNAPCHAT, description="The platform."
    )
    credentials: SnapchatCredentials | None = Field(
        default=None, description="Secrets, each as ${NAME}."
    )
    options: SnapchatOptions = Field(
        default_factory=SnapchatOptions, description="What can be chosen on Snapchat."
    )


ConnectionConfig = MetaConnection | GoogleConnection | TiktokConnection | SnapchatConnection
AnyConnection = Annotated[ConnectionConfig, Field(discriminator="platform")]
