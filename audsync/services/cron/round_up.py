"""The end of a `run-due`: what no job recorded is noted, and whoever waits to hear is told."""

import logging
from collections.abc import Mapping

from audsync import logs
from audsync.errors import AudienceUnknownError, AudsyncError
from audsync.services.watch import notices, outbox
from audsync.services.watch.notices import Desk
from audsync.services.wiring.runtime import Runtime
from audsync.store import audiences, connections

_log = logging.getLogger(__name__)


def tell(runtime: Runtime, refused: Mapping[str, AudsyncError]) -> None:
    """Note what was refused and which credentials end soon, then send whatever waits.

    What cannot be noted now is noted by the next run; this one is over, whatever comes of it.

    Args:
        runtime: the program's.
        refused: by slug, why no job of an audience was begun although it was due.
    """
    try:
        _note(runtime, refused)
    except AudsyncError as error:
        _log.warning("notifications wait for the next run: %s", error.code)
        return
    outbox.deliver(runtime)


def _note(runtime: Runtime, refused: Mapping[str, AudsyncError]) -> None:
    tenant = runtime.config.tenant
    with runtime.database.reading() as session:
        if not refused and not connections.listed(session, tenant):
            return
    with runtime.database.transaction() as session:
        desk = Desk.of(runtime.config, session, runtime.database.now(session))
        for slug, error in sorted(refused.items()):
            try:
                audience = audiences.by_reference(session, tenant, slug)
            except AudienceUnknownError:
                continue  # retired meanwhile
            notices.note_refusal(desk, audience, error)
            extra = {**logs.of(error, is_told=True), "audience": slug}
            _log.warning("skipped: %s", error.message, extra=extra)
        runtime.timings.write(session, tenant, now=desk.now)
        for record in connections.listed(session, tenant):
            notices.note_connection(desk, record)
