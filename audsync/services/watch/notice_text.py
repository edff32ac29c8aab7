"""What a notification says: for programs a JSON object, for people a line. Pure.

Names of audiences and connections, counts, codes and our own messages: nobody's personal data.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from audsync.config.watching import NotifyEvent
from audsync.domain import Platform
from audsync.notify.message import Message
from audsync.services import reports

Json = dict[str, Any]

MAX_TEXT_CHARS = 1500
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_COUNTS = (
    "profiles_read",
    "profiles_added",
    "profiles_removed",
    "profiles_failed",
    "profiles_pending",
)
_HAPPENED: Mapping[NotifyEvent, str] = {
    NotifyEvent.FAILED: "could not be synced",
    NotifyEvent.PARTIAL: "was synced in part",
    NotifyEvent.RECOVERED: "is in order again",
    NotifyEvent.STALE: "is not on the platform any more",
    NotifyEvent.CREDENTIALS_EXPIRED: "is refused by the platform",
    NotifyEvent.CREDENTIALS_EXPIRING: "has credentials that end soon",
    NotifyEvent.GUARD_REFUSED: "was not synced: a guard refused",
    NotifyEvent.NAME_CHANGED: "has another name on the platform",
    NotifyEvent.EMPTY_SEGMENT: "has a segment with nobody to send",
    NotifyEvent.LOW_MATCH_RATE: "matches few people",
    NotifyEvent.SIZE_DRIFT: "has another size than it should have",
    NotifyEvent.CIRCUIT_OPEN: "rests after too many failures in a row",
}
_REMEDIES: Mapping[NotifyEvent, str] = {
    NotifyEvent.FAILED: "`audsync jobs show {job}` tells more; `audsync doctor` says what to mend.",
    NotifyEvent.PARTIAL: "`run-due` sends the rest by itself; `audsync jobs show {job}` tells"
    " which.",
    NotifyEvent.STALE: "Run `audsync recreate {audience}` to make it anew, or `audsync unlink"
    " {audience}` to let it go.",
    NotifyEvent.CREDENTIALS_EXPIRED: "Put it right on the platform or with `audsync connections"
    " rotate {connection}`, then run `audsync resume --connection {connection}`.",
    NotifyEvent.CREDENTIALS_EXPIRING: "`audsync connections rotate {connection}` puts new ones in"
    " their place.",
    NotifyEvent.GUARD_REFUSED: "Look at the source; if it is right, run `audsync sync {audience}"
    " --allow-shrink`.",
    NotifyEvent.NAME_CHANGED: "Nothing, or rename it there.",
    NotifyEvent.EMPTY_SEGMENT: "Look at the source and at `where` of the segment: `audsync check"
    " {segment}`.",
    NotifyEvent.LOW_MATCH_RATE: "`audsync check {segment}` shows which columns are worth mending.",
    NotifyEvent.SIZE_DRIFT: "`audsync reconcile {audience}` makes it exactly the segment.",
    NotifyEvent.CIRCUIT_OPEN: "Nothing: it is tried again by itself. `audsync health` shows how it"
    " is.",
}


def about(
    event: NotifyEvent,
    scene: Mapping[str, Any],
    *,
    now: datetime,
    job: Json | None = None,
    problem: Mapping[str, Any] | None = None,
    ended: Sequence[str] = (),
) -> Json:
    """The JSON object of one notification, without its id.

    Args:
        event: what is told.
        scene: `tenant`, `audience`, `segment`, `platform`, `connection`: names, or None.
        now: when it came to light.
        job: the job that met it, as `reports.job` makes it.
        problem: `code` and `message` of an error or a warning.
        ended: for `recovered`: the events that are over.
    """
    names = {key: str(value) for key, value in scene.items() if value is not None}
    told = {**names, "job": job["job_id"][:8] if job else ""}
    remedy = _REMEDIES.get(event, "")
    if event is NotifyEvent.FAILED and job is None:
        remedy = "`audsync doctor` says what to mend."
    body: Json = {
        "event": event.value,
        "at": reports.moment(now),
        **scene,
        "job_id": job["job_id"] if job else None,
        "operation": job["operation"] if job else None,
        "status": job["status"] if job else None,
        "counts": {name: job[name] for name in _COUNTS} if job else None,
        "code": problem.get("code") if problem else None,
        "message": _line(str(problem.get("message") or "")) if problem else None,
        "remedy": remedy.format_map(_Names(told)) or None,
        "ended": list(ended) or None,
    }
    return {**body, "text": _text(event, body)}


def of_test(*, tenant: int, now: datetime) -> Json:
    """What `notifications test` sends."""
    text = "audsync: this is a test. If you can read it, notifications arrive."
    return {"event": "test", "at": reports.moment(now), "tenant": tenant, "text": text}


def message_of(body: Json) -> Message:
    """A notification as its receiver gets it."""
    name = body.get("audience") or body.get("connection") or ""
    title = f"audsync: {name} {body['event']}" if name else f"audsync: {body['event']}"
    is_good = body["event"] in {NotifyEvent.RECOVERED.value, "test"}
    return Message(body=body, title=title, text=body["text"], is_good_news=is_good)


class _Names(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return key.upper()


def _text(event: NotifyEvent, body: Json) -> str:
    name = body["audience"] or f"connection {body['connection']}"
    place = f" ({Platform(body['platform']).label})" if body["platform"] else ""
    code = f" {body['code']}:" if body["code"] else ""
    said = f"{code} {body['message']}" if body["message"] else ""
    after = f" It was: {', '.join(body['ended'])}." if body["ended"] else ""
    remedy = f" What to do: {body['remedy']}" if body["remedy"] else ""
    text = f"audsync: {name}{place} {_HAPPENED[event]}.{said}{after}{remedy}"
    return _line(text)[:MAX_TEXT_CHARS]


def _line(text: str) -> str:
    return _CONTROLS.sub(" ", text).strip()
