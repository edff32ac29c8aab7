"""Segments and suppression lists: where the rows are, and which column holds what."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from audsync.config.values import Column, Columns, Place, Region, Secret, Section, Text
from audsync.domain import Kind


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


class PhonePolicy(StrEnum):
    """Which phone numbers count: those that phonenumbers calls valid, or also possible ones."""

    VALID = "valid"
    POSSIBLE = "possible"


def _delimiter(value: str) -> str:
    if value in '"\r\n':
        raise ValueError("must not be a quote or a line end")
    return value


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


class SqlSource(Section):
    """Rows that a database yields."""

    type: Literal["sql"] = Field(default="sql", description="The kind of source.")
    url: Secret = Field(description="The database: dialect+driver://user:password@host/name.")
    query: Text | None = Field(default=None, description="A SELECT; either this or `table`.")
    table: Text | None = Field(default=None, description="A table or view; either this or `query`.")
    vars: dict[Text, str] = Field(default={}, description="Values for the :names in the query.")

    @model_validator(mode="after")
    def _have_one_subject(self) -> Self:
        if (self.query is None) == (self.table is None):
            raise ValueError("must have either query or table")
        return self


SourceConfig = FileSource | SqlSource


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
    consent: Column | None = Field(
        default=None,
        description="Whether a row may be sent; exactly one column. False or empty: never.",
    )


class SegmentConfig(Section):
    """A named set of people."""

    source: Annotated[SourceConfig, Field(discriminator="type")] = Field(
        description="Where the rows are."
    )
    columns: ColumnsConfig = Field(description="Which column holds what.")
    region: Region | None = Field(
        default=None,
        description="Country of phones without a country code, where the row names none; "
        "unset: `defaults.region`.",
    )
    phone_policy: PhonePolicy = Field(
        default=PhonePolicy.VALID,
        description="Which phone numbers count: valid ones, or possible ones.",
    )
    where: Text | None = Field(
        default=None,
        description="SQL expression over the source's columns; other rows are left out.",
    )
    traits: tuple[Text, ...] = Field(
        default=(), description="Further columns that `audsync export` may write."
    )
    active: bool = Field(default=True, description="Whether the segment may be synced.")


class SuppressionConfig(FileSource):
    """People who are never sent anywhere, and removed where they were sent already."""

    columns: IdentifierColumns = Field(description="Which column holds what.")
