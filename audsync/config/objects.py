"""The ways into object stores: what `s3://`, `gs://` and `az://` addresses are opened with."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from audsync.config.credentials import ServiceAccount
from audsync.config.values import HttpUrl, Secret, Section, Text
from audsync.config.watching import check_web_address

_BUCKET = "Its name; unset: every bucket without an entry of its own."
_ANONYMOUS = "Whether it is read without credentials, as public data."
Endpoint = Annotated[HttpUrl, AfterValidator(check_web_address)]
"""https://, or http:// on this machine: what travels are people's identifiers."""


class S3Objects(Section):
    """Amazon S3, and what speaks its protocol; what is unset, the environment says."""

    type: Literal["s3"] = Field(description="Of addresses that begin with s3://.")
    bucket: Text | None = Field(default=None, description=_BUCKET)
    endpoint: Endpoint | None = Field(
        default=None, description="Address of the service; unset: that of AWS."
    )
    region: Text | None = Field(default=None, description="Region of the bucket.")
    access_key_id: Secret | None = Field(default=None, description="Id of the access key.")
    secret_access_key: Secret | None = Field(default=None, description="Its secret.")
    session_token: Secret | None = Field(
        default=None, description="What comes with keys that are good for some hours."
    )
    anonymous: bool = Field(default=False, description=_ANONYMOUS)
    path_style: bool = Field(
        default=True, description="Whether the bucket's name is in the path, not in the host."
    )

    @model_validator(mode="after")
    def _have_both_halves(self) -> Self:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("must have both access_key_id and secret_access_key, or neither")
        return self


class GcsObjects(Section):
    """Google Cloud Storage; what is unset, the environment says."""

    type: Literal["gs"] = Field(description="Of addresses that begin with gs://.")
    bucket: Text | None = Field(default=None, description=_BUCKET)
    endpoint: Endpoint | None = Field(
        default=None, description="Address of the service; unset: Google's."
    )
    service_account: ServiceAccount | None = Field(
        default=None, description="Key of a service account: a path, or the JSON itself."
    )
    anonymous: bool = Field(default=False, description=_ANONYMOUS)


class AzureObjects(Section):
    """Azure Blob Storage, whose buckets are called containers; else the environment says."""

    type: Literal["az"] = Field(description="Of addresses that begin with az://.")
    bucket: Text | None = Field(default=None, description=_BUCKET)
    endpoint: Endpoint | None = Field(
        default=None, description="Address of the service; unset: that of the account."
    )
    account: Text | None = Field(default=None, description="Name of the storage account.")
    access_key: Secret | None = Field(default=None, description="Key of the account.")
    sas_token: Secret | None = Field(
        default=None, description="Or a token for shared access, which may be for a part of it."
    )
    anonymous: bool = Field(default=False, description=_ANONYMOUS)


ObjectsConfig = S3Objects | GcsObjects | AzureObjects
AnyObjects = Annotated[ObjectsConfig, Field(discriminator="type")]
