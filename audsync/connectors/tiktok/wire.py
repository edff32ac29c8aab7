"""TikTok's JSON: what we send, what we read. Pure; docs/platforms/tiktok.md has the sources."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from audsync.connectors import encode
from audsync.connectors.replies import count_field, text_field, unusable
from audsync.connectors.tiktok.spec import SPEC
from audsync.connectors.words import harmless
from audsync.domain import Action, Kind, RemoteAudience, RemoteId, UploadBatch
from audsync.errors import AudienceGoneError

_LABELS: Mapping[Kind, str] = {
    Kind.EMAIL: "EMAIL_SHA256",
    Kind.PHONE: "PHONE_SHA256",
    # A UUID does not tell its system. One label for all, the one that other tools use as well.
    Kind.MOBILE_ID: "IDFA_SHA256",
}
"""TikTok's name for each kind; all of them travel as hashes."""

_VERBS = {Action.ADD: "add", Action.REMOVE: "delete"}

_CUT_NAME_CHARS = 67
_MATCHING_TIME = timedelta(hours=48)
_STREAMED = "partner"
"""What TikTok calls an audience that is filled by streaming, in lower case."""


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
    rows = encode.slots(
        batch.members,
        [encode.Column(kind, is_hashed=True) for kind in labels],
        opening='{"id":"',
        closing=f'","audience_ids":{json.dumps([batch.audience])}}}',
    )
    return f'{json.dumps(head)[:-1]},"batch_data":{rows}}}'.encode()


def created(answer: Mapping[str, Any]) -> RemoteId:
    """The id of an audience that was just made.

    Raises:
        OutcomeUnknownError: there is none.
    """
    return RemoteId(text_field(_data(answer), "audience_id"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One audience in the ad account's list."""

    id: RemoteId
    name: str
    is_streamed: bool
    """Whether it is filled by streaming, as ours are."""
    created_at: str
    """As TikTok writes it; texts sort as the moments do."""

    @property
    def age_key(self) -> tuple[str, int, str]:
        """Sorts the oldest first. Ids grow, and tell apart what one second has made."""
        return (self.created_at, len(self.id), self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of the ad account's list."""

    audiences: tuple[Listed, ...]
    pages: int
    """How many there are in all."""


def page(answer: Mapping[str, Any]) -> Page:
    """One page of audiences of all types.

    Raises:
        OutcomeUnknownError: this is no list of audiences.
    """
    data = _data(answer)
    info = data.get("page_info")
    if not isinstance(info, dict):
        raise unusable("page_info")
    return Page(
        audiences=tuple(_listed(entry) for entry in _objects(data, "list")),
        pages=count_field(info, "total_page"),
    )


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
    for entry in _objects(_data(answer), "list"):
        details = entry.get("audience_details")
        if isinstance(details, dict) and text_field(details, "audience_id") == audience:
            return _remote(details, _last_edit(entry, details), now)
    raise AudienceGoneError(
        "The audience does not exist on TikTok any more. Recreate it, or unlink it.",
        details={"platform": "tiktok", "where": "platform"},
    )


def _remote(
    details: Mapping[str, Any], edited_at: datetime | None, now: datetime
) -> RemoteAudience:
    kind = _kind(details)
    is_computing = edited_at is not None and now - edited_at < _MATCHING_TIME
    size = _size(details, is_computing=is_computing)
    note = _note(details, is_computing=is_computing, now=now)
    if not _is_streamed(kind):
        note = f"it is a {kind}, which takes no streamed members"
    return RemoteAudience(
        id=RemoteId(text_field(details, "audience_id")),
        name=text_field(details, "name"),
        size_lower=size,
        size_upper=size,
        is_usable=_is_streamed(kind),
        note=note,
    )


def _note(details: Mapping[str, Any], *, is_computing: bool, now: datetime) -> str:
    """The state of a streamed audience, which TikTok only tells in pieces; "" when all is well.

    None of these states keeps changes out.
    """
    failure = harmless(details.get("error_msg"))
    ends_at = _moment(details.get("expired_time"))
    if ends_at is not None and ends_at <= now:
        return f"expired on {ends_at:%Y-%m-%d}: nobody is reached by it any more"
    if failure:
        return f"TikTok reports: {failure}"
    if details.get("is_valid") is True:
        is_ending = details.get("is_expiring") is True and ends_at is not None
        return f"expires on {ends_at:%Y-%m-%d} unless an ad group uses it" if is_ending else ""
    if is_computing:
        return "people are being matched, which takes up to 48 hours"
    return _why_invalid(_size(details, is_computing=False))


def _why_invalid(matched: int | None) -> str:
    if matched is not None and matched < SPEC.minimum_size:
        return (
            f"too small to use: {matched:,} matched people of at least {SPEC.minimum_size:,}, "
            "as counted up to 48 hours ago"
        )
    return "TikTok calls it not valid, without a reason"


def _size(details: Mapping[str, Any], *, is_computing: bool) -> int | None:
    """Matched people; None while TikTok has not counted yet, which it writes as 0."""
    value = details.get("cover_num")
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return None
    return None if value == 0 and is_computing else value


def _last_edit(entry: Mapping[str, Any], details: Mapping[str, Any]) -> datetime | None:
    """When it was last changed, its creation included, as far as TikTok tells."""
    history = entry.get("audience_history")
    edits = (
        [edit for edit in history if isinstance(edit, dict)] if isinstance(history, list) else []
    )
    told = [details.get("create_time"), *(edit.get("opt_time") for edit in edits)]
    return max(filter(None, map(_moment, told)), default=None)


def _listed(entry: Mapping[str, Any]) -> Listed:
    name, created_at = entry.get("name"), entry.get("create_time")
    return Listed(
        id=RemoteId(text_field(entry, "audience_id")),
        name=name if isinstance(name, str) else "",
        is_streamed=_is_streamed(_kind(entry)),
        created_at=created_at if isinstance(created_at, str) else "",
    )


def _kind(entry: Mapping[str, Any]) -> str:
    """TikTok's words for the type of an audience, whose key depends on the call."""
    for key in ("type", "audience_type"):
        if kind := harmless(entry.get(key)):
            return kind
    return ""


def _is_streamed(kind: str) -> bool:
    """A type that is not told is taken for ours."""
    return not kind or kind.lower().startswith(_STREAMED)


def _moment(text: object) -> datetime | None:
    """A moment that TikTok writes, always in GMT; None where it cannot be read."""
    if not isinstance(text, str):
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _data(answer: Mapping[str, Any]) -> dict[str, Any]:
    data = answer.get("data")
    if not isinstance(data, dict):
        raise unusable("data")
    return data


def _objects(data: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    entries = data.get(name)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise unusable(name)
    return entries
