"""What a job's receipts add up to. Pure.

rows read = skipped + unchanged + sent + pending, and sent = added + failed: to the last profile.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from audsync.domain import TAKEN, Action, BatchState, SyncStatus
from audsync.sync.contract import BatchFacts, Carrier, Plan, SegmentCounts

_OVER = TAKEN | {BatchState.LEFT_OUT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """The counts of one job; the names are those of its JSON."""

    profiles_read: int = 0
    profiles_skipped: dict[str, int] = field(
        default_factory=lambda: {
            "no_valid_identifier": 0,
            "no_consent": 0,
            "suppressed": 0,
            "duplicate": 0,
        }
    )
    profiles_unchanged: int = 0
    profiles_sent: int = 0
    profiles_added: int = 0
    profiles_failed: int = 0
    profiles_pending: int = 0
    profiles_removed: int = 0
    profiles_refreshed: int = 0
    identifiers_added: int = 0
    identifiers_removed: int = 0
    platform_rejected: int = 0
    total_batches: int = 0
    successful_batches: int = 0
    failed_batches: int = 0
    rejected: dict[str, dict[str, int]] = field(default_factory=dict)


def are_all_taken(batches: Sequence[BatchFacts]) -> bool:
    """Whether the platform took every batch, but for values that it refuses."""
    return all(batch.state in _OVER for batch in batches)


def status_of(batches: Sequence[BatchFacts]) -> SyncStatus:
    """How a job whose plan was made ended: by what the platform took of it."""
    if are_all_taken(batches):
        return SyncStatus.COMPLETED
    is_any_taken = any(batch.state in TAKEN for batch in batches)
    return SyncStatus.PARTIAL if is_any_taken else SyncStatus.FAILED


def as_one(batches: Sequence[BatchFacts]) -> tuple[BatchFacts, ...]:
    """Batches of a session that takes effect with its last one or not at all.

    Unless that one was taken, those before it count as if they had never left.
    """
    if not batches or batches[-1].state in TAKEN:
        return tuple(batches)
    *others, last = batches
    return (
        *(
            one if one.state is BatchState.REFUSED else replace(one, state=BatchState.PLANNED)
            for one in others
        ),
        last,
    )


def of_segment(counts: SegmentCounts) -> Books:
    """The books of a job that read its segment and then planned nothing."""
    return Books(
        profiles_read=counts.rows,
        profiles_skipped=_skipped(counts),
        profiles_pending=counts.profiles,
        rejected=_rejected(counts),
    )


def close(
    counts: SegmentCounts,
    plan: Plan,
    batches: Sequence[BatchFacts],
    *,
    platform_rejected: int,
    left_out: Sequence[Carrier] = (),
) -> Books:
    """The books of a job, from its segment, its plan and what is known of each batch.

    Whoever carries a value that was left out has failed, whatever else of hers was taken.

    Args:
        counts: what reading the segment came to.
        plan: as it was committed.
        batches: the plan's batches as they are now.
        platform_rejected: entries the platform called invalid inside batches that it took.
        left_out: who carries what was left out.
    """
    taken = [batch for batch in batches if batch.state in TAKEN]
    pending = [batch for batch in batches if batch.state is BatchState.PLANNED]
    added = sum(batch.profiles for batch in taken)
    added -= min(added, _counted_as_taken(batches, left_out))
    waiting = sum(batch.profiles for batch in pending)
    sent = plan.summary.profiles_sent - waiting
    is_whole = are_all_taken(batches)
    appeared, vanished, left = _changes(plan, batches, is_whole=is_whole)
    return Books(
        profiles_read=counts.rows,
        profiles_skipped=_skipped(counts),
        profiles_unchanged=counts.profiles - plan.summary.profiles_sent,
        profiles_sent=sent,
        profiles_added=added,
        profiles_failed=sent - added,
        profiles_pending=waiting,
        profiles_removed=left,
        profiles_refreshed=sum(batch.refreshed for batch in taken),
        identifiers_added=appeared,
        identifiers_removed=vanished,
        platform_rejected=platform_rejected,
        total_batches=len(batches),
        successful_batches=len(taken),
        failed_batches=len(batches) - len(taken) - len(pending),
        rejected=_rejected(counts),
    )


def _counted_as_taken(batches: Sequence[BatchFacts], left_out: Sequence[Carrier]) -> int:
    """Profiles that failed for one value and are counted in a batch that holds another."""
    profiles = {one.profile for one in left_out if not one.is_refresh}
    own = sum(batch.profiles for batch in batches if batch.state is BatchState.LEFT_OUT)
    return max(0, len(profiles) - own)


def _changes(plan: Plan, batches: Sequence[BatchFacts], *, is_whole: bool) -> tuple[int, int, int]:
    """Identifiers that appeared, identifiers that vanished, profiles that left."""
    summary = plan.summary
    if is_whole:
        refused = sum(one.identifiers for one in batches if one.state is BatchState.LEFT_OUT)
        return max(0, summary.adds - refused), summary.removes, summary.profiles_left
    taken = [batch for batch in batches if batch.state in TAKEN]
    appeared = sum(batch.identifiers for batch in taken if batch.action is Action.ADD)
    vanished = sum(batch.identifiers for batch in taken if batch.action is Action.REMOVE)
    left = sum(batch.profiles_left for batch in taken)
    return min(appeared, summary.adds), vanished, left


def _skipped(counts: SegmentCounts) -> dict[str, int]:
    return {
        "no_valid_identifier": counts.no_identifier,
        "no_consent": counts.no_consent,
        "suppressed": counts.suppressed + counts.excluded + counts.held_out,
        "duplicate": counts.duplicates,
    }


def _rejected(counts: SegmentCounts) -> dict[str, dict[str, int]]:
    return {kind: dict(reasons) for kind, reasons in counts.rejected.items() if reasons}
