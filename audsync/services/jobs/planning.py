"""What `sync` would do, touching neither the store nor the platform."""

import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from audsync.domain import AudienceState
from audsync.errors import AudienceStaleError
from audsync.services.jobs.continuity import Continuity
from audsync.services.jobs.guarding import guard_of
from audsync.services.jobs.state_files import scratch_of
from audsync.services.jobs.uplink import max_rows, requests_at_once
from audsync.services.segments import compositions, sources
from audsync.services.wiring.runtime import Runtime
from audsync.store import audiences
from audsync.store.tables import PlatformAudience
from audsync.sync.change.local import LocalEngine
from audsync.sync.drafting import Draft, draft, require_knowledge
from audsync.sync.ports import Desk
from audsync.sync.recover import standing_of

CAUSES = ("left_segment", "identifier_changed", "suppressed", "consent_withdrawn", "held_out")


def plan(runtime: Runtime, reference: str) -> dict[str, Any]:
    """The change that `sync` would make to one audience.

    Returns:
        `has_changes`, adds, removes and unchanged by kind, causes of the removals, profiles,
        batches, estimated calls and minutes, rejects by reason, and every guard's verdict.

    Raises:
        AudienceUnknownError, SegmentNotFoundError, SourceError: it cannot be planned.
    """
    audience = planned(runtime, reference)
    with drafting(runtime, audience) as (_, drafted):
        pass
    return {
        "audience": audience.slug,
        "audience_id": str(audience.id),
        "platform": audience.platform.value,
        **_change(drafted),
        **_effort(runtime, audience, drafted),
        "profiles_read": drafted.books.profiles_read,
        "profiles_skipped": drafted.books.profiles_skipped,
        "excluded": drafted.counts.excluded,
        "held_out": drafted.counts.held_out,
        "rejected": drafted.books.rejected,
        "guards": [
            {"guard": verdict.name, "ok": verdict.is_ok, "message": verdict.message}
            for verdict in drafted.verdicts
        ],
    }


def planned(runtime: Runtime, reference: str) -> PlatformAudience:
    """An audience for which there can be a plan.

    Raises:
        AudienceUnknownError: there is none of that name.
        AudienceStaleError: the platform has lost it.
    """
    with runtime.database.reading() as session:
        audience = audiences.by_reference(session, runtime.config.tenant, reference)
    if audience.state is AudienceState.STALE:
        raise AudienceStaleError(
            f"{audience.slug} was deleted on {audience.platform.label}: there is nothing to plan.",
            details={"audience": audience.slug},
        )
    return audience


@contextmanager
def drafting(runtime: Runtime, audience: PlatformAudience) -> Iterator[tuple[LocalEngine, Draft]]:
    """What `sync` would send, and what reads its rows; its files are gone after the block."""
    spec = runtime.spec_of(runtime.connection(audience.connection))
    with tempfile.TemporaryDirectory(prefix="audsync-plan-") as scratch:
        folder = scratch_of(runtime, audience.id, Path(scratch))
        work = folder.open_work()
        Continuity(runtime=runtime, audience_id=audience.id, folder=folder).require()
        engine = LocalEngine(folder, work, memory_bytes=sources.working_memory(runtime))
        desk = Desk(
            database=runtime.database,
            engine=engine,
            progress=runtime.progress,
            spec=spec,
            max_rows=max_rows(runtime, spec),
            clock=runtime.clock,
        )
        segment = compositions.segment_for(
            runtime, audience.segment, spec, folder=folder, work=work
        )
        guard = guard_of(runtime, audience, allow_shrink=False)
        standing = standing_of(desk, audience.id)
        drafted = draft(desk, standing, segment, guard)
        require_knowledge(standing, drafted, audience=audience.slug)
        yield engine, drafted


def _change(drafted: Draft) -> dict[str, Any]:
    summary = drafted.plan.summary
    sent = summary.profiles_sent
    return {
        "has_changes": bool(summary.adds or summary.removes or sent or summary.profiles_left),
        "identifiers": {
            kind.label: {
                "adds": change.adds,
                "removes": change.removes,
                "unchanged": change.unchanged,
            }
            for kind, change in sorted(summary.kinds.items())
        },
        "removal_causes": {cause: summary.causes.get(cause, 0) for cause in CAUSES},
        "profiles_new": summary.profiles_new,
        "profiles_changed": sent - summary.profiles_new,
        "profiles_unchanged": drafted.books.profiles_unchanged,
        "profiles_removed": summary.profiles_left,
        "profiles_refreshed": summary.profiles_refreshed,
        "identifiers_echoed": summary.echoed,
        "identifiers_left_out": drafted.refused.identifiers,
        "profiles_left_out": drafted.refused.profiles,
    }


def _effort(runtime: Runtime, audience: PlatformAudience, drafted: Draft) -> dict[str, Any]:
    """Batches, and how many calls and minutes they take under the platform's rate limit."""
    spec = runtime.spec_of(runtime.connection(audience.connection))
    batches = len(drafted.plan.batches)
    calls = batches + 1
    paced_s = max((calls // limit.calls * limit.window_s for limit in spec.call_limits), default=0)
    at_once = requests_at_once(runtime, spec)
    seconds = max(calls * spec.seconds_per_call / at_once, paced_s)
    return {
        "batches": batches,
        "batch_rows": max_rows(runtime, spec),
        "estimated_calls": calls if batches else 1,
        "estimated_minutes": math.ceil(seconds / 6) / 10 if batches else 0.0,
    }
