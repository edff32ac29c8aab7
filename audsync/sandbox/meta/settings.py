"""What a test may change about the simulated Meta: its app, tokens, ad accounts and strictness.

Facts as of 2026-11-22, from Meta's documentation (docs/sandbox.md has the list of choices where
Meta does not say).
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from audsync.errors import ConfigError
from audsync.sandbox.contract import Guide

DEFAULT_TOKEN = "sandbox-meta-token"  # noqa: S105 - a name of the sandbox, no secret
DEFAULT_APP_SECRET = "sandbox-app-secret"  # noqa: S105 - a name of the sandbox, no secret


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Token(_Model):
    """An access token that Meta knows."""

    value: Annotated[str, Field(repr=False)] = DEFAULT_TOKEN
    scopes: tuple[str, ...] = ("ads_management", "ads_read")
    expires_at: float = 0
    """Epoch seconds; 0 for never."""
    kind: Literal["SYSTEM_USER", "USER"] = "SYSTEM_USER"
    dead_subcode: int | None = None
    """Set to 458, 460, 467, ... to make it a token that was good once."""
    user_id: str = "122000111"
    accounts: tuple[str, ...] | None = None
    """Ad accounts that it may see; None for all."""


class AdAccount(_Model):
    """An ad account."""

    id: Annotated[str, Field(pattern=r"^[0-9]+$")] = "1001"
    name: str = "Sandbox ad account"
    status: int = 1
    terms_accepted: bool = True
    has_business: bool = True
    can_write: bool = True


class Settings(_Model):
    """Everything that can be set; every field has the value of a well-kept account."""

    oldest_version: int = 25
    latest_version: int = 26
    allows_unversioned: bool = False
    app_id: str = "sandbox-app"
    app_secret: Annotated[str, Field(repr=False)] = DEFAULT_APP_SECRET
    requires_proof: bool = False
    tokens: tuple[Token, ...] = (Token(),)
    long_token_days: Annotated[int, Field(ge=1)] = 60
    """How long a token lasts that another was traded for."""
    accounts: Annotated[tuple[AdAccount, ...], Field(min_length=1)] = (AdAccount(),)
    tier: Literal["development_access", "standard_access"] = "standard_access"
    budget_calls: Annotated[int, Field(ge=1)] | None = None
    """Calls an hour for each ad account; None for what the tier gives."""
    max_audiences: Annotated[int, Field(ge=1)] = 500
    max_url_bytes: Annotated[int, Field(ge=256)] = 16_384
    is_strict: bool = True
    """Refuse, and note as a violation, values that must never leave a client."""
    tolerates_repeated_batches: bool = False
    """Take a batch_seq of a /users session again instead of refusing it."""
    too_many_rows_code: Literal[1, 100] = 100
    unready_calls: Annotated[int, Field(ge=0)] = 0
    """How many calls to the edges of a new audience answer 803."""
    smallest_audience: Annotated[int, Field(ge=0)] = 0
    """A removal that would leave fewer matched people is refused with 1870047; 0 for never."""
    flagged_words: tuple[str, ...] = ("diabetes", "loan")
    """An audience with one of these in its name or description is flagged (471)."""
    populate_s: Annotated[float, Field(ge=0)] = 10.0
    """How long the status stays 441 after a replace."""
    counts_after_h: Annotated[float, Field(ge=0)] = 1.0
    """How long it takes until sizes show a change."""

    def flags(self, name: str, description: str) -> bool:
        """Whether such words suggest health or financial status."""
        words = f"{name} {description}".lower()
        return any(word in words for word in self.flagged_words)

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
    account="act_1001",
    credentials={"access_token": DEFAULT_TOKEN},
    email_key="EMAIL",
    phone_key="PHONE",
    phone_prefix="",
)
"""Phones without `+`: Meta's custom audiences guide, read 2026-11-22."""
