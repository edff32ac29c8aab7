"""The kinds of value a setting can have: how each is written, checked and normalised.

Every scalar reaches these types as the text that stands in the file, so that an account
`0123` keeps its zero and the region `NO` stays Norway. Messages never repeat a value.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from audsync.domain import Platform

SYNC_HOURS = (1, 6, 12, 24, 168)
"""Hours there may be between two syncs of an audience."""

OBJECT_SCHEMES = ("s3", "gs", "az")
"""How addresses of objects begin: S3, Google Cloud Storage, Azure Blob Storage."""

MAX_NAME_CHARS = 100
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_HOURS = re.compile(r"(\d{1,4}) ?h?")
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,6})?) ?([kmgt]i?b|b)?", re.IGNORECASE)
_DECIMAL, _BINARY = 1000, 1024
_MIN_MEMORY_BYTES = 16 * 10**6
_SQLITE_FILE = re.compile(r"(sqlite(?:\+\w+)?:///)(?!/|:memory:|file:)([^?]+)(.*)", re.DOTALL)
_POSTGRES = re.compile(r"postgres(?:ql)?(?:\+psycopg)?://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the models are told besides the text of the file: pydantic's validation context."""

    folder: Path
    """Absolute; relative paths in the file are seen from here."""
    encryption_key: SecretStr | None = None
    new_encryption_key: SecretStr | None = None
    encryption_key_file: Path | None = None
    platform_secrets: Mapping[Platform, Mapping[str, SecretStr]] = field(default_factory=dict)
    """Secrets of platforms that the environment holds for `audsync connect`, by their keys."""


class Section(BaseModel):
    """A mapping of the file: unknown keys are refused, and nothing changes once it is read."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        coerce_numbers_to_str=True,
        defer_build=True,  # validators are built on first use: imports stay quick
    )

    @model_validator(mode="before")
    @classmethod
    def _leave_out_what_is_empty(cls, values: Any) -> Any:  # noqa: ANN401 - as pydantic gives it
        """A key with nothing behind it counts as not written."""
        if not isinstance(values, dict):
            return values
        known = cls.model_fields
        return {
            key: value for key, value in values.items() if value is not None or key not in known
        }


def parse_hours(value: object) -> int:
    """Whole hours of an interval written as `24h`, `24` or 24.

    Raises:
        ValueError: anything else, or less than one hour.
    """
    text = "" if isinstance(value, bool) else str(value).strip()
    matched = _HOURS.fullmatch(text)
    if matched is None or int(matched[1]) < 1:
        raise ValueError("must be whole hours, such as 24h")
    return int(matched[1])


def parse_sync_hours(value: object) -> int:
    """Whole hours of an interval between syncs: one of SYNC_HOURS.

    Raises:
        ValueError: it is not one of them.
    """
    hours = parse_hours(value)
    if hours not in SYNC_HOURS:
        raise ValueError("must be one of " + ", ".join(f"{hours}h" for hours in SYNC_HOURS))
    return hours


def parse_bytes(value: object) -> int:
    """Bytes of an amount of memory written as `1GB`, `512 MB`, `2GiB` or a plain number.

    Raises:
        ValueError: it is written otherwise, or is too little to work with.
    """
    text = "" if isinstance(value, bool) else str(value).strip()
    matched = _SIZE.fullmatch(text)
    if matched is None:
        raise ValueError("must be a size, such as 1GB or 512MB")
    unit = (matched[2] or "b").lower()
    factor = (_BINARY if "i" in unit else _DECIMAL) ** "bkmgt".index(unit[0])
    size_bytes = int(float(matched[1]) * factor)
    if size_bytes < _MIN_MEMORY_BYTES:
        raise ValueError("must be at least 16MB; write the unit, such as 512MB")
    return size_bytes


def _name(value: str) -> str:
    if len(value) > MAX_NAME_CHARS or re.fullmatch(_NAME, value) is None:
        raise ValueError(
            "must begin with a letter or a digit, and have only letters, digits, dots, dashes "
            f"and underscores, at most {MAX_NAME_CHARS} in all"
        )
    return value


def _region(value: object) -> str:
    text = str(value).strip().upper()
    if text == "UK":
        raise ValueError("must be GB for the United Kingdom")
    if re.fullmatch(r"[A-Z]{2}", text) is None:
        raise ValueError("must be a country of two letters (ISO 3166), such as US")
    return text


def is_loopback(host: str) -> bool:
    """Whether a host of a URL is this machine itself, so that nobody can listen on the way."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _http_url(value: str) -> str:
    """The URL without its trailing slash; a path prefix is kept. Secrets go there: not in clear."""
    try:
        parts = urlsplit(value)
        is_usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
        _ = parts.port  # urlsplit checks it only when asked
    except ValueError:
        is_usable = False
        parts = urlsplit("")
    if not is_usable or re.search(r"\s", value):
        raise ValueError("must be a URL that starts with https:// or http://")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("must be a URL without user, password, query or fragment")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError(
            "must start with https://: http:// is for this machine only, as for a sandbox"
        )
    return value.rstrip("/")


