"""The JSON of TikTok's streaming path: what we send, what we read.

Pure; docs/platforms/tiktok.md has the sources.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from audsync.connectors import encode
from audsync.connectors.replies import text_field
from audsync.connectors.tiktok.audiences import STREAMED, Told, data, told
from audsync.connectors.tiktok.spec import SPEC
from audsync.domain import Action, Kind, RemoteAudience, RemoteId, UploadBatch

_LABELS: Mapping[Kind, str] = {
    Kind.EMAIL: "EMAIL_SHA256",
    Kind.PHONE: "PHONE_SHA256",
    # A UUID does not tell its system. One label for all, the one that other tools use as well.
    Kind.MOBILE_ID: "IDFA_SHA256",
}
"""TikTok's name for each kind; all of them travel as hashes."""

_VERBS = {Action.ADD: "add", Action.REMOVE: "delete"}

_CUT_NAME_CHARS = 67


def stored_name(name: str) -> str:
    """`name` as TikTok keeps it: it cuts what is too long, without a word."""
    return name if len(name) <= SPEC.max_name_chars else name[:_CUT_NAME_CHARS] + "..."


def mapping_body(batch: UploadBatch, account: str) -> bytes:
    """The JSON body that adds or removes members: one array a person, a slot a kind.

    Slots stand in the order of `id_schema`; every slot with a value names the audience itself.
    """
    labels = {kind: label for kind, label in _LABELS.items() if kind in batch.kinds}
    head = {
        "advertiser_ids": [account],
        "action": _VERBS[batch.action],
        "id_schema": list(labels.values()),
    }
    return encode.slots(
        batch.members,
        [encode.Column(kind, is_hashed=True) for kind in labels],
        opening='{"id":"',
        closing=f'","audience_ids":{json.dumps([batch.audience])}}}',
        before=f'{json.dumps(head)[:-1]},"batch_data":',
        after="}",
    )


def created(answer: Mapping[str, Any]) -> RemoteId:
    """The id of an audience that was just made.

    Raises:
        OutcomeUnknownError: there is none.
    """
    return RemoteId(text_field(data(answer), "audience_id"))


def remote_audience(answer: Mapping[str, Any], audience: RemoteId, now: datetime) -> RemoteAudience:
    """What TikTok says about one audience.

    Args:
        answer: of the call that reads audiences by their ids.
        audience: the one asked for.
        now: aware UTC.

    Raises:
        AudienceGoneError: it is not among them.
        OutcomeUnknownError: this is no answer about audiences.
    """
    found = told(answer, audience)
    is_ours = STREAMED.has(found.kind)
    size = _size(found, now)
    return RemoteAudience(
        id=found.id,
        name=found.name,
        size_lower=size,
        size_upper=size,
        is_usable=is_ours,
        note=_note(found, now)
        if is_ours
        else f"it is a {found.kind}, which takes no streamed members",
    )


def _note(found: Told, now: datetime) -> str:
    """The state of a streamed audience, which TikTok only tells in pieces; "" when all is well.

    None of these states keeps changes out.
    """
    ends_at = found.expires_at
    if ends_at is not None and found.is_expired(now):
        return f"expired on {ends_at:%Y-%m-%d}: nobody is reached by it any more"
    if found.failure:
        return f"TikTok reports: {found.failure}"
    if found.is_valid:
        is_ending = found.is_expiring and ends_at is not None
        return f"expires on {ends_at:%Y-%m-%d} unless an ad group uses it" if is_ending else ""
    if found.is_computing(now):
        return "people are being matched, which takes up to 48 hours"
    return _why_invalid(found.matched)


def _why_invalid(matched: int | None) -> str:
    if matched is not None and matched < SPEC.minimum_size:
        return (
            f"too small to use: {matched:,} matched people of at least {SPEC.minimum_size:,}, "
            "as counted up to 48 hours ago"
        )
    return "TikTok calls it not valid, without a reason"


def _size(found: Told, now: datetime) -> int | None:
    """Matched people; None while TikTok has not counted yet, which it writes as 0."""
    return None if found.matched == 0 and found.is_computing(now) else found.matched
