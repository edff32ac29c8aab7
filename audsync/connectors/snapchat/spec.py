"""Snapchat's ways and limits as data. Imports nothing heavy: `status` reads it too."""

from collections.abc import Mapping
from dataclasses import replace

from audsync.connectors.contract import CallLimit, Replacing, Spec
from audsync.domain import Kind, Platform

BASE_URL = "https://adsapi.snapchat.com"
TOKEN_URL = "https://accounts.snapchat.com/login/oauth2/access_token"  # noqa: S105 - no secret
LIFETIME_DAYS = 9999
"""Members stay for as long as the list does; Snapchat's own default."""

SPEC = Spec(
    platform=Platform.SNAPCHAT,
    api_version="v1",
    accepts=(Kind.EMAIL, Kind.PHONE, Kind.MOBILE_ID),
    # Snapchat takes 100,000. Its byte limit is not documented, peers stay between 10,000 and
    # 50,000, and a lost answer puts fewer people into doubt.
    max_batch_rows=25_000,
    takes_person_rows=False,
    replaces_by=Replacing.SUCCESSOR,
    has_unique_names=False,
    max_name_chars=375,
    minimum_size=1_000,
    call_limits=(
        CallLimit(calls=10, window_s=1, scope="token", counted_by=("refresh_token",)),
        CallLimit(calls=20, window_s=1, scope="app", counted_by=("client_id",)),
    ),
    seconds_per_call=3.0,
    requests_at_once=4,
    account_requests_at_once=4,
    source="docs/platforms/snapchat.md, read 2026-11-22",
    base_url=BASE_URL,
    can_wipe=True,
)


def spec(options: Mapping[str, object]) -> Spec:
    """Snapchat's ways, for a connection with these options."""
    return lasting(options.get("retention_days"))


def lasting(days: object) -> Spec:
    """The same where members are forgotten after so many days."""
    if not isinstance(days, int) or days >= LIFETIME_DAYS:
        return SPEC
    return replace(SPEC, members_last_days=days)
