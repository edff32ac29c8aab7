"""The tables of docs/configuration.md, as the models have them."""

from dataclasses import dataclass
from enum import Enum
from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from audsync.config import model
from audsync.config.connections import GoogleConsent
from audsync.config.engine import LocalEngineConfig, SparkEngineConfig
from audsync.config.values import Section

SECTIONS: list[tuple[str, type[Section]]] = [
    ("(top)", model.Config),
    ("store", model.StoreConfig),
    ("state", model.StateConfig),
    ("defaults", model.Defaults),
    ("limits", model.Limits),
    ("schedule", model.ScheduleConfig),
    ("secrets", model.SecretsConfig),
    ("engine, kind: local", LocalEngineConfig),
    ("engine, kind: spark", SparkEngineConfig),
    ("objects[], type: s3", model.S3Objects),
    ("objects[], type: gs", model.GcsObjects),
    ("objects[], type: az", model.AzureObjects),
    ("connections.NAME, platform: meta", model.MetaConnection),
    ("connections.NAME, platform: google", model.GoogleConnection),
    ("connections.NAME, platform: tiktok", model.TiktokConnection),
    ("connections.NAME, platform: snapchat", model.SnapchatConnection),
    ("connections.NAME.credentials, meta", model.MetaCredentials),
    ("connections.NAME.credentials, google", model.GoogleCredentials),
    ("connections.NAME.credentials, tiktok", model.TiktokCredentials),
    ("connections.NAME.credentials, snapchat", model.SnapchatCredentials),
    ("connections.NAME.options, meta", model.MetaOptions),
    ("connections.NAME.options, google", model.GoogleOptions),
    ("connections.NAME.options.consent, google", GoogleConsent),
    ("connections.NAME.options, tiktok", model.TiktokOptions),
    ("connections.NAME.options, snapchat", model.SnapchatOptions),
    ("segments.NAME", model.SegmentConfig),
    ("segments.NAME.source, type: file", model.FileSource),
    ("segments.NAME.source, type: sql", model.SqlSource),
    ("segments.NAME.source, type: table", model.TableSource),
    ("segments.NAME.events", model.EventsConfig),
    ("segments.NAME.columns", model.ColumnsConfig),
    ("segments.NAME.columns.consent", model.ConsentColumns),
    ("segments.NAME.holdout", model.HoldoutConfig),
    ("audiences.SLUG", model.AudienceConfig),
    ("audiences.SLUG.guard", model.GuardConfig),
    ("suppress[], type: file", model.SuppressedFiles),
    ("suppress[], type: sql", model.SuppressedRows),
    ("suppress[].columns", model.IdentifierColumns),
    ("notify[]", model.NotifyConfig),
    ("health", model.HealthConfig),
    ("features", model.Features),
]
"""Each kind of section, by where it stands."""
_WORDS = {"str": "text", "int": "whole number", "float": "number", "bool": "true, false"}
_STATEMENTS = ("ad_user_data", "ad_personalization")
_WRITTEN = {
    "every": "1h, 6h, 12h, 24h, 168h",
    "minimum_every": "whole hours, such as 1h",
    "memory_limit": "size, such as 1GB, 512MB",
    "spill_limit": "size, such as 1GB, 512MB",
    "region": "two letters",
    "profile_id": "column",
    "country": "column",
    "consent_values": "list of words",
    **dict.fromkeys(("include", "exclude"), "list of segments"),
    **dict.fromkeys(("meta", "google", "tiktok", "snapchat", "default"), "column"),
    "traits": "list of columns",
    "since": "day, such as 2026-01-31",
    "at": "column",
    "jitter": "time, such as 90s, 10m",
    "timeout": "time, such as 10m, 2h",
    "max_age": "time, such as 26h, 2d",
    **dict.fromkeys(
        ("window", "max_sync", "max_latency", "max_lateness", "credentials_left"),
        "time, such as 5m, 2h",
    ),
    "quiet": "list of hours, such as 22:00-06:00",
}
_DEFAULTS = {
    "timeout": "10m",
    "every": "24h",
    "minimum_every": "1h",
    "memory_limit": "1GB",
    "window": "24h",
    "max_sync": "5m",
    "max_latency": "5s",
    "max_lateness": "1h",
    "credentials_left": "7d",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A heading and its table."""

    title: str
    text: str


def sections() -> list[type[Section]]:
    """The models that have a table."""
    return [section for _title, section in SECTIONS]


def pages() -> list[Page]:
    """One page a section."""
    return [Page(title=title, text=_text(title, section)) for title, section in SECTIONS]


def _text(title: str, section: type[Section]) -> str:
    rows = "\n".join(_row(name, key) for name, key in section.model_fields.items())
    return f"### `{title}`\n\n| key | type | default | meaning |\n|---|---|---|---|\n{rows}\n"


def _row(name: str, key: FieldInfo) -> str:
    kind = _kind(key.annotation)
    if name in _STATEMENTS and kind == "text":  # a connection has choices of the same names
        kind = "column"
    elif kind != "mapping":
        kind = _WRITTEN.get(name, kind)
    return f"| `{name}` | {kind} | {_default(name, key)} | {key.description} |"


def _default(name: str, key: FieldInfo) -> str:
    default = key.default
    if key.is_required() or get_origin(key.annotation) is Literal:
        return "required"
    if default is None or default in ((), {}) or key.default_factory is not None:
        return ""
    if isinstance(default, tuple):
        return ", ".join(f"`{each.value}`" for each in default)
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    shown = f"{default:g}" if isinstance(default, float) else getattr(default, "value", default)
    return f"`{_DEFAULTS.get(name, shown)}`"


def _kind(annotation: object) -> str:
    """The type in the words of someone who writes YAML."""
    origin = get_origin(annotation)
    arguments = [each for each in get_args(annotation) if each is not type(None)]
    if origin is Literal:
        return str(getattr(arguments[0], "value", arguments[0]))
    if origin is dict:
        return "mapping"
    if origin is tuple:
        inner = _kind(arguments[0])
        return "column, or list of columns" if inner == "text" else f"list of {inner}"
    if arguments:  # Annotated, or a union: the first alternative says enough
        return _kind(arguments[0])
    return _simple(annotation) if isinstance(annotation, type) else "text"


def _simple(annotation: type) -> str:
    if issubclass(annotation, model.ConsentColumns):
        return "column, or mapping"
    if issubclass(annotation, Enum):
        return ", ".join(str(member.value) for member in annotation)
    if issubclass(annotation, Section):
        return "mapping"
    return _WORDS.get(annotation.__name__, "secret text")
