"""Segments and suppression lists: where the rows are, and which column holds what."""

import re
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationInfo,
    model_validator,
)

from audsync.config.engine import EngineConfig, SparkEngineConfig
from audsync.config.people import Consent, HoldoutConfig, YesWord
from audsync.config.times import Day, Duration
from audsync.config.values import (
    OBJECT_SCHEMES,
    Column,
    Columns,
    Name,
    Place,
    Region,
    Secret,
    Section,
    Text,
    folder_of,
    resolve,
)
from audsync.domain import Kind

_DATABASE_FILE = re.compile(
    r"((?:sqlite|duckdb)(?:\+\w+)?:///)(?!/|:memory:|file:)([^?]+)(.*)", re.DOTALL
)
MAX_EVENTS = 1_000
"""Of one person: more would make an export of events without an end."""
_EVENTS = 10
_WHERE = "SQL expression over the source's columns; other rows are left out."
_PART = r"(?:[^\W\d][\w$]*|\"[^\"]+\"|`[^`]+`)"
_TABLE = re.compile(rf"{_PART}(?:\.{_PART}){{0,3}}")


class FileFormat(StrEnum):
    """How a file is written."""

    CSV = "csv"
    JSONL = "jsonl"
    JSON = "json"
    PARQUET = "parquet"


class Encoding(StrEnum):
    """The character set of a CSV file."""

    UTF_8 = "utf-8"
    LATIN_1 = "latin-1"


class Identity(StrEnum):
    """What makes two profiles of different segments one person."""

    PROFILE_ID = "profile_id"
    IDENTIFIER = "identifier"


class PhonePolicy(StrEnum):
    """Which phone numbers count: those that phonenumbers calls valid, or also possible ones."""

    VALID = "valid"
    POSSIBLE = "possible"


_OF_SOURCES = frozenset({"columns", "region", "phone_policy", "where", "consent_values"})
"""Keys that say how a source is read."""


def _delimiter(value: str) -> str:
    if value in '"\r\n':
        raise ValueError("must not be a quote or a line end")
    return value


def _database_url(value: SecretStr, info: ValidationInfo) -> SecretStr:
    """The URL; a file in it is seen from the folder of the configuration."""
    file = _DATABASE_FILE.fullmatch(value.get_secret_value())
    if file is None:
        return value
    return SecretStr(file[1] + resolve(file[2], folder_of(info)) + file[3])


def _table(value: str) -> str:
    if _TABLE.fullmatch(value) is None:
        raise ValueError(
            'must be a name such as marts.at_risk, odd parts in quotes ("at risk"); a SELECT goes'
            " into `query`"
        )
    return value


DatabaseUrl = Annotated[Secret, AfterValidator(_database_url)]
Delimiter = Annotated[str, Field(min_length=1, max_length=1), AfterValidator(_delimiter)]


class FileSource(Section):
    """Rows in files."""

    type: Literal["file"] = Field(default="file", description="The kind of source.")
    path: Place = Field(description="A file, a folder, a glob, or s3://bucket/path.")
    format: FileFormat | None = Field(
        default=None, description="How the files are written; unset: by their names."
    )
    delimiter: Delimiter | None = Field(
        default=None, description="What parts CSV fields, one character; unset: found out."
    )
    encoding: Encoding = Field(
        default=Encoding.UTF_8, description="The character set of CSV files: utf-8 or latin-1."
    )
    max_age: Duration | None = Field(
        default=None,
        gt=0,
        description="Oldest that the newest file may be, such as 26h; older ones stop the sync.",
    )


