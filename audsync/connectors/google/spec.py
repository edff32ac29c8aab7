"""Google's ways and limits as data, by the kind of list. Imports nothing heavy."""

from collections.abc import Mapping
from dataclasses import replace

from audsync.connectors.contract import CallLimit, Replacing, Spec
from audsync.domain import STATEMENTS, Kind, Platform

BASE_URL = "https://datamanager.googleapis.com"
TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
CONTACT, MOBILE, USER_ID = "contact", "mobile", "user_id"
DEFAULT_LIST_KIND = CONTACT
MAX_MEMBERSHIP_DAYS = 540
"""Google has known no longer lists since 2025-04-07."""

_PROJECT = ("client_id", "service_account")
"""Google counts by Cloud project, of which these are as much as a connection knows."""

_CONTACT = Spec(
    platform=Platform.GOOGLE,
    api_version="v1",
    # Names and places form one identifier of four parts, which a removal would have to repeat
    # whole as it was sent; docs/platforms/google.md.
    accepts=(Kind.EMAIL, Kind.PHONE, *STATEMENTS),
    max_batch_rows=10_000,
    takes_person_rows=True,
    replaces_by=Replacing.SWEEP,
    has_unique_names=True,
    # Google documents no limit.
    max_name_chars=128,
    minimum_size=100,
    call_limits=(
        CallLimit(calls=300, window_s=60, scope="app", counted_by=_PROJECT),
        # Calls about lists share half as many a day, but are few.
        CallLimit(calls=100_000, window_s=86_400, scope="app", counted_by=_PROJECT),
    ),
    seconds_per_call=3.0,
    # Ten may be under way, for one list, too.
    requests_at_once=4,
    account_requests_at_once=10,
    source="docs/platforms/google.md, read 2026-11-22",
    base_url=BASE_URL,
    settles_within_s=86_400,
    sizes_settle_within_s=259_200,  # a day until members are there, two until they are counted
)

SPECS: Mapping[str, Spec] = {
    CONTACT: _CONTACT,
    MOBILE: replace(_CONTACT, accepts=(Kind.MOBILE_ID, *STATEMENTS)),
    USER_ID: replace(_CONTACT, accepts=(Kind.EXTERNAL_ID, *STATEMENTS)),
}
"""A list is of one kind for good, and takes nothing of the others."""


def spec(options: Mapping[str, object]) -> Spec:
    """Google's ways for lists of the option `list_kind`; contact where it is not known."""
    mine = SPECS.get(str(options.get("list_kind", DEFAULT_LIST_KIND)), _CONTACT)
    days = options.get("membership_days", MAX_MEMBERSHIP_DAYS)
    return replace(mine, members_last_days=days) if isinstance(days, int) else mine