def resolve(written: str, folder: Path | None) -> str:
    """A path as an absolute one, seen from `folder`; globs are kept, and so are URLs.

    Raises:
        ValueError: it names the home of a user that does not exist, or has a NUL in it.
    """
    if "\0" in written:
        raise ValueError("must be a path without NUL characters")
    if folder is None or "://" in written:
        return written
    try:
        return str(folder / Path(written).expanduser())
    except RuntimeError:
        raise ValueError("names the home folder of a user that does not exist") from None


def folder_of(info: ValidationInfo) -> Path | None:
    """The folder of the file that is being read; None for values that come from no file."""
    return info.context.folder if isinstance(info.context, Surroundings) else None


def _place(value: str, info: ValidationInfo) -> str:
    scheme, is_url, rest = value.partition("://")
    if is_url and scheme not in {"file", *OBJECT_SCHEMES}:
        raise ValueError("must be a path, or begin with s3://, gs:// or az://")
    if is_url and scheme in OBJECT_SCHEMES and not rest.partition("/")[0]:
        raise ValueError(f"must name a bucket, as in {scheme}://bucket/path")
    return resolve(value, folder_of(info))


def _store_url(value: str, info: ValidationInfo) -> str:
    sqlite = _SQLITE_FILE.fullmatch(value)
    if sqlite is not None:
        return sqlite[1] + resolve(sqlite[2], folder_of(info)) + sqlite[3]
    if value.startswith("sqlite"):
        return value
    if _POSTGRES.match(value):
        return _POSTGRES.sub("postgresql+psycopg://", value, count=1)
    raise ValueError("must start with sqlite:/// or postgresql+psycopg://")


def _several(value: object) -> object:
    return value if isinstance(value, list | tuple) else (value,)


def _only_one(value: object) -> object:
    if not isinstance(value, list | tuple):
        return value
    if len(value) != 1:
        raise ValueError("must be exactly one column")
    return value[0]


_HOURS_SCHEMA = {
    "anyOf": [{"type": "string", "pattern": r"^\d{1,4} ?h?$"}, {"type": "integer", "minimum": 1}]
}
_SYNC_HOURS_SCHEMA = {"enum": [*(f"{hours}h" for hours in SYNC_HOURS), *SYNC_HOURS]}
_BYTES_SCHEMA = {
    "anyOf": [
        {"type": "string", "pattern": r"^\d{1,15}(\.\d{1,6})? ?([kKmMgGtT][iI]?[bB]|[bB])?$"},
        {"type": "integer", "minimum": _MIN_MEMORY_BYTES},
    ]
}
_REGION_SCHEMA = {"type": "string", "pattern": "^[A-Za-z]{2}$"}
_COLUMN_SCHEMA = {"type": ["string", "number"], "minLength": 1}
_ONE_COLUMN_SCHEMA = {
    "anyOf": [_COLUMN_SCHEMA, {"type": "array", "items": _COLUMN_SCHEMA, "maxItems": 1}]
}

Text = Annotated[str, Field(min_length=1)]
Name = Annotated[
    str,
    AfterValidator(_name),
    WithJsonSchema(
        {"type": ["string", "integer"], "pattern": f"^{_NAME}$", "maxLength": MAX_NAME_CHARS}
    ),
]
"""Letters, digits, dot, dash and underscore: it may become part of a URL or a file name."""
Secret = Annotated[SecretStr, Field(min_length=1)]
Hours = Annotated[int, BeforeValidator(parse_hours), WithJsonSchema(_HOURS_SCHEMA)]
SyncHours = Annotated[int, BeforeValidator(parse_sync_hours), WithJsonSchema(_SYNC_HOURS_SCHEMA)]
Bytes = Annotated[int, BeforeValidator(parse_bytes), WithJsonSchema(_BYTES_SCHEMA)]
Region = Annotated[str, BeforeValidator(_region), WithJsonSchema(_REGION_SCHEMA)]
HttpUrl = Annotated[str, Field(min_length=1), AfterValidator(_http_url)]
Place = Annotated[str, Field(min_length=1), AfterValidator(_place)]
"""A path or a URL; relative paths are seen from the folder of the file."""
StoreUrl = Annotated[str, Field(min_length=1), AfterValidator(_store_url)]
Column = Annotated[Text, BeforeValidator(_only_one), WithJsonSchema(_ONE_COLUMN_SCHEMA)]
Columns = Annotated[
    tuple[Text, ...],
    Field(min_length=1),
    BeforeValidator(_several),
    WithJsonSchema(
        {"anyOf": [_COLUMN_SCHEMA, {"type": "array", "items": _COLUMN_SCHEMA, "minItems": 1}]}
    ),
]
Json = dict[str, Any]
"""A JSON object, such as a JSON Schema."""
