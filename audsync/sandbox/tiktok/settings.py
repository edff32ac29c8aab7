"""What a test may change about the simulated TikTok: its app, tokens, advertisers and strictness.

Facts as of 2026-11-22, from the Business API v1.3 documentation and SDK (docs/sandbox.md has the
list of choices where TikTok does not say).
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from audsync.errors import ConfigError
from audsync.sandbox.contract import Guide

DEFAULT_TOKEN = "sandbox-tiktok-token"  # noqa: S105 - a name of the sandbox, no secret
DEFAULT_APP_SECRET = "sandbox-secret"  # noqa: S105 - a name of the sandbox, no secret

_BASIC = {"basic": 1, "advanced": 2, "premium": 3, "ultimate": 5}
_CALLS_PER_S, _CALLS_PER_MIN, _CALLS_PER_DAY = 10, 600, 864_000

Hours = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Token(_Model):
    """An access token that TikTok gave out; it never ends by itself."""

    value: Annotated[str, Field(repr=False)] = DEFAULT_TOKEN
    scopes: tuple[int, ...] = (3, 30, 31)
    is_revoked: bool = False
    advertisers: tuple[str, ...] | None = None
    """Advertisers that granted it access; None for all."""
    user_id: str = "7200000000000000001"


class Advertiser(_Model):
    """An advertiser account."""

    id: Annotated[str, Field(pattern=r"^[0-9]+$")] = "7000000000000000001"
    name: str = "Sandbox advertiser"
    business_id: str = "7100000000000000001"
    """One mapping call serves advertisers of one business only."""


class Rates(_Model):
    """Calls that an app may make in a second, a minute and a day of UTC."""

    per_s: int
    per_min: int
    per_day: int


class Settings(_Model):
    """Everything that can be set; every field has the value of a well-kept account."""

    app_id: str = "sandbox-app"
    app_secret: Annotated[str, Field(repr=False)] = DEFAULT_APP_SECRET
    tokens: tuple[Token, ...] = (Token(),)
    advertisers: Annotated[tuple[Advertiser, ...], Field(min_length=1)] = (Advertiser(),)
    level: Literal["basic", "advanced", "premium", "ultimate"] = "basic"
    calls_per_s: Count | None = None
    """Instead of what the level gives; so with the two below."""
    calls_per_min: Count | None = None
    calls_per_day: Count | None = None
    restricted_s: Annotated[float, Field(ge=0)] = 300.0
    """How long an app stays shut out once it went over its minute."""
    advertiser_calls_per_s: Count | None = None
    """Answers 40133 above it; None for no such limit."""
    may_stream: bool = True
    """Whether the app is on the allow-list of the streaming path."""
    is_strict: bool = True
    """Refuse fields that the documentation does not name."""
    max_audiences: Count = 400
    too_many_rows_code: Literal[40011, 40061] = 40061
    mapping_delay_h: Hours = 0.0
    """How long a mapping call takes to reach the members."""
    counts_after_h: Hours = 24.0
    """How long it takes until the size of a streaming audience shows a change."""
    file_delay_h: Hours = 24.0
    """How long files are worked on; the audience cannot be edited meanwhile."""
    file_life_h: Hours = 24.0
    """How long an uploaded file can be used."""
    max_file_bytes: Count = 250 * 1024 * 1024
    smallest_audience: Annotated[int, Field(ge=0)] = 1_000
    """Matched people that a file must leave, and that make any audience valid."""
    allows_header_line: bool = False
    """Skip one line at the top of a file of one type instead of refusing it."""
    allows_cross_delete: bool = False
    """Let either path delete what the other one made."""
    unused_days: Count = 365
    """Days without an edit after which an audience without `retention_in_days` expires."""

    def rates(self) -> Rates:
        """What the app may call at its level, unless it is set otherwise."""
        times = _BASIC[self.level]
        return Rates(
            per_s=self.calls_per_s or _CALLS_PER_S * times,
            per_min=self.calls_per_min or _CALLS_PER_MIN * times,
            per_day=self.calls_per_day or _CALLS_PER_DAY * times,
        )

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
    account="7000000000000000001",
    credentials={"access_token": DEFAULT_TOKEN},
    email_key="EMAIL_SHA256",
    phone_key="PHONE_SHA256",
    phone_prefix="+",
)
"""Phones as E.164: TikTok's page on customer files, read 2026-11-22."""
