"""What becomes of an audience and of a connection, noted for those who want to hear of it.

Everything here is written in the caller's transaction: the one that records the job's end or the
change itself. Sending is `outbox`. Told is a change of state and its end, not every failure: an
event that is open already is not told again, except to a receiver that has not heard of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from audsync.config.model import Config, NotifyConfig
from audsync.config.watching import NotifyEvent
from audsync.domain import ConnectionStatus
from audsync.errors import AudsyncError
from audsync.services import reports
from audsync.services.watch import expiry, incidents, notice_text
from audsync.services.watch.incidents import MOMENTS, OF_CONNECTION, Met
from audsync.store import connections, notifications
from audsync.store.tables import AudienceSyncJob, Connection, Incident, PlatformAudience

if TYPE_CHECKING:
    from sqlmodel import Session

Json = dict[str, Any]
_CONNECTION_TROUBLES = (NotifyEvent.CREDENTIALS_EXPIRED, NotifyEvent.CIRCUIT_OPEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Who hears of what, and the transaction it is written in."""

    session: "Session"
    tenant_id: int
    receivers: Sequence[NotifyConfig]
    credentials_left: timedelta
    now: datetime

    @classmethod
    def of(cls, config: Config, session: "Session", now: datetime) -> "Desk":
        """The one of this configuration."""
        return cls(
            session=session,
            tenant_id=config.tenant,
            receivers=config.notify,
            credentials_left=timedelta(seconds=config.health.credentials_left),
            now=now,
        )

    def opened(self, subject: str, event: NotifyEvent, detail: str = "") -> Incident | None:
        """The open incident of that event on the subject."""
        return notifications.open_incident(
            self.session,
            self.tenant_id,
            subject=subject,
            event=event.value,
            detail=detail,
            now=self.now,
        )

    def tell(self, number: int, incident: Incident | None, event: NotifyEvent, body: Json) -> None:
        """Let a receiver hear of an incident, unless it has."""
        if incident is not None:
            notifications.add(
                self.session,
                incident,
                receiver=number,
                event=event.value,
                message=body,
                now=self.now,
            )

    def tell_all(self, incident: Incident | None, event: NotifyEvent, body: Json) -> None:
        """Let every receiver that listens to the event hear of it."""
        for number, receiver in enumerate(self.receivers, start=1):
            if event in receiver.on:
                self.tell(number, incident, event, body)

    def close(self, over: Sequence[Incident], scene: Json, job: Json | None = None) -> None:
        """Note that incidents are over; whoever heard of one hears of its end."""
        closed = [
            one for one in over if notifications.close_incident(self.session, one, now=self.now)
        ]
        for number, receiver in enumerate(self.receivers, start=1):
            if not closed or NotifyEvent.RECOVERED not in receiver.on:
                continue
            heard = notifications.told(self.session, closed, receiver=number)
            told = [one for one in closed if one.id in heard]
            if told:
                body = notice_text.about(
                    NotifyEvent.RECOVERED,
                    scene,
                    now=self.now,
                    job=job,
                    ended=[one.event for one in told],
                )
                self.tell(number, told[0], NotifyEvent.RECOVERED, body)


def note_job(desk: Desk, audience: PlatformAudience, record: AudienceSyncJob) -> None:
    """Note what a job that has just ended means for its audience and its connection."""
    job = reports.job(record)
    met = incidents.met_by(job)
    if met is None:
        return
    _note_troubles(desk, audience, met, job=job, problem=record.error)
    _note_oddities(desk, audience, met, job)
    known = connections.by_name(desk.session, desk.tenant_id, audience.connection)
    if known is not None:
        note_connection(desk, known)


def note_refusal(desk: Desk, audience: PlatformAudience, error: AudsyncError) -> None:
    """Note that no job could be begun on an audience, or that it was found gone."""
    met = incidents.met_without_job(error.code)
    if met is not None:
        _note_troubles(desk, audience, met, job=None, problem=error.as_json())


def note_end(desk: Desk, audience: PlatformAudience) -> None:
    """Note that an audience is retired: nothing is wrong with it any more, and nobody is told."""
    subject = _subject(audience)
    for one in notifications.open_incidents(desk.session, desk.tenant_id, subject):
        notifications.close_incident(desk.session, one, now=desk.now)


