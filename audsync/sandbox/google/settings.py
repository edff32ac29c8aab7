"""What a test may change about the simulated Google: credentials, accounts, speed and failures.

Facts as of 2026-11-22, from Google's documentation (docs/sandbox.md has the list of choices where
Google does not say).
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from audsync.errors import ConfigError
from audsync.sandbox.contract import Guide

SCOPE = "https://www.googleapis.com/auth/datamanager"
DEFAULT_SECRET = "sandbox-client-secret"  # noqa: S105 - a name of the sandbox, no secret
DEFAULT_REFRESH_TOKEN = "sandbox-google-refresh"  # noqa: S105 - a name of the sandbox, no secret
DEFAULT_PUBLIC_KEY = """\
-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA38JabMxZq4iV6p4J7REy
JL8WBBwQpGFqbdNwS93EUkwKvrPvj04a1mQyRpAxbMYuylG+rjqyoli1rO5saGEx
3mhxco8LnshIJYsQtu0b7VDjBeoiRFKHEqRkyZ7l0iDqykG9akGcYu/O5SNYgHeD
09trlvxTWyp755O/ft9Md0+gjJpVGqsf/Ikv+SyCq32312DHvhr02hAFPQ2biJ3B
SLnbIRPkf+xwHp2KM58RyvKwVRZsp7Q+bubgIqX1c1wmqQIHn9XQ5wY4QJ/V4S37
g6PEIjrs6Vg9v+h6qZ0z19IG/KQ61u+Bwnl4NOHrCQ3+B8uGYSkV1JGAsOAm3P3W
RwIDAQAB
-----END PUBLIC KEY-----
"""
"""The public half of the key in tests/sandbox/google/service_account.json."""

AccountId = Annotated[str, Field(pattern=r"^[0-9]+$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Principal(_Model):
    """What any credential brings with it."""

    scopes: tuple[str, ...] = (SCOPE,)
    """What the user agreed to; for a service account, what it may ask for."""
    accounts: tuple[AccountId, ...] | None = None
    """Ads accounts with direct access; None for all. A manager opens those it manages."""
    is_dead: bool = False
    """Revoked, or expired with its consent screen."""


class RefreshToken(Principal):
    """What a user's consent left behind."""

    value: Annotated[str, Field(repr=False)] = DEFAULT_REFRESH_TOKEN
    client_id: str = "sandbox-client"


class ServiceAccount(Principal):
    """A robot that signs for its own tokens."""

    email: str = "audsync@audsync-sandbox.iam.gserviceaccount.com"
    public_key: str = DEFAULT_PUBLIC_KEY
    """PEM; only RSA."""


class Client(_Model):
    """An OAuth client of the Cloud project."""

    id: str = "sandbox-client"
    secret: Annotated[str, Field(repr=False)] = DEFAULT_SECRET


class AdsAccount(_Model):
    """A Google Ads account, or a manager account."""

    id: AccountId = "1234567890"
    managers: tuple[AccountId, ...] = ("9876543210",)
    """Accounts through which it can be reached."""
    is_allowlisted: bool = True
    """False: every change of lists and members answers NOT_ALLOWLISTED."""
    needs_eu_declaration: bool = False
    """True: a create answers EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED."""


class Quota(_Model):
    """How many calls of one kind a project has."""

    per_minute: Annotated[int, Field(ge=0)] = 300
    per_day: Annotated[int, Field(ge=0)] = 100_000


class Quotas(_Model):
    """Data Manager limits page, read 2026-11-22."""

    ingestion_mutate: Quota = Quota()
    ingestion_read: Quota = Quota()
    management_mutate: Quota = Quota(per_day=50_000)
    management_read: Quota = Quota(per_day=50_000)


class Outcome(_Model):
    """What becomes of one request, instead of a success."""

    nth: Annotated[int, Field(ge=1)] = 1
    """Which of the accepted requests of that action, counted from when this was set."""
    action: Literal["ingest", "remove", "remove_all", ""] = ""
    """Empty for any."""
    status: Literal["FAILED", "PARTIAL_SUCCESS", "PROCESSING"] = "FAILED"
    """PROCESSING: it never ends."""
    reason: str = "PROCESSING_ERROR_REASON_INTERNAL_ERROR"
    records: Annotated[int, Field(ge=1)] = 1
    """PARTIAL_SUCCESS: how many members, from the end of the request, are not applied."""


class Settings(_Model):
    """Everything that can be set; every field has the value of a well-kept account."""

    clients: tuple[Client, ...] = (Client(),)
    refresh_tokens: tuple[RefreshToken, ...] = (RefreshToken(),)
    service_accounts: tuple[ServiceAccount, ...] = (ServiceAccount(),)
    token_life_s: Annotated[int, Field(ge=1)] = 3599
    is_enabled: bool = True
    """Whether the project has the Data Manager API enabled."""
    accounts: Annotated[tuple[AdsAccount, ...], Field(min_length=1)] = (
        AdsAccount(),
        AdsAccount(id="9876543210", managers=()),
    )
    quotas: Quotas = Quotas()
    settle_after_s: Annotated[float, Field(ge=0)] = 1800.0
    """How long a request is PROCESSING; also for those that are being worked off."""
    apply: Literal["at_settlement", "at_once"] = "at_settlement"
    """When members change."""
    order: Literal["fifo", "reversed", "shuffled"] = "fifo"
    """In which order requests of one list that are in flight together are applied."""
    order_seed: int = 0
    added_at: Literal["received", "settled"] = "received"
    """Which time counts as the last one a member was added."""
    outcomes: tuple[Outcome, ...] = ()
    status_kept_days: Annotated[float, Field(gt=0)] = 50.0
    removal_needs: Literal["any_identifier", "all_identifiers"] = "any_identifier"
    """What takes a person out: one of the person's identifiers, or all that the list has."""
    mobile_ids_ignore_case: bool = True
    requires_consent: bool = False
    """Count members without consent as NO_CONSENT and leave them out."""
    reports_mixed_consent: bool = False
    """Note a request whose members have different consents as a violation."""
    is_strict: bool = True
    """Refuse the hash of the empty text, which Google cannot tell from others."""
    unready_calls: Annotated[int, Field(ge=0)] = 0
    """How many member calls for a new list answer INVALID_USER_LIST_ID."""
    duplicate_name_status: Literal[400, 409] = 400
    missing_list: Literal["NOT_FOUND", "PERMISSION_DENIED"] = "NOT_FOUND"
    """What get, patch and delete of an unknown list answer."""
    names_ignore_case: bool = False
    max_name_chars: Annotated[int, Field(ge=1)] = 128
    reserved_names: tuple[str, ...] = ("AdWords optimized list",)
    counts_after_h: Annotated[float, Field(ge=0)] = 24.0
    """How long it takes until sizes show a change."""
    smallest_size: Annotated[int, Field(ge=0)] = 100
    """Below it sizes are 0 and the list serves nowhere."""

    def account(self, account_id: str) -> AdsAccount | None:
        """The account of that id."""
        return next((each for each in self.accounts if each.id == account_id), None)

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
    account="1234567890",
    credentials={
        "client_id": "sandbox-client",
        "client_secret": DEFAULT_SECRET,
        "refresh_token": DEFAULT_REFRESH_TOKEN,
    },
    options={
        "consent": {"ad_user_data": "granted", "ad_personalization": "granted"},
        "terms_accepted": True,
    },
    login_path="/token",
    email_key="EMAIL",
    phone_key="PHONE",
    phone_prefix="+",
)
"""Phones as E.164: Data Manager API formatting guide, read 2026-11-22."""
