"""What a test may change about the simulated Snapchat: credentials, ad accounts, its open points.

Facts as of 2026-11-22, from developers.snap.com (docs/sandbox.md has the list of choices where
Snapchat does not say).
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from audsync.errors import ConfigError
from audsync.sandbox.contract import Guide

DEFAULT_CLIENT_SECRET = "sandbox-client-secret"  # noqa: S105 - a name of the sandbox, no secret
DEFAULT_REFRESH_TOKEN = "sandbox-snapchat-refresh"  # noqa: S105 - a name of the sandbox, no secret
DEFAULT_ACCOUNT = "0b6f2f0e-5d1c-4a7e-9a55-2f6f8f0c1d11"
SCOPE = "snapchat-marketing-api"

Schema = Literal["EMAIL_SHA256", "PHONE_SHA256", "MOBILE_AD_ID_SHA256"]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
ErrorCode = Annotated[str, Field(pattern="^E[0-9]{4}$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Client(_Model):
    """An app that may ask for tokens."""

    id: str = "sandbox-client"
    secret: Annotated[str, Field(repr=False)] = DEFAULT_CLIENT_SECRET


class RefreshToken(_Model):
    """What a person granted to a client."""

    value: Annotated[str, Field(repr=False)] = DEFAULT_REFRESH_TOKEN
    client_id: str = "sandbox-client"
    scopes: tuple[str, ...] = (SCOPE,)
    accounts: tuple[str, ...] | None = None
    """Ad accounts on which the person has a role; None for all."""


class AdAccount(_Model):
    """An ad account."""

    id: Annotated[str, Field(min_length=1)] = DEFAULT_ACCOUNT
    name: str = "Sandbox ad account"
    organization_id: str = "7d1f4a52-3b0c-4f0e-8a61-5c9e2b7d4f10"
    has_role: bool = True
    """Whether anybody's token may use it; otherwise E3002."""


class Settings(_Model):
    """Everything that can be set; every field has the value of a well-kept account."""

    clients: tuple[Client, ...] = (Client(),)
    refresh_tokens: tuple[RefreshToken, ...] = (RefreshToken(),)
    rotates_refresh_tokens: bool = False
    """Each refresh gives a new refresh token, and the one it was made with dies."""
    token_life_s: Annotated[int, Field(ge=1)] = 3600
    invalid_client_status: Literal[400, 401] = 401
    invalid_grant_status: Literal[400, 401] = 400
    accounts: Annotated[tuple[AdAccount, ...], Field(min_length=1)] = (AdAccount(),)
    token_calls_per_s: Annotated[int, Field(ge=1)] | None = 10
    """None for no limit."""
    app_calls_per_s: Annotated[int, Field(ge=1)] | None = 20
    """None for no limit."""
    max_segments: Annotated[int, Field(ge=1)] = 1000
    max_rows: Annotated[int, Field(ge=1)] = 100_000
    max_body_bytes: Annotated[int, Field(ge=1)] | None = None
    """Larger bodies are refused with 413; None for no limit."""
    is_strict: bool = True
    """Refuse values that are no lower-case SHA-256; otherwise they are taken and match nobody."""
    upper_case_matches: bool = False
    """Without `is_strict`: upper-case digests mean the same person as lower-case ones."""
    one_schema_per_segment: bool = False
    """Refuse a second kind of identifier in a segment."""
    refuses_duplicate_names: bool = False
    retention_changes: Literal["applied", "ignored", "refused"] = "applied"
    """What an update does with another `retention_in_days`."""
    missing_segment: Literal["404", "410", "in_200"] = "404"
    """How a segment that is not there is told, but for DELETE, which always tells it in a 200."""
    validation_code: ErrorCode = "E1001"
    quota_code: ErrorCode = "E2001"
    duplicate_name_code: ErrorCode = "E2002"
    mixed_status: Literal["PARTIAL", "SUCCESS", "ERROR"] = "PARTIAL"
    """`request_status` when some elements of a call are refused and others are not."""
    varies_case: bool = True
    """Whether the word `success` comes in all the cases that the vendor's samples have."""
    unready_calls: Annotated[int, Field(ge=0)] = 0
    """How many calls to the members of a new segment say that it does not exist."""
    notes_races: bool = False
    """Note as a violation that a value is added while its removal waits, or the reverse."""
    pending_s: Annotated[float, Field(ge=0)] = 60.0
    """How long the status of a new segment stays PENDING."""
    processing_h: Annotated[float, Field(ge=0)] = 1.0
    """How long an upload is worked on; sizes move only then."""
    empties_after_s: Annotated[float, Field(ge=0)] = 0.0
    """How long `all_users` takes; what is added meanwhile goes too."""
    target_floor: Annotated[int, Field(ge=0)] = 1000
    """Matched people below which a segment is TOO_FEW_USERS."""
    smallest_shown: Annotated[int, Field(ge=0)] = 0
    """Smaller sizes are shown as 0."""
    people: Annotated[tuple[tuple[tuple[Schema, Digest], ...], ...], Field(repr=False)] = ()
    """Identifiers that Snapchat knows to be one person's: its own knowledge, not from uploads."""

    def changed(self, changes: Mapping[str, Any]) -> "Settings":
        """A copy with the fields of the JSON object `changes`.

        Raises:
            ConfigError: an unknown field or a value that is not allowed.
        """
        try:
            return Settings.model_validate({**self.model_dump(), **changes})
        except ValidationError as problem:
            told = "; ".join(
                f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in problem.errors()
            )
            raise ConfigError(f"these settings are not allowed: {told}") from problem


GUIDE = Guide(
    account=DEFAULT_ACCOUNT,
    credentials={
        "client_id": "sandbox-client",
        "client_secret": DEFAULT_CLIENT_SECRET,
        "refresh_token": DEFAULT_REFRESH_TOKEN,
    },
    login_path="/login/oauth2/access_token",
    email_key="EMAIL_SHA256",
    phone_key="PHONE_SHA256",
    phone_prefix="",
    has_own_people=True,
)
"""Phones without `+`: Snapchat's customer list page, read 2026-11-22."""
