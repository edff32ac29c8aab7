"""What `export --delta` means: the rows that `sync` would send now, as a file.

Neither the platform nor what is known of the audience is touched; the audit trail tells of it.
"""

from dataclasses import dataclass
from typing import BinaryIO

from audsync.domain import Action
from audsync.errors import UsageError
from audsync.services.actor import harmless
from audsync.services.acts import record
from audsync.services.exports import export_places
from audsync.services.exports.export_parts import Parts, Style, report_of
from audsync.services.exports.exporting import Done, require_feature
from audsync.services.jobs import planning
from audsync.services.wiring.runtime import Runtime
from audsync.store.audit import Act
from audsync.sync.exports.changes import ChangeSheet, kinds_in


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaWish:
    """What a person asked for."""

    audience: str
    out: str
    """A path; `-` for stdout."""
    format: str
    """csv, json, jsonl or parquet."""
    segment: str | None = None
    """The segment that they believe the audience is of."""
    is_excel_safe: bool = False
    lasts_s: int | None = None
    """How long the URL of an object is to work; None: as long as usual."""


def export_delta(runtime: Runtime, wish: DeltaWish, *, stdout: BinaryIO) -> Done:
    """Write what `sync` would send to an audience.

    Raises:
        FeatureDisabledError: exports are switched off.
        UsageError: the audience is of another segment, or nothing can be written there.
        AudienceUnknownError, AudienceStaleError, SegmentNotFoundError, SourceError: there is no
            plan to write.
        StateError: the disk is full or refuses.
    """
    require_feature(runtime)
    audience = planning.planned(runtime, wish.audience)
    if wish.segment not in {None, audience.segment}:
        raise UsageError(
            f"{audience.slug} is of the segment {audience.segment}: leave SEGMENT out beside"
            " --delta.",
            details={"option": "--delta", "segment": audience.segment},
        )
    destination = export_places.destination(runtime, wish.out, stdout, lasts_s=wish.lasts_s)
    told = {"is_hashed": True, "format": wish.format, "out": harmless(wish.out), "delta": True}
    record(
        runtime,
        Act.SEGMENT_EXPORTED,
        {"segment": audience.segment, "audience": audience.slug},
        told,
    )
    with destination, planning.drafting(runtime, audience) as (engine, drafted):
        plan = drafted.plan
        removals = (batch for batch in plan.batches if batch.action is Action.REMOVE)
        removed = kinds_in(engine.members(plan.files, batch) for batch in removals)
        sheet = ChangeSheet(
            platform=audience.platform,
            kinds=tuple(sorted({*plan.summary.session_kinds, *removed})),
        )
        style = Style(form=wish.format, is_excel_safe=wish.is_excel_safe)
        parts = Parts(destination, [sheet], style)
        for batch in plan.batches:
            runtime.stop.check()
            if batch.rows:  # a sweep has none
                parts.append(sheet, sheet.table(batch, engine.members(plan.files, batch)))
        profiles = plan.summary.profiles_sent + plan.summary.profiles_left
        report = report_of(parts.publish(), profiles=profiles, form=wish.format)
    return Done(
        report=report,
        notes=tuple(
            f"sync would refuse this: {verdict.message}"
            for verdict in drafted.verdicts
            if not verdict.is_ok
        ),
    )
