"""TikTok's path of files: what we upload, what we say and read, what a state means. Pure.

docs/platforms/tiktok.md has the sources.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Any, Self

from audsync.connectors import encode
from audsync.connectors.replies import text_field
from audsync.connectors.tiktok.audiences import FILED, Told, data
from audsync.connectors.tiktok.codes import EDIT_REST_S
from audsync.connectors.tiktok.spec import FILE_SPEC
from audsync.domain import Kind, RemoteAudience, RemoteId, Settlement, SettlementState, UploadBatch
from audsync.errors import ConflictError, RejectedError, ValidationError

MAX_FILES = 500
"""TikTok takes no more in one change."""
_TYPE = "MULTIPLE_TYPES"
_HEADINGS: Mapping[Kind, str] = {
    Kind.EMAIL: "email_SHA256",
    Kind.PHONE: "phone_SHA256",
    Kind.MOBILE_ID: "MAID_SHA256",
}
"""TikTok's name for each kind in the first line of a file."""
_BLIND_TIME = timedelta(minutes=15)
"""For so long after a change TikTok's description may still be that of before; a guess."""
_REFERENCE = re.compile(r"([0-9]+)\.([0-9]+)\.([0-9]+)")
_WAYS_OUT = (
    "TikTok computes no audience of files below 1,000 people. Make the segment larger; where "
    "TikTok takes no more changes to the audience, delete it and create it anew. Or set "
    "options.upload of the connection to streaming and create the audience anew: that path "
    "takes any number of people."
)


class State(Enum):
    """How an audience of files is. TikTok tells it in pieces only."""

    READY = auto()
    COMPUTING = auto()
    TOO_SMALL = auto()
    """It met too few people, and takes no change any more."""
    EXPIRED = auto()
    UNCLEAR = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change that TikTok accepted: what a receipt's reference says."""

    audience: RemoteId
    asked_at: datetime
    rows: int
    """People in it."""

    @classmethod
    def of(cls, reference: str) -> Self | None:
        """The opposite of `reference`; None for what is no such text."""
        parts = _REFERENCE.fullmatch(reference)
        if parts is None:
            return None
        audience, asked_at_s, rows = parts.groups()
        asked_at = datetime.fromtimestamp(int(asked_at_s), UTC)
        return cls(audience=RemoteId(audience), asked_at=asked_at, rows=int(rows))

    @property
    def reference(self) -> str:
        """Audience, moment and size as one text."""
        return f"{self.audience}.{int(self.asked_at.timestamp())}.{self.rows}"


def content(batch: UploadBatch) -> bytes:
    """A file of the batch's people: a line of headings, then a line a person, a field a kind."""
    kinds = [kind for kind in _HEADINGS if kind in batch.kinds]
    headings = ",".join(_HEADINGS[kind] for kind in kinds)
    return encode.lines(batch.members, kinds, before=f"{headings}\n", after="\n")


def upload_form(file: bytes) -> dict[str, str]:
    """What goes along with a file."""
    digest = hashlib.md5(file, usedforsecurity=False).hexdigest()  # what TikTok asks for
    return {"calculate_type": _TYPE, "file_signature": digest}


def new_audience(name: str, paths: Sequence[str]) -> dict[str, object]:
    """The order that makes an audience of uploaded files."""
    return {"custom_audience_name": name, "file_paths": list(paths), "calculate_type": _TYPE}


def replacement(audience: RemoteId, paths: Sequence[str]) -> dict[str, object]:
    """The order that makes uploaded files the whole of an audience."""
    # Never without an action; all the same the one that TikTok takes where none is named.
    return {"custom_audience_id": audience, "file_paths": list(paths), "action": "REPLACE"}


def deletion(audience: RemoteId) -> dict[str, object]:
    """The order that removes an audience."""
    return {"custom_audience_ids": [audience]}


def uploaded(answer: Mapping[str, Any]) -> str:
    """TikTok's name for a file that it took.

    Raises:
        OutcomeUnknownError: there is none.
    """
    return text_field(data(answer), "file_path")


