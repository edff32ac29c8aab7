"""TikTok's ways and limits as data. Imports nothing heavy: `status` reads it too."""

from collections.abc import Mapping
from dataclasses import replace

from audsync.connectors.contract import CallLimit, Replacing, Spec
from audsync.domain import Kind, Platform

BASE_URL = "https://business-api.tiktok.com"

_APP = ("app_id", "access_token")
"""A connection need not name its app; then its token, which belongs to one, stands for it."""

SPEC = Spec(
    platform=Platform.TIKTOK,
    api_version="v1.3",
    accepts=(Kind.EMAIL, Kind.PHONE, Kind.MOBILE_ID),
    # 10,000 is the most it takes; how many bytes it takes nobody says, and 10,000 people with
    # all three identifiers are 3.4 MB. Half of it is what is known to work well.
    max_batch_rows=5_000,
    takes_person_rows=True,
    # Members can be neither listed nor emptied.
    replaces_by=Replacing.SUCCESSOR,
    has_unique_names=False,
    max_name_chars=70,
    minimum_size=1_000,
    # A new app's level; further levels are granted on request. TikTok sends no usage headers.
    call_limits=(
        CallLimit(calls=10, window_s=1, scope="app", counted_by=_APP),
        CallLimit(calls=600, window_s=60, scope="app", counted_by=_APP),
        CallLimit(calls=864_000, window_s=86_400, scope="app", counted_by=_APP),
    ),
    seconds_per_call=2.0,
    requests_at_once=2,
    account_requests_at_once=2,
    source="docs/platforms/tiktok.md, read 2026-11-22",
    base_url=BASE_URL,
)


FILE_SPEC = replace(
    SPEC,
    # With all three identifiers 39 MB. The newest page allows 250 MB, older ones 50.
    max_batch_rows=200_000,
    # APPEND and REMOVE would be days apart: each is computed for up to two.
    replaces_by=Replacing.SESSION,
    changes_by_replace=True,
    creates_with_members=True,
    settles_within_s=172_800,
    sizes_settle_within_s=345_600,  # they are counted once the file is read
    max_name_chars=128,
    seconds_per_call=10.0,
)


def spec(options: Mapping[str, object]) -> Spec:
    """The ways of the path that a connection's `upload` names."""
    return FILE_SPEC if options.get("upload") == "file" else SPEC
