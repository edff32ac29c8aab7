"""Snapchat's JSON: what we send, what we read. Pure; docs/platforms/snapchat.md has the sources."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from audsync.connectors import encode
from audsync.connectors.replies import count_field, text_field, unusable
from audsync.connectors.snapchat.failures import is_success
from audsync.connectors.words import harmless, reference
from audsync.domain import Kind, Receipt, RemoteAudience, RemoteId, UploadBatch

_SCHEMAS: Mapping[Kind, str] = {
    Kind.EMAIL: "EMAIL_SHA256",
    Kind.PHONE: "PHONE_SHA256",
    Kind.MOBILE_ID: "MOBILE_AD_ID_SHA256",
}
_OURS = "FIRST_PARTY"
"""The source of customer lists; other segments are Snapchat's own."""
_DELETED = "DELETED"
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_MAX_CURSOR_CHARS = 4_096


def new_segment(*, account: str, name: str, description: str, retention_days: int) -> bytes:
    """The JSON body of a call that makes one segment."""
    segment = {
        "name": name,
        "ad_account_id": account,
        "source_type": _OURS,
        "retention_in_days": retention_days,
        **({"description": description} if description else {}),
    }
    return json.dumps({"segments": [segment]}).encode()


def members_body(batch: UploadBatch) -> bytes:
    """The JSON body of a call that adds or removes members, all of one kind.

    The segment's id stands in the vendor's sample of a removal only; an add takes it as well.
    """
    kind = encode.only_kind(batch.members)
    head = json.dumps({"id": batch.audience, "schema": [_SCHEMAS[kind]]})
    return encode.arrays(
        batch.members,
        [encode.Column(kind, is_hashed=True)],
        before=f'{{"users":[{head[:-1]},"data":',
        after="}]}",
    )


def receipt(answer: Mapping[str, Any], batch: UploadBatch) -> Receipt:
    """What Snapchat says about one upload.

    Its count is of what it received, matched or not, and it never tells which values it cannot
    use. A count below what was sent means that values were lost on the way: nothing is then
    certain.

    Raises:
        OutcomeUnknownError: a field is missing or cannot be true.
    """
    user = _entity(answer, "users", "user")
    if count_field(user, "number_uploaded_users") < batch.rows:
        raise unusable("number_uploaded_users")
    return Receipt(
        received_rows=batch.rows,
        rejected_rows=0,
        reference=reference(answer.get("request_id")) or "",
    )


def segment_id(answer: Mapping[str, Any]) -> RemoteId:
    """The id of the one segment in an answer.

    Raises:
        OutcomeUnknownError: there is none that can be used in an address.
    """
    return _id(_entity(answer, "segments", "segment"))


def remote_audience(answer: Mapping[str, Any], audience: RemoteId) -> RemoteAudience | None:
    """What Snapchat says about one segment; None when it calls it deleted.

    Snapchat takes changes in every state, also while it still works off earlier uploads. Its size
    is rounded, and 0 may stand for any number too small to be told.

    Raises:
        OutcomeUnknownError: it is another segment, or has no name.
    """
    segment = _entity(answer, "segments", "segment")
    if _id(segment) != audience:
        raise unusable("id")
    if segment.get("status") == _DELETED:
        return None
    size = segment.get("approximate_number_users")
    is_count = isinstance(size, int) and not isinstance(size, bool) and size >= 0
    return RemoteAudience(
        id=audience,
        name=text_field(segment, "name"),
        size_lower=size if is_count else None,
        size_upper=size if is_count and size else None,
        note=_note(segment),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of an ad account's segments."""

    audiences: tuple[tuple[str, RemoteId], ...]
    """Those wanted: time of creation as ISO text, id."""
    next_query: str | None
    """The query that brings the next page; None on the last."""


def page(answer: Mapping[str, Any], name: str, path: str) -> Page:
    """The customer lists called exactly `name` on one page, and where the next begins.

    Args:
        answer: one page of the list.
        name: the name wanted.
        path: how the address of the list ends.

    Raises:
        OutcomeUnknownError: this is no list of segments.
    """
    return Page(
        audiences=tuple(
            (str(segment.get("created_at", "")), _id(segment))
            for segment in _segments(answer)
            if segment.get("name") == name
            and segment.get("source_type", _OURS) == _OURS
            and segment.get("status") != _DELETED
        ),
        next_query=_next_query(answer, path),
    )


def seen(answer: Mapping[str, Any]) -> None:
    """See that `answer` is a page of segments.

    Raises:
        OutcomeUnknownError: it is not.
    """
    _segments(answer)


def _segments(answer: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    entries = answer.get("segments")
    if not isinstance(entries, list):
        raise unusable("segments")
    segments = [entry.get("segment") if isinstance(entry, dict) else None for entry in entries]
    if not all(isinstance(segment, dict) for segment in segments):
        raise unusable("segments")
    return [segment for segment in segments if segment is not None]


def _next_query(answer: Mapping[str, Any], path: str) -> str | None:
    """The query of the link to the next page.

    Only the query is used, at our own address: a link never leads the token to another host or
    past a proxy.
    """
    paging = answer.get("paging")
    link = paging.get("next_link") if isinstance(paging, dict) else None
    if link is None or link == "":
        return None
    if not isinstance(link, str) or len(link) > _MAX_CURSOR_CHARS:
        raise unusable("next_link")
    try:
        parts = urlsplit(link)
        parse_qsl(parts.query, strict_parsing=True)
    except ValueError:
        raise unusable("next_link") from None
    if not parts.path.endswith(path) or not re.fullmatch(r"[!-~]+", parts.query):
        raise unusable("next_link")
    return parts.query


def _entity(answer: Mapping[str, Any], plural: str, singular: str) -> Mapping[str, Any]:
    """The one entity that an answer to a call about one must hold."""
    entries = answer.get(plural)
    if not isinstance(entries, list) or len(entries) != 1 or not isinstance(entries[0], dict):
        raise unusable(plural)
    if not is_success(entries[0].get("sub_request_status")):
        raise unusable("sub_request_status")
    entity = entries[0].get(singular)
    if not isinstance(entity, dict):
        raise unusable(singular)
    return entity


def _id(segment: Mapping[str, Any]) -> RemoteId:
    """A segment's id: opaque text that becomes part of addresses."""
    value = text_field(segment, "id")
    if not _ID.fullmatch(value):
        raise unusable("id")
    return RemoteId(value)


def _note(segment: Mapping[str, Any]) -> str:
    """Snapchat's words on a segment that cannot be used for targeting yet, or still moves."""
    usual = {"targetable_status": "READY", "upload_status": "COMPLETE"}
    told = {name: harmless(segment.get(name)) for name in usual}
    return "; ".join(
        f"{name} {words}" for name, words in told.items() if words and words != usual[name]
    )
