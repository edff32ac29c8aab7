"""The whole configuration as values. Reading it from a file is the work of `load`."""

from pathlib import Path
from typing import Any, Self

from pydantic import Field, PrivateAttr, SecretStr, model_validator

from audsync.config.connections import (
    AnyConnection,
    ConnectionConfig,
    GoogleConnection,
    GoogleOptions,
    MetaConnection,
    MetaOptions,
    SnapchatConnection,
    SnapchatOptions,
    TiktokConnection,
    TiktokOptions,
)
from audsync.config.credentials import (
    CREDENTIALS,
    Credentials,
    GoogleCredentials,
    MetaCredentials,
    SnapchatCredentials,
    TiktokCredentials,
)
from audsync.config.engine import EngineConfig, LocalEngineConfig, SparkEngineConfig
from audsync.config.objects import (
    AnyObjects,
    AzureObjects,
    GcsObjects,
    ObjectsConfig,
    S3Objects,
)
from audsync.config.people import ConsentColumns, HoldoutConfig, YesWord
from audsync.config.segments import (
    AnySuppression,
    ColumnsConfig,
    EventsConfig,
    FileFormat,
    FileSource,
    IdentifierColumns,
    Identity,
    PhonePolicy,
    SegmentConfig,
    SourceConfig,
    SqlSource,
    SuppressedFiles,
    SuppressedRows,
    SuppressionConfig,
    TableSource,
)
from audsync.config.times import Duration, Quiet, Zone
from audsync.config.values import (
    SYNC_HOURS,
    Bytes,
    Hours,
    Name,
    Place,
    Region,
    Section,
    StoreUrl,
    Surroundings,
    SyncHours,
    Text,
)
from audsync.config.watching import HealthConfig, NotifyConfig, NotifyEvent, PingUrl
from audsync.domain import Platform

__all__ = [
    "CREDENTIALS",
    "SYNC_HOURS",
    "AudienceConfig",
    "AzureObjects",
    "ColumnsConfig",
    "Config",
    "ConnectionConfig",
    "ConsentColumns",
    "Credentials",
    "Defaults",
    "EventsConfig",
    "Features",
    "FileFormat",
    "FileSource",
    "GcsObjects",
    "GoogleConnection",
    "GoogleCredentials",
    "GoogleOptions",
    "GuardConfig",
    "HealthConfig",
    "HoldoutConfig",
    "IdentifierColumns",
    "Identity",
    "Limits",
    "LocalEngineConfig",
    "MetaConnection",
    "MetaCredentials",
    "MetaOptions",
    "NotifyConfig",
    "NotifyEvent",
    "ObjectsConfig",
    "PhonePolicy",
    "S3Objects",
    "ScheduleConfig",
    "SecretsConfig",
    "SegmentConfig",
    "SnapchatConnection",
    "SnapchatCredentials",
    "SnapchatOptions",
    "SourceConfig",
    "SparkEngineConfig",
    "SqlSource",
    "StateConfig",
    "StoreConfig",
    "SuppressedFiles",
    "SuppressedRows",
    "SuppressionConfig",
    "TableSource",
    "TiktokConnection",
    "TiktokCredentials",
    "TiktokOptions",
]


class StoreConfig(Section):
    """The database that remembers audiences and jobs."""

    url: StoreUrl = Field(
        default="sqlite:///audsync.db",
        validate_default=True,
        repr=False,  # a Postgres URL may carry a password
        description="sqlite:///FILE, or postgresql+psycopg://user@host/db for many hosts.",
    )


class StateConfig(Section):
    """The files that remember what each platform confirmed."""

    url: Place = Field(
        default="./audsync-state",
        validate_default=True,
        description="A folder, or s3://bucket/prefix for many hosts.",
    )
    cache: Place = Field(
        default="./audsync-cache",
        validate_default=True,
        description="Folder for the files at hand, where `url` is an object store; may be lost.",
    )
    memory_limit: Bytes = Field(
        default=10**9, description="Memory for the work on members, such as 1GB; more goes to disk."
    )
    spill_limit: Bytes | None = Field(
        default=None,
        description="Disk that one audience's work may take for what does not fit into memory, such"
        " as 100GB; unset: nine tenths of what is free.",
    )
    encrypt: bool = Field(
        default=False,
        description="Whether the files are encrypted, with the key of the credentials.",
    )