def note_connection(desk: Desk, record: Connection) -> None:
    """Note how a connection stands: refused, about to end, or in order again."""
    subject, scene = f"connection:{record.name}", _scene_of(record)
    found = set()
    if record.status is ConnectionStatus.ERROR:
        found.add(NotifyEvent.CREDENTIALS_EXPIRED)
        incident = desk.opened(subject, NotifyEvent.CREDENTIALS_EXPIRED)
        body = notice_text.about(
            NotifyEvent.CREDENTIALS_EXPIRED, scene, now=desk.now, problem=record.error
        )
        desk.tell_all(incident, NotifyEvent.CREDENTIALS_EXPIRED, body)
    if expiry.ends_soon(record.expires_at, desk.now, left=desk.credentials_left):
        found.add(NotifyEvent.CREDENTIALS_EXPIRING)
        detail = reports.moment(record.expires_at) or ""
        incident = desk.opened(subject, NotifyEvent.CREDENTIALS_EXPIRING, detail)
        problem = {"code": expiry.CODE, "message": expiry.words(record, desk.now)}
        body = notice_text.about(
            NotifyEvent.CREDENTIALS_EXPIRING, scene, now=desk.now, problem=problem
        )
        desk.tell_all(incident, NotifyEvent.CREDENTIALS_EXPIRING, body)
    watched = {NotifyEvent.CREDENTIALS_EXPIRED, NotifyEvent.CREDENTIALS_EXPIRING} - found
    is_known = record.status is not ConnectionStatus.UNTESTED
    _close(desk, subject, watched if is_known else set(), scene)


def _note_troubles(
    desk: Desk, audience: PlatformAudience, met: Met, *, job: Json | None, problem: Json | None
) -> None:
    scene = _scene(desk, audience)
    own, connection = _subject(audience), f"connection:{audience.connection}"
    opened = {
        event: desk.opened(connection if event in OF_CONNECTION else own, event)
        for event in met.troubles
    }
    for number, receiver in enumerate(desk.receivers, start=1):
        event = incidents.chosen(met.troubles, receiver.on)
        if event is None:
            continue
        of_connection = {**scene, "audience": None, "segment": None}
        where = of_connection if event in OF_CONNECTION else scene
        body = notice_text.about(
            event, where, now=desk.now, job=None if event in OF_CONNECTION else job, problem=problem
        )
        desk.tell(number, opened[event], event, body)
    if not met.troubles:
        _close(desk, own, set(incidents.MOST_TELLING_FIRST), scene, job)
        of_connection = {**scene, "audience": None, "segment": None}
        _close(desk, connection, set(_CONNECTION_TROUBLES), of_connection)


def _note_oddities(desk: Desk, audience: PlatformAudience, met: Met, job: Json) -> None:
    subject, scene = _subject(audience), _scene(desk, audience)
    for warning in job["warnings"]:
        event = incidents.EVENT_OF_WARNING.get(warning["code"])
        if event is None:
            continue
        body = notice_text.about(event, scene, now=desk.now, job=job, problem=warning)
        incident: Incident | None
        if event in MOMENTS:
            incident = notifications.add_moment(
                desk.session, desk.tenant_id, subject=subject, event=event.value, now=desk.now
            )
        else:
            incident = desk.opened(subject, event)
        desk.tell_all(incident, event, body)
    if met.is_whole:
        over = set(incidents.EVENT_OF_WARNING.values()) - met.oddities
        _close(desk, subject, over, scene, job)


def _close(
    desk: Desk, subject: str, events: set[NotifyEvent], scene: Json, job: Json | None = None
) -> None:
    """Close whichever of these events are open."""
    found = notifications.open_incidents(desk.session, desk.tenant_id, subject)
    over = [one for one in found if one.event in events]
    if over:
        desk.close(over, scene, job)


def _subject(audience: PlatformAudience) -> str:
    return f"audience:{audience.id}"


def _scene(desk: Desk, audience: PlatformAudience) -> Json:
    return {
        "tenant": desk.tenant_id,
        "audience": audience.slug,
        "segment": audience.segment,
        "platform": audience.platform.value,
        "connection": audience.connection,
    }


def _scene_of(record: Connection) -> Json:
    return {
        "tenant": record.tenant_id,
        "audience": None,
        "segment": None,
        "platform": record.platform.value,
        "connection": record.name,
    }