class SqlSource(Section):
    """Rows that a database yields."""

    type: Literal["sql"] = Field(default="sql", description="The kind of source.")
    url: DatabaseUrl = Field(description="The database: dialect+driver://user:password@host/name.")
    query: Text | None = Field(default=None, description="A SELECT; either this or `table`.")
    table: Annotated[Text, AfterValidator(_table)] | None = Field(
        default=None, description="A table or view; either this or `query`."
    )
    vars: dict[Text, str] = Field(
        default={}, description="Values for the :names in `query` and `where`, bound to them."
    )
    timeout: Duration = Field(
        default=600, gt=0, description="How long one reading may take, such as 10m or 2h."
    )
    freshness: Text | None = Field(
        default=None,
        description="A SELECT of one time: when the rows were last brought up to date.",
    )
    max_age: Duration | None = Field(
        default=None,
        gt=0,
        description="Oldest that the time of `freshness` may be, such as 26h; else no sync.",
    )

    @model_validator(mode="after")
    def _have_one_subject(self) -> Self:
        if (self.query is None) == (self.table is None):
            raise ValueError("must have either query or table")
        if (self.freshness is None) != (self.max_age is None):
            raise ValueError("must have both freshness and max_age, or neither")
        return self


class TableSource(Section):
    """Rows of a table or view that the Spark cluster of `engine` knows."""

    type: Literal["table"] = Field(default="table", description="The kind of source.")
    table: Annotated[Text, AfterValidator(_table)] = Field(
        description="A table or view of the cluster's catalog: catalog.schema.name."
    )


SourceConfig = FileSource | SqlSource
"""What is read on this machine."""


class IdentifierColumns(Section):
    """The columns that hold identifiers."""

    email: Columns = Field(default=(), description="E-mail addresses.")
    phone: Columns = Field(default=(), description="Phone numbers.")
    mobile_id: Columns = Field(default=(), description="Advertising ids of phones (IDFA, AAID).")
    external_id: Columns = Field(default=(), description="Your own id of the person.")

    @model_validator(mode="after")
    def _have_an_identifier(self) -> Self:
        if not any(kind.is_identifier for kind in self.by_kind):
            raise ValueError("must map one of email, phone, mobile_id, external_id")
        return self

    @property
    def by_kind(self) -> dict[Kind, tuple[str, ...]]:
        """Columns per kind of value, for the kinds that are mapped."""
        mapped: dict[Kind, tuple[str, ...]] = {}
        for kind in Kind:
            columns = getattr(self, kind.label, None)
            if columns:
                mapped[kind] = (columns,) if isinstance(columns, str) else columns
        return mapped


class ColumnsConfig(IdentifierColumns):
    """Which column of the source holds what; several where a person has more than one."""

    profile_id: Column = Field(description="What tells people apart; exactly one column.")
    first_name: Columns = Field(default=(), description="First names.")
    last_name: Columns = Field(default=(), description="Last names.")
    city: Columns = Field(default=(), description="Cities.")
    state: Columns = Field(default=(), description="States or regions of a country.")
    zip_code: Columns = Field(default=(), description="Postal codes.")
    country: Column | None = Field(
        default=None, description="Countries, two letters (ISO 3166); exactly one column."
    )
    date_of_birth: Columns = Field(default=(), description="Dates of birth, YYYY-MM-DD.")
    gender: Columns = Field(default=(), description="Genders: f, m, or the words.")
    consent: Consent | None = Field(
        default=None,
        description="Whether a row may be sent: one column, or one for each platform. False or"
        " empty: never.",
    )
    ad_user_data: Column | None = Field(
        default=None,
        description="Whether Google is told that the person agreed to its use of their data;"
        " exactly one column. Empty: what the connection says.",
    )
    ad_personalization: Column | None = Field(
        default=None, description="The same of personalised ads; exactly one column."
    )


class EventsConfig(Section):
    """What people did: rows that `audsync export --events` writes beside them."""

    source: Annotated[SourceConfig, Field(discriminator="type")] = Field(
        description="Where the rows are."
    )
    profile_id: Column = Field(description="Whose event it is; exactly one column.")
    at: Column = Field(description="When it was; exactly one column, UTC where it has no zone.")
    columns: Columns = Field(
        default=(), description="What else is written of an event; never identifiers."
    )
    last: int | None = Field(
        default=None,
        ge=1,
        le=MAX_EVENTS,
        description="Newest events of a person, at most 1000; unset: 10, or with `since` 1000.",
    )
    since: Day | None = Field(
        default=None, description="Only events of this day or later, such as 2026-01-31."
    )

    @property
    def most(self) -> int:
        """Events of a person that are written."""
        return self.last or (MAX_EVENTS if self.since else _EVENTS)


