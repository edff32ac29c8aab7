"""What TikTok tells about its audiences, of either path: their list, and one of them. Pure.

Sources: docs/platforms/tiktok.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from audsync.connectors.replies import count_field, text_field, unusable
from audsync.connectors.words import harmless
from audsync.domain import RemoteId
from audsync.errors import AudienceGoneError

MATCHING_TIME = timedelta(hours=48)
"""For so long at most TikTok computes an audience after a change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """The audiences of one of TikTok's two paths, which take no members of the other."""

    begins: str
    """How TikTok's words for their type begin, in lower case."""
    takes: str
    """What their members come as, for people."""

    def has(self, kind: str) -> bool:
        """Whether an audience of this type is one of them; a type that is not told may be."""
        return not kind or kind.lower().startswith(self.begins)


STREAMED = Family(begins="partner", takes="streamed members")
FILED = Family(begins="customer file", takes="members in files")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One audience in the ad account's list."""

    id: RemoteId
    name: str
    kind: str
    """TikTok's words for its type; "" where it tells none."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One audience, as TikTok describes it."""

    id: RemoteId
    name: str
    kind: str
    is_valid: bool
    """Whether it can be used; not so while it is computed, nor when it has expired."""
    is_expiring: bool
    expires_at: datetime | None
    matched: int | None
    """People it met; TikTok writes 0 as long as it has not counted."""
    failure: str
    """TikTok's words on what went wrong with it last, "" where nothing did."""
    edited_at: datetime | None
    """When it was last changed, its creation included."""

    def is_expired(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and self.expires_at <= now

    def is_computing(self, now: datetime) -> bool:
        """Whether it was changed so lately that TikTok may still be at work."""
        return self.edited_at is not None and now - self.edited_at < MATCHING_TIME


def page(answer: Mapping[str, Any]) -> Page:
    """One page of audiences of all types.

    Raises:
        OutcomeUnknownError: this is no list of audiences.
    """
    found = data(answer)
    info = found.get("page_info")
    if not isinstance(info, dict):
        raise unusable("page_info")
    return Page(
        audiences=tuple(_listed(entry) for entry in _objects(found, "list")),
        pages=count_field(info, "total_page"),
    )


def told(answer: Mapping[str, Any], audience: RemoteId) -> Told:
    """What the answer of the call that reads audiences by their ids says of one of them.

    Raises:
        AudienceGoneError: it is not among them.
        OutcomeUnknownError: this is no answer about audiences.
    """
    for entry in _objects(data(answer), "list"):
        details = entry.get("audience_details")
        if isinstance(details, dict) and text_field(details, "audience_id") == audience:
            return _told(details, entry.get("audience_history"))
    raise AudienceGoneError(
        "The audience does not exist on TikTok any more. Recreate it, or unlink it.",
        details={"platform": "tiktok", "where": "platform"},
    )


def data(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What an answer holds beside its result.

    Raises:
        OutcomeUnknownError: nothing.
    """
    found = answer.get("data")
    if not isinstance(found, dict):
        raise unusable("data")
    return found


def _told(details: Mapping[str, Any], history: object) -> Told:
    return Told(
        id=RemoteId(text_field(details, "audience_id")),
        name=text_field(details, "name"),
        kind=_kind(details),
        is_valid=details.get("is_valid") is True,
        is_expiring=details.get("is_expiring") is True,
        expires_at=_moment(details.get("expired_time")),
        matched=_matched(details.get("cover_num")),
        failure=harmless(details.get("error_msg")) or "",
        edited_at=_last_edit(details, history),
    )


def _matched(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return None
    return value


def _last_edit(details: Mapping[str, Any], history: object) -> datetime | None:
    edits = (
        [edit for edit in history if isinstance(edit, dict)] if isinstance(history, list) else []
    )
    moments = [details.get("create_time"), *(edit.get("opt_time") for edit in edits)]
    return max(filter(None, map(_moment, moments)), default=None)


def _listed(entry: Mapping[str, Any]) -> Listed:
    name, created_at = entry.get("name"), entry.get("create_time")
    return Listed(
        id=RemoteId(text_field(entry, "audience_id")),
        name=name if isinstance(name, str) else "",
        kind=_kind(entry),
        created_at=created_at if isinstance(created_at, str) else "",
    )


def _kind(entry: Mapping[str, Any]) -> str:
    """TikTok's words for the type of an audience, whose key depends on the call."""
    for key in ("type", "audience_type"):
        if kind := harmless(entry.get(key)):
            return kind
    return ""


def _moment(text: object) -> datetime | None:
    """A moment that TikTok writes, always in GMT; None where it cannot be read."""
    if not isinstance(text, str):
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _objects(found: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    entries = found.get(name)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise unusable(name)
    return entries
