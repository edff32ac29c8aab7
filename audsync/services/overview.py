"""What `status` shows of an audience: what we confirmed, what the platform says, what is open."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from audsync.connectors import registry
from audsync.connectors.contract import Spec
from audsync.domain import OVER, BatchState
from audsync.errors import ConfigError
from audsync.services import reports
from audsync.services.jobs import continuity, told
from audsync.services.jobs.state_files import state_address
from audsync.services.watch import expiry
from audsync.services.wiring import circuits
from audsync.services.wiring.runtime import Runtime
from audsync.store import breakers, jobs, ledger
from audsync.store.tables import PlatformAudience

if TYPE_CHECKING:
    from sqlmodel import Session

Json = dict[str, Any]

HISTORY = timedelta(days=30)
_LASTING_WARNINGS = frozenset({"BELOW_MINIMUM_SIZE", "NO_VALID_IDENTIFIERS", "EMPTY_SEGMENT"})
"""Warnings of a job that hold until the next one."""


def describe(runtime: Runtime, session: "Session", audience: PlatformAudience) -> Json:
    """One audience with its health.

    Beside what every report on an audience has: `identifiers_accepted` that the platform took and
    `identifiers_confirmed` of these that it has worked off; `settlement` of the latest requests
    that are worked off later; `circuit` of its connection; `matched_percent` as lower and upper
    bound; `warnings` that hold.
    """
    now = runtime.database.now(session)
    since = now - HISTORY
    left = timedelta(seconds=runtime.config.health.credentials_left)
    success_rate = jobs.success_rate(session, audience.id, since)
    shown = reports.audience(audience, success_rate=success_rate)
    settlement = jobs.latest_settlement(session, audience.id)
    return {
        **shown,
        **_members(session, audience),
        "settlement": settlement,
        "circuit": circuits.as_json(breakers.look(session, circuits.of(audience))),
        "matched_percent": shown["matched_percent"] or _bounds(settlement),
        "warnings": [
            *_unsettled(session, runtime, audience),
            *expiry.warnings_for(session, audience, now, left=left),
            *_warnings(session, runtime, audience),
        ],
    }


def _members(session: "Session", audience: PlatformAudience) -> dict[str, int]:
    head = ledger.head(session, audience.id)
    confirmed = accepted = _total(head.facts.get("sizes"))
    states = {batch.state for batch in ledger.open_batches(session, head)}
    if BatchState.ACCEPTED in states and states <= OVER | {BatchState.ACCEPTED}:
        accepted = _total(head.facts.get("next_sizes"))
    return {"identifiers_accepted": accepted, "identifiers_confirmed": confirmed}


def _total(sizes: Mapping[str, int] | None) -> int:
    return sum((sizes or {}).values())


def _bounds(settlement: Json | None) -> list[int] | None:
    """The match rate of the latest requests, where the platform tells none of the audience."""
    bounds: list[int] | None = (settlement or {}).get("match_rate_percent")
    return bounds


def _warnings(session: "Session", runtime: Runtime, audience: PlatformAudience) -> list[Json]:
    """What the platform's own count says goes before what the latest job could tell."""
    latest = jobs.recent(session, audience.tenant_id, audience_id=audience.id, limit=1)
    said = [one for job in latest for one in job.warnings if one["code"] in _LASTING_WARNINGS]
    least = runtime.config.health.min_match_percent
    now = (told.drifts(audience), told.matches_few(audience, least_percent=least))
    said = [*(one for one in now if one), *said]
    small = told.too_small(audience, _spec(runtime, audience))
    if small is None:
        return said
    return [small, *(one for one in said if one["code"] != small["code"])]


def _unsettled(session: "Session", runtime: Runtime, audience: PlatformAudience) -> Iterator[Json]:
    """That the audience's state was lost or restored, as far as a state folder shows it."""
    if state_address(runtime) is not None:
        return
    head, folder = ledger.head(session, audience.id), runtime.state_root / str(audience.id)
    problem = continuity.visible(head, folder, audience=audience.slug)
    is_moving = ledger.head(session, audience.id).generation != head.generation
    if problem is not None and not is_moving:
        yield {"code": problem.code, "message": problem.message}


def _spec(runtime: Runtime, audience: PlatformAudience) -> Spec:
    """The platform's ways; those of an ordinary connection where it is not known any more."""
    try:
        connection = runtime.connection(audience.connection)
    except ConfigError:
        return registry.spec_of(audience.platform, {})
    is_same = connection.platform is audience.platform
    return runtime.spec_of(connection) if is_same else registry.spec_of(audience.platform, {})
