"""From the settings of a way to the library's store for one bucket.

`obstore` (Rust's object_store) speaks all three protocols, signs addresses, retries, and finds
credentials by itself: variables of the environment, web identity, the metadata service of the
machine. It reads no `~/.aws` (https://developmentseed.org/obstore/latest/authentication, read
2026-11-22).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from pydantic import SecretStr

from audsync.config.objects import AzureObjects, GcsObjects, ObjectsConfig, S3Objects
from audsync.errors import ConfigError
from audsync.objects.address import Address

if TYPE_CHECKING:
    from obstore.store import (
        AzureConfig,
        AzureStore,
        GCSConfig,
        GCSStore,
        S3Config,
        S3Store,
    )

    Store = S3Store | GCSStore | AzureStore

EXTRA = "s3"
_CONNECT_S = 5
_RETRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectAccess:
    """The configured ways into object stores, and how long anything may take there."""

    entries: tuple[ObjectsConfig, ...] = field(default=(), repr=False)
    request_timeout_s: float = 60.0
    """A request and its answer, be it a piece of an object."""
    max_wait_s: float = 60.0
    """All tries of a request, once the first has failed."""

    def entry(self, address: Address) -> ObjectsConfig | None:
        """The entry for a bucket: its own, else that for all of its kind."""
        fitting = [one for one in self.entries if one.type == address.scheme]
        own = (one for one in fitting if one.bucket == address.bucket)
        return next(own, next((one for one in fitting if one.bucket is None), None))


def open_store(address: Address, access: ObjectAccess) -> "Store":
    """The store for the bucket of an address; nothing is asked of it yet.

    Raises:
        ConfigError: the library is not installed, or the settings cannot be right.
    """
    try:
        from obstore.exceptions import BaseError  # noqa: PLC0415 - only who names a bucket needs it
    except ImportError:
        raise ConfigError(
            f"{address} needs the extra `{EXTRA}`: pip install 'audsync[{EXTRA}]'.",
            details={"extra": EXTRA},
        ) from None
    try:
        return _OPENERS[address.scheme](address, access)
    except (BaseError, ValueError):
        # The library's own words may quote a setting.
        raise ConfigError(
            f"The settings for {address} cannot be used: see `objects` in the file, and AWS_…,"
            " GOOGLE_… or AZURE_… in the environment.",
            details={"key": "objects", "bucket": address.bucket},
        ) from None


def _s3(address: Address, access: ObjectAccess) -> "Store":
    from obstore.store import S3Store  # noqa: PLC0415 - as above

    entry = access.entry(address)
    said = entry if isinstance(entry, S3Objects) else S3Objects(type="s3")
    config: dict[str, Any] = {
        "virtual_hosted_style_request": not said.path_style,
        # Not everything that speaks S3 deletes in bulk, and what we delete is little.
        "disable_bulk_delete": True,
        **_set(region=said.region, endpoint=_host(said, address.bucket)),
        **_anonymous(said),
    }
    provider = None
    if said.access_key_id is not None and said.secret_access_key is not None:
        # As a whole: a token of the environment does not go with a key of the file.
        credential = {
            "access_key_id": said.access_key_id.get_secret_value(),
            "secret_access_key": said.secret_access_key.get_secret_value(),
            "token": said.session_token.get_secret_value() if said.session_token else None,
            "expires_at": None,
        }

        def provider() -> Any:  # noqa: ANN401 - the library's own dictionary
            return credential

    return S3Store(
        address.bucket,
        config=cast("S3Config", config),
        credential_provider=provider,
        **_limits(access, said),
    )


def _gs(address: Address, access: ObjectAccess) -> "Store":
    from obstore.store import GCSStore  # noqa: PLC0415 - as above

    entry = access.entry(address)
    said = entry if isinstance(entry, GcsObjects) else GcsObjects(type="gs")
    config: dict[str, Any] = {**_set(base_url=said.endpoint), **_anonymous(said)}
    if said.service_account is not None:
        written = said.service_account.get_secret_value()
        is_json = written.lstrip().startswith("{")
        config["service_account_key" if is_json else "service_account"] = written
    return GCSStore(address.bucket, config=cast("GCSConfig", config), **_limits(access, said))


def _az(address: Address, access: ObjectAccess) -> "Store":
    from obstore.store import AzureStore  # noqa: PLC0415 - as above

    entry = access.entry(address)
    said = entry if isinstance(entry, AzureObjects) else AzureObjects(type="az")
    config: dict[str, Any] = {
        **_set(
            account_name=said.account,
            endpoint=said.endpoint,
            account_key=_revealed(said.access_key),
            sas_key=_revealed(said.sas_token),
        ),
        **_anonymous(said),
    }
    return AzureStore(address.bucket, config=cast("AzureConfig", config), **_limits(access, said))


_OPENERS: dict[str, Callable[[Address, ObjectAccess], "Store"]] = {"s3": _s3, "gs": _gs, "az": _az}


def _host(said: S3Objects, bucket: str) -> str | None:
    """The endpoint as the library wants it: with the bucket's name where that is in the host."""
    if said.endpoint is None or said.path_style:
        return said.endpoint
    scheme, _, rest = said.endpoint.partition("://")
    return f"{scheme}://{bucket}.{rest}"


def _limits(access: ObjectAccess, said: ObjectsConfig) -> dict[str, Any]:
    options: dict[str, Any] = {
        "timeout": timedelta(seconds=access.request_timeout_s),
        "connect_timeout": timedelta(seconds=min(_CONNECT_S, access.request_timeout_s)),
    }
    if said.endpoint is not None and urlsplit(said.endpoint).scheme == "http":
        options["allow_http"] = True  # the configuration takes that only for this machine
    retry = {"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=access.max_wait_s)}
    return {"client_options": options, "retry_config": retry}


def _anonymous(said: ObjectsConfig) -> dict[str, bool]:
    return {"skip_signature": True} if said.anonymous else {}


def _revealed(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None


def _set(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}