class Defaults(Section):
    """What holds where a segment or an audience says nothing."""

    region: Region = Field(default="US", description="Country of phones without a country code.")
    every: SyncHours = Field(
        default=24, description="Time between two syncs: 1h, 6h, 12h, 24h or 168h."
    )
    minimum_every: Hours = Field(
        default=1, description="Whole hours; no audience may be synced more often."
    )
    consent_values: tuple[YesWord, ...] = Field(
        default=(),
        description="Words of consent columns that mean yes, in any case; unset: true, 1, yes, y,"
        " t, granted, opt_in.",
    )
    holdout: HoldoutConfig | None = Field(
        default=None, description="People who are kept out of every platform, by draw."
    )


class Limits(Section):
    """How much happens at once, and how long anything may take."""

    max_concurrent_syncs: int = Field(
        default=5, ge=1, le=100, description="Audiences synced at once."
    )
    request_timeout: float = Field(
        default=60.0, gt=0, le=3600, description="Seconds until a request counts as not answered."
    )
    max_wait: float = Field(
        default=60.0, ge=0, le=3600, description="Seconds that a command waits for a rate limit."
    )
    max_batch_size: int | None = Field(
        default=None, ge=1, description="Rows in a request; only lowers the platform's own limit."
    )
    max_requests_at_once: int | None = Field(
        default=None,
        ge=1,
        description="Requests under way for one audience; only lowers what suits the platform.",
    )


class ScheduleConfig(Section):
    """When `audsync run-due` begins what is due."""

    jitter: Duration = Field(
        default=0, le=43_200, description="Up to so much later, always the same for an audience."
    )
    quiet: Quiet = Field(
        default=(), description="Hours of the day in which nothing is begun, such as 22:00-06:00."
    )
    time_zone: Zone = Field(default="UTC", description="Whose hours these are.")


class GuardConfig(Section):
    """What makes a sync stop before it touches the platform."""

    max_removed_percent: float = Field(
        default=30.0, ge=0, le=100, description="Percent of the members that one sync may remove."
    )
    min_profiles: int | None = Field(
        default=None, ge=0, description="People that must be left; unset: no such guard."
    )
    max_rejects_rise_percent: float = Field(
        default=20.0,
        ge=0,
        le=100,
        description="Points by which the share of rejected values of a type may rise at once.",
    )


class AudienceConfig(Section):
    """A segment linked to an audience on a platform."""

    segment: Name = Field(description="Name of the segment.")
    connection: Name = Field(description="Name of the connection.")
    name: Text = Field(description="Name of the audience on the platform.")
    description: Text | None = Field(default=None, description="Its description on the platform.")
    every: SyncHours | None = Field(
        default=None,
        description="Time between two syncs: 1h, 6h, 12h, 24h or 168h; unset: `defaults.every`.",
    )
    auto_sync: bool = Field(default=True, description="Whether it is synced by itself.")
    guard: GuardConfig = Field(default_factory=GuardConfig, description="What makes a sync stop.")


class Features(Section):
    """Switches for whole parts of the product."""

    audience_sync: bool = Field(default=True, description="Whether anything may be synced.")
    audience_sync_meta: bool = Field(default=True, description="Whether Meta may be synced.")
    audience_sync_google: bool = Field(default=True, description="Whether Google may be synced.")
    audience_sync_tiktok: bool = Field(default=True, description="Whether TikTok may be synced.")
    audience_sync_snapchat: bool = Field(
        default=True, description="Whether Snapchat may be synced."
    )
    audience_export: bool = Field(default=True, description="Whether segments may be exported.")

    def allows_sync(self, platform: Platform) -> bool:
        """Whether audiences on this platform may be synced."""
        allowed: bool = getattr(self, f"audience_sync_{platform.value}")
        return self.audience_sync and allowed


class SecretsConfig(Section):
    """What may put secrets into this file."""

    allow_commands: bool = Field(
        default=False,
        description="Whether `${cmd:…}` may run commands; or AUDSYNC_ALLOW_COMMANDS=1.",
    )