class SegmentConfig(Section):
    """A named set of people: rows of a source, or what other segments come to together."""

    source: Annotated[SourceConfig | TableSource, Field(discriminator="type")] | None = Field(
        default=None, description="Where the rows are; either this or `include`."
    )
    columns: ColumnsConfig | None = Field(
        default=None, description="Which column holds what; wherever there is a `source`."
    )
    include: tuple[Name, ...] = Field(
        default=(), description="Other segments whose people are in it, instead of a `source`."
    )
    exclude: tuple[Name, ...] = Field(
        default=(), description="Segments whose people are not, whatever they agreed to."
    )
    by: Identity = Field(
        default=Identity.PROFILE_ID,
        description="What makes somebody of one segment the same as somebody of another.",
    )
    region: Region | None = Field(
        default=None,
        description="Country of phones without a country code, where the row names none; "
        "unset: `defaults.region`.",
    )
    phone_policy: PhonePolicy = Field(
        default=PhonePolicy.VALID,
        description="Which phone numbers count: valid ones, or possible ones.",
    )
    where: Text | None = Field(default=None, description=_WHERE)
    traits: tuple[Text, ...] = Field(
        default=(), description="Further columns that `audsync export` may write."
    )
    events: EventsConfig | None = Field(
        default=None, description="What these people did, which `audsync export` may write."
    )
    consent_values: tuple[YesWord, ...] = Field(
        default=(),
        description="Words of its consent columns that mean yes, in any case; unset:"
        " `defaults.consent_values`.",
    )
    holdout: HoldoutConfig | None = Field(
        default=None,
        description="People of it who are kept out of every platform; unset: `defaults.holdout`.",
    )
    engine: EngineConfig | None = Field(
        default=None,
        description="Where its files are read and prepared; unset: `engine` of the top.",
    )
    active: bool = Field(default=True, description="Whether the segment may be synced.")

    @model_validator(mode="after")
    def _be_of_one_sort(self) -> Self:
        if (self.source is None) == (not self.include):
            raise ValueError("must have either source or include")
        if self.source is not None:
            if self.columns is None:
                raise ValueError("must have columns, which say what the source holds")
            odd = self.model_fields_set & {"exclude", "by"}
        else:
            odd = self.model_fields_set & _OF_SOURCES
        if odd:
            raise ValueError(
                f"must not have {', '.join(sorted(odd))} beside"
                f" {'include' if self.include else 'source'}"
            )
        return self

    @model_validator(mode="after")
    def _be_shared(self) -> Self:
        if isinstance(self.engine, SparkEngineConfig) and not self.can_be_shared:
            raise ValueError(
                "must not have engine: {kind: spark} unless its source is files of a folder, or a"
                " table of the cluster; rows of databases, objects and sets of segments are"
                " prepared on this machine"
            )
        return self

    @property
    def can_be_shared(self) -> bool:
        """Whether a cluster can read it: files that lie in a folder, or a table of its own."""
        if not isinstance(self.source, FileSource):
            return isinstance(self.source, TableSource)
        return not self.source.path.startswith(tuple(f"{each}://" for each in OBJECT_SCHEMES))

    @property
    def mapped(self) -> ColumnsConfig:
        """What the columns of its source hold; only for one that has a source."""
        assert self.columns is not None, "who has a source has columns"
        return self.columns


class SuppressedFiles(FileSource):
    """People in files who are never sent anywhere, and removed where they were sent already."""

    columns: IdentifierColumns = Field(description="Which column holds what.")
    where: Text | None = Field(default=None, description=_WHERE)


class SuppressedRows(SqlSource):
    """The same for people whom a database yields."""

    columns: IdentifierColumns = Field(description="Which column holds what.")
    where: Text | None = Field(default=None, description=_WHERE)


def _file_unless_said(value: Any) -> Any:  # noqa: ANN401 - as pydantic gives it
    is_open = isinstance(value, dict) and value.get("type") is None
    return {**value, "type": "file"} if is_open else value


SuppressionConfig = SuppressedFiles | SuppressedRows
AnySuppression = Annotated[
    Annotated[SuppressionConfig, Field(discriminator="type")], BeforeValidator(_file_unless_said)
]