def created(answer: Mapping[str, Any]) -> RemoteId:
    """The id of an audience that was just made.

    Raises:
        OutcomeUnknownError: there is none.
    """
    return RemoteId(text_field(data(answer), "custom_audience_id"))


def state(found: Told, now: datetime) -> State:
    """How an audience is; `now` is aware UTC."""
    if found.is_expired(now):
        return State.EXPIRED
    if found.is_valid:
        return State.READY
    if not found.failure and found.is_computing(now):
        return State.COMPUTING
    return State.TOO_SMALL if (found.matched or 0) < FILE_SPEC.minimum_size else State.UNCLEAR


def remote_audience(found: Told, now: datetime) -> RemoteAudience:
    """What TikTok says about one audience; `now` is aware UTC.

    One that takes no change any more counts as usable: waiting does not help it, and whoever
    wants to change it is told so by `refusal`.
    """
    current = state(found, now)
    is_ours = FILED.has(found.kind)
    is_counted = found.matched or current in {State.READY, State.TOO_SMALL}
    size = found.matched if is_counted else None
    return RemoteAudience(
        id=found.id,
        name=found.name,
        size_lower=size,
        size_upper=size,
        is_usable=is_ours and current is not State.COMPUTING,
        note=_note(found, current) if is_ours else f"it is a {found.kind}, which takes no files",
    )


def refusal(found: Told, *, rows: int, now: datetime) -> RejectedError | None:
    """Why a change of this audience would come to nothing; None where it may succeed.

    Args:
        found: what TikTok says of it.
        rows: people in the change.
        now: aware UTC.
    """
    current = state(found, now)
    details: dict[str, Any] = {"platform": "tiktok", "audience_state": current.name.lower()}
    words = f" TikTok reports: {found.failure}." if found.failure else ""
    if current is State.COMPUTING:
        return ConflictError(
            "TikTok still computes the audience and takes no changes meanwhile, which lasts up to "
            "48 hours. Nothing was sent; it is tried again later.",
            details={**details, "retry_after_seconds": EDIT_REST_S},
        )
    if current is State.EXPIRED:
        return ValidationError(
            "The audience has expired on TikTok and takes no more changes. Delete it and create "
            "it anew.",
            details=details,
        )
    if current is State.TOO_SMALL:
        return ValidationError(
            f"The audience met too few people and takes no more changes, ever.{words} {_WAYS_OUT}",
            details=details,
        )
    if found.failure and rows < FILE_SPEC.minimum_size:
        return ValidationError(
            f"The last change of the audience came to nothing.{words} This one has {rows:,} "
            f"people and would, too; the audience stays as it was. {_WAYS_OUT}",
            details=details,
        )
    return None


def settlement(found: Told, change: Change, now: datetime) -> Settlement:
    """What became of an accepted change; `now` is aware UTC."""
    if now - change.asked_at < _BLIND_TIME:
        return Settlement(state=SettlementState.PENDING)
    if found.failure:
        return Settlement(
            state=SettlementState.REJECTED,
            rejected_rows=change.rows,
            reasons={found.failure: change.rows},
        )
    if found.is_valid:
        return Settlement(state=SettlementState.CONFIRMED)
    return Settlement(state=SettlementState.PENDING)


def _note(found: Told, current: State) -> str:
    """The state of an audience of files in words; "" when all is well."""
    words = f"TikTok reports: {found.failure}" if found.failure else ""
    counted = f"{found.matched or 0:,} matched people of at least {FILE_SPEC.minimum_size:,}"
    day = f"{found.expires_at:%Y-%m-%d}" if found.expires_at else ""
    ending = f"expires on {day} unless an ad group uses it" if found.is_expiring and day else ""
    return {
        State.READY: f"the last change came to nothing. {words}" if words else ending,
        State.COMPUTING: "being computed, which takes up to 48 hours; takes no changes meanwhile",
        State.TOO_SMALL: f"too small, and takes no changes any more. {words or counted}",
        State.EXPIRED: f"expired on {day}: takes no changes any more",
        State.UNCLEAR: words or "TikTok calls it not valid, without a reason",
    }[current]