class Config(Section):
    """Everything a person may set, checked and complete; paths in it are absolute."""

    tenant: int = Field(default=1, ge=1, description="Whose data this is.")
    store: StoreConfig = Field(default_factory=StoreConfig, description="The database.")
    state: StateConfig = Field(
        default_factory=StateConfig, description="The files beside the database."
    )
    defaults: Defaults = Field(
        default_factory=Defaults, description="What holds where nothing is said."
    )
    limits: Limits = Field(default_factory=Limits, description="How much at once, and how long.")
    schedule: ScheduleConfig = Field(
        default_factory=ScheduleConfig, description="When what is due is begun."
    )
    secrets: SecretsConfig = Field(
        default_factory=SecretsConfig, description="Where secrets in this file may come from."
    )
    engine: EngineConfig = Field(
        default_factory=LocalEngineConfig,
        description="Where segments of files are read and prepared.",
    )
    objects: tuple[AnyObjects, ...] = Field(
        default=(), description="Ways into object stores, where the environment does not say."
    )
    connections: dict[Name, AnyConnection] = Field(default={}, description="Ad accounts, by name.")
    segments: dict[Name, SegmentConfig] = Field(default={}, description="Sets of people, by name.")
    audiences: dict[Name, AudienceConfig] = Field(
        default={}, description="What `create --id SLUG` uses, and guards, by slug."
    )
    suppress: tuple[AnySuppression, ...] = Field(
        default=(), description="Lists of people who are never sent anywhere."
    )
    notify: tuple[NotifyConfig, ...] = Field(
        default=(), description="Receivers that hear of events."
    )
    heartbeat_url: PingUrl | None = Field(
        default=None,
        description="A URL that `run-due` calls as it begins (/start), ends well, or not (/fail);"
        " kept like a password.",
    )
    health: HealthConfig = Field(
        default_factory=HealthConfig, description="From when on something is out of order."
    )
    features: Features = Field(default_factory=Features, description="Switches for whole parts.")

    _folder: Path = PrivateAttr(default_factory=Path)
    _encryption_key: SecretStr | None = PrivateAttr(default=None)
    _new_encryption_key: SecretStr | None = PrivateAttr(default=None)
    _encryption_key_file: Path | None = PrivateAttr(default=None)
    _platform_secrets: dict[Platform, dict[str, SecretStr]] = PrivateAttr(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _resolve_default_paths(cls, values: Any) -> Any:  # noqa: ANN401 - as pydantic gives it
        """Have the default paths checked too: that is where they become absolute."""
        return {"store": {}, "state": {}, **values} if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _keep_encrypted(self) -> Self:
        engines = [self.engine, *(segment.engine for segment in self.segments.values())]
        if self.state.encrypt and any(isinstance(one, SparkEngineConfig) for one in engines):
            raise ValueError(
                "must not have both state.encrypt and an engine of kind spark, whose files lie"
                " unencrypted until they are taken in"
            )
        return self

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401 - as pydantic gives it
        """Remember what stands around the file."""
        if isinstance(context, Surroundings):
            self._folder = context.folder
            self._encryption_key = context.encryption_key
            self._new_encryption_key = context.new_encryption_key
            self._encryption_key_file = context.encryption_key_file
            secrets = context.platform_secrets
            self._platform_secrets = {name: dict(each) for name, each in secrets.items()}

    @property
    def folder(self) -> Path:
        """Where the file is; what relative paths in it were seen from."""
        return self._folder

    @property
    def encryption_key(self) -> SecretStr | None:
        """Value of AUDSYNC_ENCRYPTION_KEY, checked: 32 bytes in urlsafe base64."""
        return self._encryption_key

    @property
    def encryption_key_file(self) -> Path | None:
        """Value of AUDSYNC_ENCRYPTION_KEY_FILE; whoever needs the key reads the file."""
        return self._encryption_key_file

    @property
    def new_encryption_key(self) -> SecretStr | None:
        """Value of AUDSYNC_NEW_ENCRYPTION_KEY, checked: what `audsync key rotate` goes over to."""
        return self._new_encryption_key

    def secrets_of(self, platform: Platform) -> dict[str, SecretStr]:
        """A platform's secrets in the environment, such as AUDSYNC_META_ACCESS_TOKEN, by key."""
        return dict(self._platform_secrets.get(platform, {}))
