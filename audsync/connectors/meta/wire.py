"""Meta's JSON: what we send, what we read. Pure; docs/platforms/meta.md has the sources."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audsync.connectors import encode
from audsync.connectors.replies import count_field, text_field, unusable
from audsync.domain import Kind, Receipt, RemoteAudience, RemoteId, UploadBatch

_KEYS: Mapping[Kind, tuple[str, bool]] = {
    Kind.EXTERNAL_ID: ("EXTERN_ID", False),
    Kind.EMAIL: ("EMAIL", True),
    Kind.PHONE: ("PHONE", True),
    Kind.MOBILE_ID: ("MADID", False),
    Kind.FIRST_NAME: ("FN", True),
    Kind.LAST_NAME: ("LN", True),
    Kind.CITY: ("CT", True),
    Kind.STATE: ("ST", True),
    Kind.ZIP_CODE: ("ZIP", True),
    Kind.COUNTRY: ("COUNTRY", True),
    Kind.GENDER: ("GEN", True),
    Kind.BIRTH_YEAR: ("DOBY", True),
    Kind.BIRTH_MONTH: ("DOBM", True),
    Kind.BIRTH_DAY: ("DOBD", True),
}
"""Meta's name for each kind, and whether it takes the hash; in the order of our columns."""

_NORMAL = 200
_POPULATING = 441
_NOT_EDITABLE = {414, 470, 471}
"""Operation states that refuse changes: a replace runs, or a policy flag holds."""

_ABSURD = 100
"""A session cannot have received so many times its rows, however often it was repeated."""

AUDIENCE_FIELDS = (
    "id,name,approximate_count_lower_bound,approximate_count_upper_bound,"
    "operation_status,delivery_status"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Meta's frame around uploads that belong together."""

    id: int
    number: int
    is_last: bool
    rows: int

    def as_json(self) -> dict[str, Any]:
        """The parameter `session`."""
        return {
            "session_id": self.id,
            "batch_seq": self.number,
            "last_batch_flag": self.is_last,
            "estimated_num_total": self.rows,
        }


def members_payload(batch: UploadBatch) -> bytes:
    """A body up to the parameter `payload` of an upload, removal or replace, and with it.

    The schema is always a list, even of one key: Meta ties an audience for good to the form it
    was first filled with, and refuses the other with 2650.
    """
    keys = [(kind, *key) for kind, key in _KEYS.items() if kind in batch.kinds]
    schema = json.dumps([name for _, name, _ in keys])
    columns = [encode.Column(kind, is_hashed=is_hashed) for kind, _, is_hashed in keys]
    before = f'{{"payload":{{"schema":{schema},"is_raw":true,"data":'
    return encode.arrays(batch.members, columns, before=before, after="}")


def members_body(payload: bytes, session: Session) -> bytes:
    """The JSON body of a call that carries members: `members_payload`, and the session."""
    return b'%b,"session":%b}' % (payload, json.dumps(session.as_json()).encode())


def receipt(answer: Mapping[str, Any], batch: UploadBatch) -> Receipt:
    """What Meta says about one upload.

    Its counts may be of the whole session so far, so they never say more of a batch than its own
    rows. A count below these means that rows were lost on the way: nothing is then certain. The
    samples of invalid entries are left unread: they hold people's values.

    Raises:
        OutcomeUnknownError: a field is missing or cannot be true.
    """
    if text_field(answer, "audience_id") != batch.audience:
        raise unusable("audience_id")
    received = count_field(answer, "num_received")
    if not batch.rows <= received <= _ABSURD * batch.session_rows:
        raise unusable("num_received")
    return Receipt(
        received_rows=min(received, batch.rows),
        rejected_rows=min(count_field(answer, "num_invalid_entries"), batch.rows),
        reference=text_field(answer, "session_id"),
    )


def remote_audience(answer: Mapping[str, Any]) -> RemoteAudience:
    """What Meta says about one audience.

    Raises:
        OutcomeUnknownError: it has no id or name.
    """
    operation, operation_words = _status(answer, "operation_status")
    delivery, delivery_words = _status(answer, "delivery_status")
    notes = [operation_words] if operation not in {_NORMAL, _POPULATING} else []
    notes += [delivery_words] if delivery != _NORMAL else []
    return RemoteAudience(
        id=RemoteId(text_field(answer, "id")),
        name=text_field(answer, "name"),
        size_lower=_size(answer, "approximate_count_lower_bound"),
        size_upper=_size(answer, "approximate_count_upper_bound"),
        is_usable=operation not in _NOT_EDITABLE,
        note="; ".join(notes),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of an ad account's audiences."""

    audiences: tuple[tuple[int, RemoteId], ...]
    """Those wanted: time of creation in Unix seconds, id."""
    after: str | None
    """Where the next page begins; None on the last."""


def page(answer: Mapping[str, Any], name: str) -> Page:
    """The customer lists called exactly `name` on one page, and where the next begins.

    Raises:
        OutcomeUnknownError: this is no list of audiences.
    """
    entries = answer.get("data")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise unusable("data")
    audiences = tuple(
        (_time(entry), RemoteId(text_field(entry, "id")))
        for entry in entries
        if entry.get("name") == name and entry.get("subtype", "CUSTOM") == "CUSTOM"
    )
    return Page(audiences=audiences, after=_next_cursor(answer))


def _next_cursor(answer: Mapping[str, Any]) -> str | None:
    """The cursor of the next page. `next`, a whole address, only tells that there is one."""
    paging = answer.get("paging")
    if not isinstance(paging, dict) or not paging.get("next"):
        return None
    cursors = paging.get("cursors")
    if not isinstance(cursors, dict):
        raise unusable("paging")
    return text_field(cursors, "after")


def _status(answer: Mapping[str, Any], name: str) -> tuple[int, str]:
    """Code and words of a state; a state that is not told counts as normal."""
    status = answer.get(name)
    code = status.get("code") if isinstance(status, dict) else None
    if not isinstance(status, dict) or not isinstance(code, int):
        return _NORMAL, ""
    return code, f"{name} {code}: {str(status.get('description', ''))[:200]}"


def _size(answer: Mapping[str, Any], name: str) -> int | None:
    """A bound of the size; None while Meta does not tell it: null at first, -1 when inactive."""
    value = answer.get(name)
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if is_count else None


def _time(entry: Mapping[str, Any]) -> int:
    value = entry.get("time_created")
    return value if isinstance(value, int) else 0
