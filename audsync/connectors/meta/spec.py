"""Meta's ways and limits as data. Imports nothing heavy: `status` reads it too."""

from collections.abc import Mapping
from dataclasses import replace

from audsync.connectors.contract import CallLimit, Replacing, Spec
from audsync.domain import Kind, Platform

BASE_URL = "https://graph.facebook.com"

SPEC = Spec(
    platform=Platform.META,
    api_version="v26.0",
    accepts=(
        Kind.EMAIL,
        Kind.PHONE,
        Kind.MOBILE_ID,
        Kind.EXTERNAL_ID,
        Kind.FIRST_NAME,
        Kind.LAST_NAME,
        Kind.CITY,
        Kind.STATE,
        Kind.ZIP_CODE,
        Kind.COUNTRY,
        Kind.GENDER,
        Kind.BIRTH_YEAR,
        Kind.BIRTH_MONTH,
        Kind.BIRTH_DAY,
    ),
    max_batch_rows=10_000,
    takes_person_rows=True,
    replaces_by=Replacing.SESSION,
    has_unique_names=False,
    # Meta documents no limit; longer names are hard to tell apart on its screens.
    max_name_chars=50,
    minimum_size=100,
    smallest_size_told=1_000,
    # The bucket `custom_audience` of an app with development access, without the 40 calls that
    # each active audience adds; with standard access it is 190,000. Usage headers override it.
    call_limits=(CallLimit(calls=5_000, window_s=3_600, scope="account"),),
    seconds_per_call=2.0,
    # Meta does not say what requests that are under way together do to each other.
    requests_at_once=1,
    source="docs/platforms/meta.md, read 2026-11-22",
    base_url=BASE_URL,
)


def spec(options: Mapping[str, object]) -> Spec:
    """Meta's ways, for a connection with these options."""
    return lasting(options.get("retention_days"))


def lasting(days: object) -> Spec:
    """The same where members are forgotten after so many days; None for never."""
    return replace(SPEC, members_last_days=days) if isinstance(days, int) else SPEC
